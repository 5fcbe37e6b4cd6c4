-- eBay's and Alias's raw tables; of the one form of all raw tables.
create schema raw_ebay authorization soleflip_owner;
create schema raw_alias authorization soleflip_owner;
grant usage on schema raw_ebay, raw_alias to soleflip_loader, soleflip_transformer;

set local role soleflip_owner;

create table raw_ebay.orders (
    order_id text not null,
    payload jsonb not null,
    payload_hash text not null,
    first_seen_at timestamptz not null default now(),
    changed_at timestamptz not null default now(),
    batch_id bigint not null references integration.import_batches,
    primary key (order_id)
);
comment on table raw_ebay.orders is 'One row per eBay order with its lines; one that was cancelled as its detail call gave it.';

create table raw_alias.orders (
    order_id text not null,
    payload jsonb not null,
    payload_hash text not null,
    first_seen_at timestamptz not null default now(),
    changed_at timestamptz not null default now(),
    batch_id bigint not null references integration.import_batches,
    primary key (order_id)
);
comment on table raw_alias.orders is 'One row per Alias order: one unit sold; amounts in US cents.';

create table raw_alias.listings (
    listing_id text not null,
    payload jsonb not null,
    payload_hash text not null,
    first_seen_at timestamptz not null default now(),
    changed_at timestamptz not null default now(),
    batch_id bigint not null references integration.import_batches,
    primary key (listing_id)
);
comment on table raw_alias.listings is 'One row per own listing on Alias; amounts in US cents.';

grant select, insert, update, delete on all tables in schema raw_ebay, raw_alias to soleflip_loader;
grant select on all tables in schema raw_ebay, raw_alias to soleflip_transformer;
