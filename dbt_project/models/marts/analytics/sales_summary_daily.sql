{{ config(
    materialized='materialized_view',
    contract={'enforced': false},
    indexes=[{'columns': ['sold_on'], 'unique': true}],
) }}

with

orders as (
    select * from {{ ref('order') }}
),

days as (
    select day_start::date as sold_on
    from generate_series(
        (select min(sold_on) from orders)::timestamp,
        greatest((select max(sold_on) from orders), {{ business_today() }})::timestamp,
        interval '1 day'
    ) as calendar (day_start)
),

final as (
    select
        days.sold_on,
        count(orders.id) as order_count,
        count(orders.id) filter (where orders.is_sale) as sale_count,
        coalesce(sum(orders.gross_sale_eur), 0)::numeric(14, 2) as gross_sale_eur,
        coalesce(sum(
            orders.transaction_fee_eur + orders.processing_fee_eur
            + orders.shipping_fee_eur + orders.other_fee_eur
        ), 0)::numeric(14, 2) as fees_eur,
        coalesce(sum(orders.net_payout_eur), 0)::numeric(14, 2) as net_payout_eur,
        coalesce(sum(orders.penalty_eur), 0)::numeric(14, 2) as penalty_eur,
        sum(orders.cost_eur) filter (where orders.is_sale)::numeric(14, 2) as cost_eur,
        sum(orders.net_profit)::numeric(14, 2) as net_profit_eur,
        count(orders.id) filter (where orders.is_sale and orders.cost_eur is not null)
            as sales_with_cost_count,
        {{ build_id() }} as build_id
    from days
    left join orders on days.sold_on = orders.sold_on
    group by days.sold_on
)

select * from final
