{{ config(materialized='view') }}

with

recommendations as (
    select * from {{ source('enrichment', 'price_recommendation') }}
),

stock as (
    select * from {{ ref('stock') }}
),

products as (
    select * from {{ ref('product') }}
),

final as (
    select
        recommendations.stock_id,
        recommendations.platform,
        recommendations.partner_variant_id,
        stock.product_id,
        stock.variant_id,
        products.sku,
        coalesce(products.name, stock.product_name) as product_name,
        products.brand,
        stock.size_raw,
        stock.status as stock_status,
        stock.cost_eur,
        stock.age_days,
        recommendations.currency_code,
        recommendations.reference_price,
        recommendations.break_even_price,
        recommendations.recommended_sell_faster,
        recommendations.recommended_earn_more,
        recommendations.roi_percentage,
        recommendations.profit_margin,
        recommendations.expected_profit,
        recommendations.market_confidence,
        recommendations.confidence_score,
        recommendations.is_floor_applied,
        recommendations.reason,
        recommendations.observed_at,
        recommendations.evidence,
        recommendations.made_at,
        {{ build_id() }} as build_id
    from recommendations
    left join stock on recommendations.stock_id = stock.id
    left join products on stock.product_id = products.id
)

select * from final
