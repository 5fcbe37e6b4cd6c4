{{ config(indexes=[{'columns': ['scope', 'name'], 'unique': true}]) }}

with

stock as (
    select * from {{ ref('stock') }}
    where status <> 'incoming'
),

products as (
    select * from {{ ref('product') }}
),

variants as (
    select * from {{ ref('variant') }}
),

-- A unit that is not sold yet, or was lost, tells only that it took longer than it lay there.
shelves as (
    select
        coalesce(products.brand, 'Unknown') as brand,
        coalesce(products.category, 'unknown') as category,
        coalesce(variants.size_key, 'unknown') as size,
        stock.supplier_name,
        stock.is_sold,
        greatest(1, stock.age_days) as shelf_days
    from stock
    left join products on stock.product_id = products.id
    left join variants on stock.variant_id = variants.id
),

by_day as (
    select
        case
            when grouping(brand) = 0 then 'brand'
            when grouping(category) = 0 then 'category'
            when grouping(size) = 0 then 'size'
            when grouping(supplier_name) = 0 then 'supplier'
            else 'all'
        end as scope,
        coalesce(brand, category, size, supplier_name, 'all') as name,
        shelf_days,
        count(*) as unit_count,
        count(*) filter (where is_sold) as sold_count
    from shelves
    group by
        grouping sets (
            (shelf_days), (brand, shelf_days), (category, shelf_days), (size, shelf_days),
            (supplier_name, shelf_days)
        )
),

at_risk as (
    select
        *,
        sum(unit_count) over (
            partition by scope, name
            order by shelf_days desc
        ) as at_risk_count
    from by_day
),

-- Kaplan and Meier: the share that is still there after a day is the product of the shares that
-- outlived each day before; once all that were left are sold, nothing is.
survival as (
    select
        *,
        case
            when bool_or(sold_count = at_risk_count) over to_day then 0
            else round(exp(
                sum(
                    case
                        when sold_count < at_risk_count
                            then ln(1 - sold_count / at_risk_count::float8)
                    end
                ) over to_day
            )::numeric, 9)
        end as share_left
    from at_risk
    window to_day as (
        partition by scope, name
        order by shelf_days
    )
),

final as (
    select
        scope,
        name,
        sum(unit_count)::bigint as unit_count,
        sum(sold_count)::bigint as sold_count,
        sum(unit_count - sold_count)::bigint as unsold_count,
        min(shelf_days) filter (where share_left <= 0.5) as median_days,
        min(shelf_days) filter (where share_left <= 0.2) as p80_days,
        min(share_left)::numeric(12, 4) as share_left_at_last,
        {{ build_id() }} as build_id
    from survival
    group by scope, name
)

select * from final
