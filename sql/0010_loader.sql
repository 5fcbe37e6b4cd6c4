-- What the loader learned: rejected rows that can be tried again, fields as they appear, versions.
set local role soleflip_owner;

alter table integration.rejected_rows
add column context jsonb,
add column note text,
add column settled_at timestamptz;
comment on column integration.rejected_rows.context is
'What the row needs to be judged again from where it lies, such as the header of its file.';

alter table integration.import_batches
drop constraint import_batches_batch_kind_check,
add constraint import_batches_batch_kind_check
check (batch_kind in ('api', 'feed', 'file', 'retry'));

create table integration.known_field (
    asset text not null,
    field_path text not null,
    first_seen_at timestamptz not null default now(),
    batch_id bigint not null references integration.import_batches,
    primary key (asset, field_path)
);
comment on table integration.known_field is
'One row per field that a source has ever sent, with the batch that brought it first.';

grant select, insert, update on table integration.known_field to soleflip_loader;
grant select on table integration.known_field to soleflip_transformer, soleflip_reader;

-- Text that is no time is no time, never an error: what a source sends must not stop a batch.
create function integration.moment(value text) returns timestamptz
language plpgsql stable parallel safe as $$
begin
    return value::timestamptz;
exception when data_exception then
    return null;
end $$;

-- The loader writes a batch's rows and its ledger line in one transaction, and a check compares
-- them after each load; a trigger a row would cost a quarter of the load for the same knowledge.
do $$
declare
    found record;
begin
    for found in
        select con.conrelid::regclass as raw_table, con.conname
        from pg_constraint con
        where con.contype = 'f' and con.connamespace::regnamespace::text like 'raw\_%'
    loop
        execute format('alter table %s drop constraint %I', found.raw_table, found.conname);
    end loop;
end $$;
