{#- One pass over the orders: days by channel, and the pieces of weeks within a month by what was
    sold. Weeks and months are sums of these, so a million orders are not read nine times. -#}
{{ config(indexes=[
    {'columns': ['dimension', 'period', 'period_start', 'member'], 'unique': true},
]) }}

with

orders as not materialized (
    select * from {{ ref('order') }}
),

products as (
    select * from {{ ref('product') }}
),

variants as (
    select * from {{ ref('variant') }}
),

sizes as (
    select * from {{ ref('size_master') }}
),

stock as not materialized (
    select * from {{ ref('stock') }}
),

size_groups as (
    select
        variants.id as variant_id,
        {{ size_group('sizes.size_system', 'sizes.audience', 'sizes.size_value') }} as size_group
    from variants
    inner join sizes on variants.size_key = sizes.size_key
),

-- What a sale of several pieces took; most took one unit, which they name.
takings as (
    select
        orders.id as order_id,
        case
            when min(stock.supplier_name) = max(stock.supplier_name) then min(stock.supplier_name)
            else 'several'
        end as supplier,
        sum(greatest(1, stock.age_days)) as shelf_days,
        sum(stock.cost_eur * stock.age_days) as cost_days
    from orders
    inner join stock on orders.id = stock.sold_order_id
    where orders.quantity > 1
    group by orders.id
),

described as not materialized (
    select
        orders.*,
        case when units.id is null then takings.shelf_days else greatest(1, units.age_days) end
            as shelf_days,
        coalesce(units.cost_eur * units.age_days, takings.cost_days) as cost_days,
        -- Where a month begins within a week the week is in two pieces.
        greatest(date_trunc('week', orders.sold_on), date_trunc('month', orders.sold_on))::date
            as piece_start,
        coalesce(products.brand, 'Unknown') as brand,
        coalesce(products.category, 'unknown') as category,
        coalesce(size_groups.size_group, 'unknown') as size_group,
        coalesce(units.supplier_name, takings.supplier, 'unknown') as supplier
    from orders
    left join products on orders.product_id = products.id
    left join size_groups on orders.variant_id = size_groups.variant_id
    left join stock as units on orders.inventory_item_id = units.id
    left join takings on orders.id = takings.order_id
),

-- A penalty counts on the day on which it was charged, like in the ledger.
moved as (
    select
        described.platform,
        described.brand,
        described.category,
        described.size_group,
        described.supplier,
        described.net_profit,
        booking.day,
        booking.moved_eur
    from described
    cross join lateral (
        values (described.sold_on, -described.penalty_eur),
        (described.settled_on, described.penalty_eur)
    ) as booking (day, moved_eur)
    where described.penalty_eur <> 0 and described.settled_on <> described.sold_on
),

pieces as (
    select
        coalesce(sold_on, piece_start) as day,
        {{ kpi_member() }},
        {{ kpi_sums() }}
    from described as orders
    group by grouping sets (
        (sold_on, platform), (piece_start, brand), (piece_start, category),
        (piece_start, size_group), (piece_start, supplier)
    )
    union all
    select
        day,
        {{ kpi_member() }},
        {{ kpi_moved_penalties() }}
    from moved
    group by day, grouping sets ((platform), (brand), (category), (size_group), (supplier))
),

sums as (
    select
        spans.period,
        spans.period_start,
        kinds.dimension,
        kinds.member,
        {{ kpi_sums_of_sums() }}
    from pieces
    cross join lateral (
        values
        ('day', pieces.day),
        ('week', date_trunc('week', pieces.day)::date),
        ('month', date_trunc('month', pieces.day)::date)
    ) as spans (period, period_start)
    cross join lateral (
        values (pieces.dimension, pieces.member), ('all', 'all')
    ) as kinds (dimension, member)
    where
        pieces.dimension = 'platform'
        or (spans.period <> 'day' and kinds.dimension <> 'all')
    group by spans.period, spans.period_start, kinds.dimension, kinds.member
),

reach as (
    select
        period,
        min(period_start) as first_start,
        max(period_start) as last_start
    from sums
    group by period
),

-- The days, weeks and months since the first order, also without one, until today.
calendar as (
    select
        reach.period,
        period_start::date as period_start
    from reach
    cross join lateral generate_series(
        reach.first_start::timestamp,
        greatest({{ business_today() }}, reach.last_start)::timestamp,
        ('1 ' || reach.period)::interval
    ) as starts (period_start)
),

channels as (
    select distinct
        dimension,
        member
    from sums
    where dimension in ('all', 'platform')
),

frame as (
    select
        calendar.period,
        calendar.period_start,
        channels.dimension,
        channels.member
    from calendar
    cross join channels
    union
    select
        period,
        period_start,
        dimension,
        member
    from sums
),

final as (
    select
        dimension,
        member,
        period,
        period_start,
        {{ kpi_figures() }},
        coalesce(costed_count, 0)::bigint as costed_sale_count,
        coalesce(costed_gross_eur, 0)::numeric(14, 2) as costed_gross_eur,
        coalesce(sale_profit_eur, 0)::numeric(14, 2) as sale_profit_eur,
        coalesce(profit_cost_eur, 0)::numeric(14, 2) as profit_cost_eur,
        coalesce(shelf_days, 0)::bigint as shelf_days,
        {{ build_id() }} as build_id
    from frame
    left join sums using (period, period_start, dimension, member)
)

select * from final
