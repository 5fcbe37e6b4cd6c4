with

orders as (
    select * from {{ ref('int_sales__orders') }}
    where is_to_ship
),

stock as (
    select * from {{ ref('stock') }}
    where status = 'reserved'
),

units as (
    select
        sold_order_id,
        case when count(*) = 1 then min(id::text)::uuid end as stock_id,
        string_agg(distinct location, ', ' order by location) as location
    from stock
    group by sold_order_id
),

final as (
    select
        orders.order_id,
        orders.platform,
        orders.order_number,
        orders.order_line,
        orders.quantity,
        orders.status_raw,
        orders.product_name,
        orders.style_id,
        orders.ordered_at,
        orders.ship_by_at,
        units.stock_id,
        units.location,
        {{ build_id() }} as build_id
    from orders
    left join units on orders.order_id = units.sold_order_id
)

select * from final
