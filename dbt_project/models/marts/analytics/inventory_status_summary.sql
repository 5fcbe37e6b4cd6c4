{{ config(
    materialized='materialized_view',
    contract={'enforced': false},
    indexes=[{'columns': ['product_id'], 'unique': true}],
) }}

with

stock as (
    select * from {{ ref('stock') }}
),

products as (
    select * from {{ ref('product') }}
),

-- Units whose product is not known share one row, whose id is all zeros.
units as (
    select
        coalesce(product_id, '00000000-0000-0000-0000-000000000000'::uuid) as product_id,
        status,
        cost_eur,
        is_sold,
        is_on_hand,
        {{ business_today() }} - available_on as days_here
    from stock
),

by_product as (
    select
        product_id,
        count(*) as unit_count,
        count(*) filter (where is_on_hand) as on_hand_count,
        count(*) filter (where status = 'incoming') as incoming_count,
        count(*) filter (where status in ('available', 'returned')) as available_count,
        count(*) filter (where status in ('listed', 'consigned')) as listed_count,
        count(*) filter (where is_sold) as sold_count,
        coalesce(sum(cost_eur) filter (where is_on_hand), 0)::numeric(14, 2) as stock_cost_eur,
        count(*) filter (where is_on_hand and cost_eur is null) as cost_unknown_count,
        max(greatest(0, days_here)) filter (where is_on_hand) as oldest_days,
        round(
            sum(cost_eur * greatest(0, days_here)) filter (where is_on_hand)
            / nullif(sum(cost_eur) filter (where is_on_hand), 0), 1
        )::numeric(12, 1) as cost_weighted_age_days
    from units
    group by product_id
),

final as (
    select
        by_product.product_id,
        products.sku,
        coalesce(products.name, '(not matched)') as product_name,
        products.brand,
        products.category,
        by_product.unit_count,
        by_product.on_hand_count,
        by_product.incoming_count,
        by_product.available_count,
        by_product.listed_count,
        by_product.sold_count,
        by_product.stock_cost_eur,
        by_product.cost_unknown_count,
        by_product.oldest_days,
        by_product.cost_weighted_age_days,
        (by_product.on_hand_count * products.lowest_ask)::numeric(14, 2) as value_at_lowest_ask_eur,
        (by_product.on_hand_count * products.highest_bid)::numeric(14, 2)
            as value_at_highest_bid_eur,
        {{ ratio('by_product.sold_count', 'by_product.unit_count') }} as sell_through,
        {{ build_id() }} as build_id
    from by_product
    left join products on by_product.product_id = products.id
)

select * from final
