-- What sales of any door need: matches with our variants, and a queue that gives all or nothing.
set local role soleflip_owner;

create table enrichment.sale_match (
    source text not null check (source in ('api', 'report', 'sheet')),
    platform text not null,
    order_number text not null,
    order_line text not null,
    partner_product_id text,
    partner_variant_id text,
    match_method text not null,
    match_score numeric(4, 3) not null,
    style_code text,
    size_key text,
    rule_version text not null,
    matched_at timestamptz not null default now(),
    primary key (source, platform, order_number, order_line)
);
comment on table enrichment.sale_match is
    'One row per door and line of a sale that names no StockX variant itself: the StockX product and'
    ' variant it is and how that was found, or NULL for none.';

create table enrichment.item_match (
    kind text not null check (kind in ('listing', 'count', 'product')),
    item_key text not null,
    partner_product_id text,
    partner_variant_id text,
    match_method text not null,
    match_score numeric(4, 3) not null,
    style_code text,
    size_key text,
    rule_version text not null,
    matched_at timestamptz not null default now(),
    primary key (kind, item_key)
);
comment on table enrichment.item_match is
    'One row per Alias listing, counted line and listed product: the StockX product and variant it'
    ' is and how that was found, or NULL for none.';

create function enrichment.stock_after(stock bigint, change bigint) returns bigint
language sql immutable parallel safe
return case when stock + change < 0 then stock else stock + change end;
comment on function enrichment.stock_after is
    'Stock after a change; one that it cannot bear does not happen.';

create aggregate enrichment.running_stock(bigint) (  -- noqa: LT01
    sfunc = enrichment.stock_after, stype = bigint, initcond = '0', parallel = safe
);
comment on aggregate enrichment.running_stock(bigint) is  -- noqa: LT01
    'Stock after receipts and sales in their order, where a sale takes all its pieces or none.';

grant select, insert, update, delete, truncate on enrichment.sale_match, enrichment.item_match
    to soleflip_loader;
grant select on enrichment.sale_match, enrichment.item_match to soleflip_transformer;
