-- What the owner decides about brands, which labels need a look, and how labels change over time.
set local role soleflip_owner;

create table owner.brand_decision (
    name_key text primary key,
    name text not null,
    is_accepted boolean not null,
    brand text,
    parent_brand text,
    note text,
    decided_at timestamptz not null default now(),
    check (is_accepted = (brand is not null))
);
comment on table owner.brand_decision is
    'One row per name from a brand field of a marketplace that the owner accepted as a brand (under'
    ' the name `brand`) or rejected; name_key is the name without case, accents and signs.';

alter table enrichment.product_label
    add column proposed_brand text,
    add column review_reason text
        check (review_reason in ('new brand', 'unsure brand', 'no brand', 'no category'));
comment on column enrichment.product_label.proposed_brand is
    'Brand that a witness names without being sure enough; what the owner may accept.';
comment on column enrichment.product_label.review_reason is
    'Why a person should look at the row; NULL where the label is sure enough.';

create table history.product_label_change (
    platform text not null,
    partner_product_id text not null,
    valid_from timestamptz not null,
    brand text,
    parent_brand text,
    category text,
    brand_rule text,
    brand_confidence numeric(4, 3) not null,
    category_rule text,
    category_confidence numeric(4, 3) not null,
    rule_version text not null,
    primary key (platform, partner_product_id, valid_from)
);
comment on table history.product_label_change is
    'One row per change of a product''s brand, parent brand or category; the first label is the'
    ' first row. Append-only.';
insert into history.product_label_change
select
    platform,
    partner_product_id,
    labelled_at,
    brand,
    parent_brand,
    category,
    brand_rule,
    brand_confidence,
    category_rule,
    category_confidence,
    rule_version
from enrichment.product_label;

create table enrichment.catalog_accuracy (
    kind text primary key,
    rule_version text not null,
    labelled_hash text not null,
    row_count integer not null,
    answered_count integer not null,
    coverage numeric(6, 4),
    accuracy numeric(6, 4),
    macro_accuracy numeric(6, 4),
    recall numeric(6, 4),
    worst jsonb not null default '[]',
    measured_at timestamptz not null default now()
);
comment on table enrichment.catalog_accuracy is
    'One row per kind of detection: how right the rules in force are on the labelled set that ships'
    ' with the project. Shares are 0 to 1.';

grant select, insert, update, delete on owner.brand_decision to soleflip_loader;
grant select, insert on history.product_label_change to soleflip_loader;
grant select, insert, update, delete, truncate on enrichment.catalog_accuracy to soleflip_loader;
grant select on owner.brand_decision, history.product_label_change, enrichment.catalog_accuracy
    to soleflip_transformer;
