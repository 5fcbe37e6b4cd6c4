{{ config(indexes=[{'columns': ['line_key', 'unit_no', 'holding_no'], 'unique': true}]) }}

with

units as not materialized (
    select * from {{ ref('int_inventory__units') }}
),

cost_matches as (
    select * from {{ ref('int_inventory__cost_matches') }}
),

orders as (
    select * from {{ ref('int_sales__orders') }}
),

-- What came back can be sold again, so a sale for good is the last that took the unit.
takings as (
    select
        cost_matches.line_key,
        cost_matches.unit_no,
        cost_matches.order_key,
        orders.sold_on,
        case when not orders.is_sale then coalesce(orders.returned_on, orders.sold_on + 1) end
            as back_on,
        row_number() over unit_line as taking_no,
        lag(cost_matches.order_key) over unit_line as last_order_key,
        lag(case when not orders.is_sale then coalesce(orders.returned_on, orders.sold_on + 1) end)
            over unit_line as last_back_on,
        lead(cost_matches.order_key) over unit_line is null as is_last
    from cost_matches
    inner join orders on cost_matches.order_key = orders.order_key
    window unit_line as (
        partition by cost_matches.line_key, cost_matches.unit_no
        order by orders.is_sale, orders.sold_on, orders.ordered_at, cost_matches.order_key
    )
),

-- A unit is in the house at the latest when it is sold, whatever day its receipt was noted.
until_sale as (
    select
        takings.line_key,
        takings.unit_no,
        takings.taking_no as holding_no,
        least(coalesce(takings.last_back_on, units.available_on), takings.sold_on) as held_from,
        takings.last_order_key as returned_order_key,
        takings.sold_on as held_until,
        takings.order_key as sold_order_key
    from takings
    inner join units
        on
            takings.line_key = units.line_key
            and takings.unit_no = units.unit_no
),

until_now as (
    select
        units.line_key,
        units.unit_no,
        coalesce(takings.taking_no, 0) + 1 as holding_no,
        coalesce(takings.back_on, units.received_on) as held_from,
        takings.order_key as returned_order_key,
        null::date as held_until,
        null::text as sold_order_key
    from units
    left join takings
        on
            units.line_key = takings.line_key
            and units.unit_no = takings.unit_no
            and takings.is_last
    where
        takings.back_on is not null
        or (takings.order_key is null and units.received_on <= {{ business_today() }})
)

select * from until_sale
union all
select * from until_now
