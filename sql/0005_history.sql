-- What grows in place: the sources keep no history of these, so this is its only copy.
set local role soleflip_owner;

create table history.market_observation (
    platform text not null,
    partner_variant_id text not null,
    currency_code text not null,
    observed_at timestamptz not null,
    partner_product_id text not null,
    lowest_ask numeric(12, 2),
    highest_bid numeric(12, 2),
    sell_faster numeric(12, 2),
    earn_more numeric(12, 2),
    flex_lowest_ask numeric(12, 2),
    source_call text not null,
    batch_id bigint not null references integration.import_batches,
    primary key (platform, partner_variant_id, currency_code, observed_at)
);
comment on table history.market_observation is
    'One row per variant, currency and moment of asking: the market as it was seen. Append-only.';
create index market_observation_time_idx on history.market_observation using brin (observed_at);

create table history.offer_change (
    feed_id text not null,
    aw_product_id text not null,
    changed_at timestamptz not null,
    price numeric(12, 2),
    currency_code text,
    stock_quantity integer,
    is_in_stock boolean,
    is_listed boolean not null,
    batch_id bigint not null references integration.import_batches,
    primary key (feed_id, aw_product_id, changed_at)
);
comment on table history.offer_change is
    'One row per change of an affiliate offer: new, price or stock changed, or gone.';

grant select, insert on all tables in schema history to soleflip_loader;
grant select on all tables in schema history to soleflip_transformer;
