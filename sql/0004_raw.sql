-- Raw tables: the natural key, the payload as received, and where it came from. All of one form.
set local role soleflip_owner;

create table raw_stockx.orders (
    order_number text not null,
    payload jsonb not null,
    payload_hash text not null,
    first_seen_at timestamptz not null default now(),
    changed_at timestamptz not null default now(),
    batch_id bigint not null references integration.import_batches,
    primary key (order_number)
);
comment on table raw_stockx.orders is 'One row per order, as the order lists gave it last.';

create table raw_stockx.order_details (
    order_number text not null,
    payload jsonb not null,
    payload_hash text not null,
    first_seen_at timestamptz not null default now(),
    changed_at timestamptz not null default now(),
    batch_id bigint not null references integration.import_batches,
    primary key (order_number)
);
comment on table raw_stockx.order_details is 'One row per order whose detail call was made: payout and shipment.';

create table raw_stockx.products (
    product_id text not null,
    payload jsonb not null,
    payload_hash text not null,
    first_seen_at timestamptz not null default now(),
    changed_at timestamptz not null default now(),
    batch_id bigint not null references integration.import_batches,
    primary key (product_id)
);
comment on table raw_stockx.products is 'One row per StockX product.';

create table raw_stockx.variants (
    variant_id text not null,
    payload jsonb not null,
    payload_hash text not null,
    first_seen_at timestamptz not null default now(),
    changed_at timestamptz not null default now(),
    batch_id bigint not null references integration.import_batches,
    primary key (variant_id)
);
comment on table raw_stockx.variants is 'One row per StockX variant (a size of a product).';

create table raw_stockx.market_data (
    variant_id text not null,
    currency_code text not null,
    payload jsonb not null,
    payload_hash text not null,
    first_seen_at timestamptz not null default now(),
    changed_at timestamptz not null default now(),
    batch_id bigint not null references integration.import_batches,
    primary key (variant_id, currency_code)
);
comment on table raw_stockx.market_data is 'One row per variant and currency: the market data seen last.';

create table raw_stockx.listings (
    listing_id text not null,
    payload jsonb not null,
    payload_hash text not null,
    first_seen_at timestamptz not null default now(),
    changed_at timestamptz not null default now(),
    batch_id bigint not null references integration.import_batches,
    primary key (listing_id)
);
comment on table raw_stockx.listings is 'One row per own listing.';

create table raw_awin.feeds (
    feed_id text not null,
    payload jsonb not null,
    payload_hash text not null,
    first_seen_at timestamptz not null default now(),
    changed_at timestamptz not null default now(),
    batch_id bigint not null references integration.import_batches,
    primary key (feed_id)
);
comment on table raw_awin.feeds is 'One row per feed of the feed list.';

create table raw_awin.offers (
    feed_id text not null,
    aw_product_id text not null,
    payload jsonb not null,
    payload_hash text not null,
    first_seen_at timestamptz not null default now(),
    changed_at timestamptz not null default now(),
    batch_id bigint not null references integration.import_batches,
    primary key (feed_id, aw_product_id)
);
comment on table raw_awin.offers is 'One row per offer of a feed, as its file gave it last.';

create table raw_csv.purchases (
    line_key text not null,
    payload jsonb not null,
    payload_hash text not null,
    first_seen_at timestamptz not null default now(),
    changed_at timestamptz not null default now(),
    batch_id bigint not null references integration.import_batches,
    primary key (line_key)
);
comment on table raw_csv.purchases is 'One row per purchase line of a supplier file: canonical fields beside the cells as written.';

create table raw_csv.sales (
    sale_key text not null,
    payload jsonb not null,
    payload_hash text not null,
    first_seen_at timestamptz not null default now(),
    changed_at timestamptz not null default now(),
    batch_id bigint not null references integration.import_batches,
    primary key (sale_key)
);
comment on table raw_csv.sales is 'One row per sale of a hand-kept sales file: canonical fields beside the cells as written.';

create table raw_ecb.reference_rates (
    rate_on date not null,
    currency_code text not null,
    payload jsonb not null,
    payload_hash text not null,
    first_seen_at timestamptz not null default now(),
    changed_at timestamptz not null default now(),
    batch_id bigint not null references integration.import_batches,
    primary key (rate_on, currency_code)
);
comment on table raw_ecb.reference_rates is 'One row per day and currency: units of the currency for one euro.';

create index variants_product_idx on raw_stockx.variants ((payload ->> 'productId'));

grant select, insert, update, delete on all tables in schema raw_stockx to soleflip_loader;
grant select, insert, update, delete on all tables in schema raw_awin to soleflip_loader;
grant select, insert, update, delete on all tables in schema raw_csv to soleflip_loader;
grant select, insert, update, delete on all tables in schema raw_ecb to soleflip_loader;
grant select on all tables in schema raw_stockx to soleflip_transformer;
grant select on all tables in schema raw_awin to soleflip_transformer;
grant select on all tables in schema raw_csv to soleflip_transformer;
grant select on all tables in schema raw_ecb to soleflip_transformer;
