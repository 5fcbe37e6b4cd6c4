{{ config(indexes=[
    {'columns': ['id'], 'unique': true},
    {'columns': ['variant_id']},
]) }}

with

listings as (
    select * from {{ ref('stg_stockx__listings') }}
),

final as (
    select
        {{ stable_id('listing', ["'stockx'", 'listing_id']) }} as id,
        'stockx'::text as platform,
        listing_id,
        {{ stable_id('product', ["'stockx'", 'partner_product_id']) }} as product_id,
        {{ stable_id('variant', ["'stockx'", 'partner_variant_id']) }} as variant_id,
        lower(status_raw) as status,
        ask_price,
        currency_code,
        inventory_type,
        created_at as listed_at,
        source_updated_at as updated_at,
        {{ stable_id('order', ["'stockx'", 'order_number']) }} as order_id,
        {{ build_id() }} as build_id
    from listings
)

select * from final
