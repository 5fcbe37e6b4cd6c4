with

orders as (
    select * from {{ ref('order') }}
    where is_sale
),

products as (
    select * from {{ ref('product') }}
),

ratios as (
    select
        products.brand,
        orders.gross_sale_eur,
        products.retail_price * orders.quantity as retail_price,
        orders.gross_sale_eur / (products.retail_price * orders.quantity) as euros_per_retail_unit
    from orders
    inner join products on orders.product_id = products.id
    where products.retail_price > 0 and orders.gross_sale_eur is not null
),

final as (
    select
        {{ stable_id('brand', ['brand']) }} as brand_id,
        brand,
        count(*) as sale_count,
        {{ ratio('sum(gross_sale_eur)', 'sum(retail_price)') }} as multiplier,
        percentile_cont(0.25) within group (order by euros_per_retail_unit)::numeric(12, 4)
            as multiplier_p25,
        percentile_cont(0.75) within group (order by euros_per_retail_unit)::numeric(12, 4)
            as multiplier_p75,
        {{ build_id() }} as build_id
    from ratios
    group by brand
)

select * from final
