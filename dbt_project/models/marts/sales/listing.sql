{{ config(indexes=[
    {'columns': ['id'], 'unique': true},
    {'columns': ['variant_id']},
]) }}

with

stockx_listings as (
    select * from {{ ref('stg_stockx__listings') }}
),

alias_listings as (
    select * from {{ ref('stg_alias__listings') }}
),

alias_orders as (
    select * from {{ ref('stg_alias__orders') }}
),

item_matches as (
    select * from {{ source('enrichment', 'item_match') }}
    where kind = 'listing'
),

alias_sold as (
    select
        listing_id,
        min(order_number) as order_number
    from alias_orders
    where listing_id is not null
    group by listing_id
),

listings as (
    select
        'stockx'::text as platform,
        stockx_listings.listing_id,
        {{ our_product('stockx_listings') }} as partner_product_id,
        {{ our_variant('stockx_listings') }} as partner_variant_id,
        lower(stockx_listings.status_raw) as status,
        stockx_listings.ask_price,
        stockx_listings.currency_code,
        stockx_listings.inventory_type,
        stockx_listings.created_at,
        stockx_listings.source_updated_at,
        stockx_listings.order_number
    from stockx_listings
    {{ join_identity('stockx_listings') }}
    union all
    select
        'alias'::text as platform,
        alias_listings.listing_id,
        item_matches.partner_product_id,
        item_matches.partner_variant_id,
        regexp_replace(lower(alias_listings.status_raw), '^listing_status_', '') as status,
        alias_listings.ask_price,
        alias_listings.currency_code,
        null::text as inventory_type,
        alias_listings.created_at,
        alias_listings.source_updated_at,
        alias_sold.order_number
    from alias_listings
    left join item_matches on alias_listings.listing_id = item_matches.item_key
    left join alias_sold on alias_listings.listing_id = alias_sold.listing_id
),

final as (
    select
        {{ stable_id('listing', ['platform', 'listing_id']) }} as id,
        platform,
        listing_id,
        {{ stable_id('product', ["'stockx'", 'partner_product_id']) }} as product_id,
        {{ stable_id('variant', ["'stockx'", 'partner_variant_id']) }} as variant_id,
        status,
        coalesce(status = 'active', false) as is_active,
        ask_price,
        currency_code,
        inventory_type,
        created_at as listed_at,
        source_updated_at as updated_at,
        {{ stable_id('order', ['platform', 'order_number', "'1'"]) }} as order_id,
        {{ build_id() }} as build_id
    from listings
)

select * from final
