{{ config(indexes=[{'columns': ['order_id', 'piece_no'], 'unique': true}]) }}

with

orders as (
    select * from {{ ref('int_sales__orders') }}
    where status = 'open'
),

cost_matches as (
    select * from {{ ref('int_inventory__cost_matches') }}
),

final as (
    select
        orders.order_id,
        piece.piece_no,
        {{ stable_id('stock', ['cost_matches.line_key', 'cost_matches.unit_no::text']) }}
            as stock_id,
        orders.platform,
        orders.order_number,
        orders.order_line,
        {{ stable_id('product', ["'stockx'", 'orders.product_key']) }} as product_id,
        {{ stable_id('variant', ["'stockx'", 'orders.partner_variant_id']) }} as variant_id,
        orders.product_name,
        orders.is_to_ship,
        orders.sold_on as reserved_on,
        orders.ship_by_at,
        case
            when cost_matches.order_key is null then 'no unit'
            when orders.is_to_ship then 'to ship'
            else 'on its way'
        end as reason,
        {{ build_id() }} as build_id
    from orders
    cross join lateral generate_series(1, orders.quantity) as piece (piece_no)
    left join cost_matches
        on
            orders.order_key = cost_matches.order_key
            and piece.piece_no = cost_matches.piece_no
)

select * from final
