with

orders as (
    select * from {{ ref('order') }}
),

open_shipments as (
    select * from {{ ref('open_shipment') }}
),

states as (
    select
        orders.*,
        case
            when
                (open_shipments.ship_by_at at time zone 'UTC')::date < {{ business_today() }}
                then 'overdue'
            when open_shipments.order_id is not null then 'to_ship'
            when orders.status = 'open' then 'on_its_way'
            else orders.status
        end as state,
        open_shipments.ship_by_at
    from orders
    left join open_shipments on orders.id = open_shipments.order_id
),

final as (
    select
        date_trunc('month', sold_on)::date as month,
        platform,
        state,
        count(*) as order_count,
        sum(quantity) as unit_count,
        sum(penalty_eur)::numeric(14, 2) as penalty_eur,
        min(ship_by_at) as next_ship_by_at,
        {{ build_id() }} as build_id
    from states
    group by date_trunc('month', sold_on), platform, state
)

select * from final
