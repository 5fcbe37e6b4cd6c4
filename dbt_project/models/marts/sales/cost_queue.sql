with

orders as (
    select * from {{ ref('order') }}
),

stock as (
    select * from {{ ref('stock') }}
),

units_of_variant as (
    select
        variant_id,
        count(*) as unit_count,
        count(*) filter (where is_sold) as sold_count
    from stock
    where variant_id is not null
    group by variant_id
),

final as (
    select
        orders.id as order_id,
        orders.platform,
        orders.order_number,
        orders.order_line,
        orders.quantity,
        orders.product_id,
        orders.variant_id,
        orders.sold_on,
        orders.gross_sale_eur,
        case
            when orders.cost_match_method is not null then 'unit without a known cost'
            when orders.variant_id is null then 'sale without a variant'
            when units_of_variant.unit_count is null then 'no purchase of this variant'
            when units_of_variant.unit_count = units_of_variant.sold_count
                then 'every purchased unit is sold'
            when orders.quantity > 1 then 'too few units for all pieces'
            else 'units came after the sale'
        end as reason,
        coalesce(units_of_variant.unit_count, 0) as purchased_unit_count,
        {{ build_id() }} as build_id
    from orders
    left join units_of_variant on orders.variant_id = units_of_variant.variant_id
    where orders.is_sale and orders.cost_eur is null
)

select * from final
