-- A model that fills what the rules leave open: how it did on the owner's labels.
set local role soleflip_owner;

create table enrichment.fallback_trial (
    kind text primary key check (kind in ('brand', 'category')),
    version text not null,
    label_count integer not null,
    rules_right_count integer not null,
    with_model_right_count integer not null,
    filled_count integer not null,
    filled_right_count integer not null,
    is_used boolean not null,
    tried_at timestamptz not null default now()
);
comment on table enrichment.fallback_trial is
    'One row per kind of label: how many of the owner''s labels the rules get right alone, and how'
    ' many once a model that had not seen their titles fills the gaps. It is used where that is'
    ' more, and it was right in nine of ten gaps.';

alter table enrichment.product_label add column fallback_version text;
comment on column enrichment.product_label.fallback_version is
    'Which models were asked for what the rules left open; NULL where none was needed or in force.';

grant select, insert, update, delete on enrichment.fallback_trial to soleflip_loader;
grant select on enrichment.fallback_trial to soleflip_transformer;
