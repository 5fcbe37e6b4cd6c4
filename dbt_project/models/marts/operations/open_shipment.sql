with

orders as (
    select * from {{ ref('int_sales__orders') }}
    where status = 'open' and upper(status_raw) in ('CREATED', 'PENDING', 'MATCHED', 'DONOTSHIP')
),

stock as (
    select * from {{ ref('stock') }}
),

final as (
    select
        {{ stable_id('order', ['orders.platform', 'orders.order_number']) }} as order_id,
        orders.platform,
        orders.order_number,
        orders.status_raw,
        orders.product_name,
        orders.style_id,
        orders.ordered_at,
        orders.ship_by_at,
        stock.id as stock_id,
        stock.location,
        {{ build_id() }} as build_id
    from orders
    left join stock
        on
            orders.platform = stock.sold_platform
            and orders.order_number = stock.sold_order_number
)

select * from final
