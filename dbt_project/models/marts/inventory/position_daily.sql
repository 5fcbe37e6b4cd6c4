{{ config(indexes=[{'columns': ['day'], 'unique': true}]) }}

with

movements as not materialized (
    select * from {{ ref('movement') }}
),

stock as (
    select * from {{ ref('stock') }}
),

receipts as (
    select
        stock_id,
        occurred_on
    from movements
    where kind = 'receipt'
),

moved as (
    select
        occurred_on as day,
        kind,
        sum(quantity) as unit_count,
        sum(cost_eur) as cost_eur
    from movements
    group by occurred_on, kind
),

-- What was bought is on its way until it is received; nothing is received before it was bought.
ordered as (
    select
        least(stock.purchased_on, receipts.occurred_on) as day,
        'order'::text as kind,
        count(*) as unit_count,
        sum(stock.cost_eur) as cost_eur
    from stock
    left join receipts on stock.id = receipts.stock_id
    group by least(stock.purchased_on, receipts.occurred_on)
),

events as (
    select * from moved
    union all
    select * from ordered
),

days as (
    select day::date as day
    from generate_series(
        (select min(day) from events)::timestamp,
        greatest((select max(day) from events), {{ business_today() }})::timestamp,
        interval '1 day'
    ) as calendar (day)
    where exists (select 1 from events)
),

by_day as (
    select
        days.day,
        coalesce(sum(events.unit_count) filter (where events.kind = 'order'), 0) as ordered,
        coalesce(sum(events.unit_count) filter (where events.kind = 'receipt'), 0) as received,
        coalesce(-sum(events.unit_count) filter (where events.kind = 'sale'), 0) as sold,
        coalesce(sum(events.unit_count) filter (where events.kind = 'return'), 0) as returned,
        coalesce(-sum(events.unit_count) filter (where events.kind = 'loss'), 0) as lost,
        coalesce(sum(events.unit_count) filter (where events.kind <> 'order'), 0) as net,
        coalesce(sum(events.cost_eur) filter (where events.kind <> 'order'), 0) as net_eur,
        coalesce(sum(events.cost_eur) filter (where events.kind = 'order'), 0) as ordered_eur,
        coalesce(sum(events.cost_eur) filter (where events.kind = 'receipt'), 0) as received_eur,
        coalesce(-sum(events.cost_eur) filter (where events.kind = 'sale'), 0) as sold_eur
    from days
    left join events on days.day = events.day
    group by days.day
),

final as (
    select
        day,
        received as received_count,
        sold as sold_count,
        returned as returned_count,
        lost as lost_count,
        received_eur::numeric(14, 2) as received_cost_eur,
        sold_eur::numeric(14, 2) as sold_cost_eur,
        sum(net) over by_time as in_house_count,
        (sum(net_eur) over by_time)::numeric(14, 2) as in_house_cost_eur,
        sum(ordered - received) over by_time as incoming_count,
        (sum(ordered_eur - received_eur) over by_time)::numeric(14, 2) as incoming_cost_eur,
        {{ build_id() }} as build_id
    from by_day
    window by_time as (order by day)
)

select * from final
