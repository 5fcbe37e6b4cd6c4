{{ config(indexes=[
    {'columns': ['platform', 'order_number'], 'unique': true},
    {'columns': ['line_key', 'unit_no']},
]) }}

with recursive

orders as (
    select * from {{ ref('int_sales__orders') }}
    where is_sale or status = 'returned'
),

units as (
    select * from {{ ref('int_inventory__units') }}
),

links as (
    select * from {{ ref('int_inventory__sale_links') }}
),

queued_sales as (
    select orders.*
    from orders
    left join links
        on
            orders.platform = links.platform
            and orders.order_number = links.order_number
    where links.order_number is null
),

-- Receipts, then returns, then sales: the order within one day.
events as (
    select
        units.partner_variant_id,
        units.available_on as event_on,
        1 as event_rank,
        null::timestamptz as sort_at,
        units.line_key as sort_key,
        units.unit_no as sort_no
    from units
    left join links
        on
            units.line_key = links.line_key
            and units.unit_no = links.unit_no
    where links.line_key is null and units.partner_variant_id is not null
    union all
    select
        orders.partner_variant_id,
        orders.returned_on as event_on,
        2 as event_rank,
        null::timestamptz as sort_at,
        orders.order_number as sort_key,
        0 as sort_no
    from orders
    left join links
        on
            orders.platform = links.platform
            and orders.order_number = links.order_number
    where
        orders.returned_on is not null
        and orders.partner_variant_id is not null
        and coalesce(links.gives_back, true)
    union all
    select
        partner_variant_id,
        sold_on as event_on,
        3 as event_rank,
        ordered_at as sort_at,
        order_number as sort_key,
        0 as sort_no
    from queued_sales
    where partner_variant_id is not null
),

in_order as (
    select
        *,
        row_number() over (
            partition by partner_variant_id
            order by
                event_on, event_rank, sort_at nulls first, sort_key collate "C", sort_no
        ) as seq
    from events
),

counted as (
    select
        *,
        sum(case when event_rank < 3 then 1 else -1 end) over by_variant as balance
    from in_order
    window by_variant as (partition by partner_variant_id order by seq)
),

floored as (
    select
        *,
        coalesce(
            min(balance) over (
                partition by partner_variant_id
                order by seq
                rows between unbounded preceding and 1 preceding
            ),
            0
        ) as lowest_before
    from counted
),

-- A sale that finds nothing takes nothing: it is the one that lowers the lowest balance so far.
-- The k-th sale that finds something takes the k-th unit that became available.
numbered as (
    select
        partner_variant_id,
        event_rank,
        sort_key,
        sort_no,
        row_number() over (
            partition by partner_variant_id, event_rank < 3
            order by seq
        ) as position
    from floored
    where event_rank < 3 or balance >= least(0, lowest_before)
),

taken as (
    select
        sales.sort_key as order_number,
        available.event_rank as source_rank,
        available.sort_key as source_key,
        available.sort_no as source_no
    from numbered as sales
    inner join numbered as available
        on
            sales.partner_variant_id = available.partner_variant_id
            and sales.position = available.position
            and available.event_rank < 3
    where sales.event_rank = 3
),

-- A unit that came back is the one its sale took, which may itself have come back before.
traced as (
    select
        order_number,
        source_rank,
        source_key,
        source_no
    from taken
    union all
    select
        traced.order_number,
        earlier.source_rank,
        earlier.source_key,
        earlier.source_no
    from traced
    inner join (
        select
            order_number,
            source_rank,
            source_key,
            source_no
        from taken
        union all
        select
            order_number,
            1 as source_rank,
            line_key as source_key,
            unit_no as source_no
        from links
        where platform = 'stockx'
    ) as earlier
        on
            traced.source_rank = 2
            and traced.source_key = earlier.order_number
),

matched as (
    select
        platform,
        order_number,
        line_key,
        unit_no,
        'linked'::text as match_method
    from links
    union all
    select
        'stockx'::text as platform,
        order_number,
        source_key as line_key,
        source_no as unit_no,
        'fifo'::text as match_method
    from traced
    where source_rank = 1
)

select * from matched
