{{ config(indexes=[{'columns': ['dimension', 'member', 'month'], 'unique': true}]) }}

with

movements as (
    select * from {{ ref('movement') }}
),

stock as (
    select * from {{ ref('stock') }}
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

figures as (
    select * from {{ ref('kpi') }}
    where period = 'month'
),

size_groups as (
    select
        variants.id as variant_id,
        {{ size_group('sizes.size_system', 'sizes.audience', 'sizes.size_value') }} as size_group
    from variants
    inner join sizes on variants.size_key = sizes.size_key
),

described as (
    select
        movements.occurred_on,
        movements.kind,
        movements.quantity,
        movements.cost_eur,
        coalesce(products.brand, 'Unknown') as brand,
        coalesce(products.category, 'unknown') as category,
        coalesce(size_groups.size_group, 'unknown') as size_group,
        stock.supplier_name
    from movements
    inner join stock on movements.stock_id = stock.id
    left join products on movements.product_id = products.id
    left join size_groups on movements.variant_id = size_groups.variant_id
),

moved as (
    select
        case
            when grouping(brand) = 0 then 'brand'
            when grouping(category) = 0 then 'category'
            when grouping(size_group) = 0 then 'size_group'
            when grouping(supplier_name) = 0 then 'supplier'
            else 'all'
        end as dimension,
        coalesce(brand, category, size_group, supplier_name, 'all') as member,
        occurred_on as day,
        sum(quantity) as quantity,
        sum(cost_eur) as cost_eur,
        count(*) filter (where kind = 'receipt') as received_count,
        -sum(quantity) filter (where kind in ('sale', 'return')) as sold_count,
        -sum(cost_eur) filter (where kind in ('sale', 'return')) as sold_cost_eur
    from described
    group by occurred_on, grouping sets ((), (brand), (category), (size_group), (supplier_name))
),

members as (
    select
        dimension,
        member,
        min(day) as first_day,
        greatest({{ business_today() }}, max(max(day)) over ()) as last_day
    from moved
    group by dimension, member
),

-- With a row at the begin of each month no stretch of days belongs to two.
days as (
    select
        dimension,
        member,
        day,
        sum(quantity) as quantity,
        sum(cost_eur) as cost_eur,
        sum(received_count) as received_count,
        sum(sold_count) as sold_count,
        sum(sold_cost_eur) as sold_cost_eur
    from (
        select * from moved
        union all
        select
            members.dimension,
            members.member,
            month_start::date as day,
            0 as quantity,
            0 as cost_eur,
            0 as received_count,
            0 as sold_count,
            0 as sold_cost_eur
        from members
        cross join lateral generate_series(
            date_trunc('month', members.first_day::timestamp),
            members.last_day::timestamp,
            interval '1 month'
        ) as months (month_start)
    ) as changes
    group by dimension, member, day
),

stretches as (
    select
        days.*,
        sum(days.quantity) over by_day as unit_count,
        sum(days.cost_eur) over by_day as held_cost_eur,
        coalesce(lead(days.day) over by_day, members.last_day + 1) - days.day as day_count
    from days
    inner join members using (dimension, member)
    window by_day as (partition by days.dimension, days.member order by days.day)
),

months as (
    select
        dimension,
        member,
        date_trunc('month', day)::date as month,
        sum(day_count) as day_count,
        (array_agg(unit_count - quantity order by day asc))[1] as opening_count,
        (array_agg(unit_count order by day desc))[1] as closing_count,
        sum(received_count) as received_count,
        sum(coalesce(sold_count, 0)) as sold_count,
        sum(coalesce(sold_cost_eur, 0)) as sold_cost_eur,
        coalesce(sum(day_count) filter (where unit_count > 0), 0) as stocked_day_count,
        sum(held_cost_eur * day_count) as cost_days
    from stretches
    group by dimension, member, date_trunc('month', day)
),

final as (
    select
        months.dimension,
        months.member,
        months.month,
        months.opening_count::bigint as opening_count,
        months.received_count::bigint as received_count,
        months.sold_count::bigint as sold_count,
        months.closing_count::bigint as closing_count,
        months.stocked_day_count::integer as stocked_day_count,
        months.sold_cost_eur::numeric(14, 2) as sold_cost_eur,
        round(months.cost_days / months.day_count, 2)::numeric(14, 2) as mean_stock_cost_eur,
        {{ ratio('months.sold_count', 'months.opening_count + months.received_count') }}
            as sell_through,
        {{ ratio('months.sold_count', 'months.stocked_day_count') }} as units_sold_a_day,
        case
            when months.sold_count > 1
                then {{ ratio(
                    'months.closing_count * months.stocked_day_count', 'months.sold_count'
                ) }}
        end as days_of_supply,
        {{ ratio('months.sold_cost_eur * months.day_count', 'months.cost_days') }} as turnover,
        {{ ratio('months.cost_days', 'months.sold_cost_eur') }} as days_inventory_outstanding,
        {{ ratio(
            '(figures.costed_gross_eur - figures.profit_cost_eur) * months.day_count',
            'months.cost_days'
        ) }} as gmroi,
        figures.cost_coverage_value,
        {{ build_id() }} as build_id
    from months
    left join figures
        on
            months.dimension = figures.dimension
            and months.member = figures.member
            and months.month = figures.period_start
)

select * from final
