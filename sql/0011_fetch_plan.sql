-- What a partner is asked for next: the owner's watch list, the plan of market calls and what was
-- searched for without being found.
set local role soleflip_owner;

create table owner.watch_item (
    watch_id bigint generated always as identity primary key,
    platform text not null default 'stockx',
    partner_product_id text,
    style_code text,
    note text,
    created_at timestamptz not null default now(),
    constraint watch_item_names_a_product check (num_nonnulls(partner_product_id, style_code) > 0)
);
comment on table owner.watch_item is
    'One row per product whose market the owner wants to follow, by its id at the partner or by style code.';
create unique index watch_item_once_idx on owner.watch_item (
    platform, coalesce(partner_product_id, ''), coalesce(style_code, '')
);

create table integration.fetch_plan (
    partner text not null,
    partner_product_id text not null,
    value_class text not null check (
        value_class in ('in_stock', 'listed', 'sold', 'watched', 'dormant')
    ),
    decision text not null check (
        decision in ('planned', 'deferred', 'fresh', 'refused', 'dropped')
    ),
    for_day date not null,
    decided_at timestamptz not null default now(),
    last_observed_at timestamptz,
    refused_at timestamptz,
    primary key (partner, partner_product_id)
);
comment on table integration.fetch_plan is
    'One row per product whose market was ever wanted: why, when it was seen last, and the UTC day for which a call is planned or to which it was deferred.';
insert into integration.fetch_plan (
    partner, partner_product_id, value_class, decision, for_day, last_observed_at
)
select
    platform,
    partner_product_id,
    'dormant' as value_class,
    'dropped' as decision,
    (now() at time zone 'UTC')::date as for_day,
    max(observed_at) as last_observed_at
from history.market_observation
group by platform, partner_product_id;

create table integration.product_search (
    partner text not null,
    search_key text not null,
    query text not null,
    hit_count integer not null,
    searched_at timestamptz not null,
    primary key (partner, search_key)
);
comment on table integration.product_search is
    'One row per style code or GTIN that a partner was searched for: how many products it is of.';

grant select, insert, update, delete on owner.watch_item to soleflip_loader;
grant select on owner.watch_item to soleflip_transformer;
grant select, insert, update on table integration.fetch_plan to soleflip_loader;
grant select, insert, update on table integration.product_search to soleflip_loader;
grant select on table integration.fetch_plan to soleflip_transformer, soleflip_reader;
grant select on table integration.product_search to soleflip_transformer, soleflip_reader;
