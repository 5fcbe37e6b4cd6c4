{{ config(materialized='view') }}

with

observations as (
    select * from {{ source('history', 'market_observation') }}
),

products as (
    select * from {{ ref('product') }}
),

variants as (
    select * from {{ ref('variant') }}
),

final as (
    select
        observations.platform,
        observations.partner_variant_id,
        observations.currency_code,
        observations.observed_at,
        variants.id as variant_id,
        variants.product_id,
        products.sku,
        products.name as product_name,
        variants.size_raw,
        observations.lowest_ask,
        observations.highest_bid,
        observations.sell_faster,
        observations.earn_more,
        observations.flex_lowest_ask,
        {{ build_id() }} as build_id
    from observations
    left join variants
        on
            observations.platform = 'stockx'
            and observations.partner_variant_id = variants.stockx_variant_id
    left join products on variants.product_id = products.id
)

select * from final
