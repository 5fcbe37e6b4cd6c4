{{ config(indexes=[{'columns': ['product_id'], 'unique': true}]) }}

with

sales as (
    select
        *,
        ({{ business_today() }} - sold_on) / 7 as weeks_ago
    from {{ ref('order') }}
    where
        is_sale
        and partner_product_id is not null
        and sold_on > {{ business_today() }} - 364
        and sold_on <= {{ business_today() }}
),

products as (
    select * from {{ ref('product') }}
),

weeks as (
    select
        product_id,
        weeks_ago,
        sum(quantity) as unit_count,
        coalesce(sum(gross_sale_eur), 0) as gross_sale_eur
    from sales
    group by product_id, weeks_ago
),

by_product as (
    select
        product_id,
        sum(unit_count) as unit_count,
        sum(gross_sale_eur) as gross_sale_eur,
        count(*) as week_with_sale_count,
        max(weeks_ago) + 1 as week_count,
        sum(unit_count * unit_count) as sum_of_squares
    from weeks
    group by product_id
),

-- In whole numbers as long as it goes: what stands at a bound is decided exactly.
measured as (
    select
        *,
        -- What dearer products bring: the one that crosses a bound belongs to the better class.
        coalesce(sum(gross_sale_eur) over (
            order by gross_sale_eur desc groups between unbounded preceding and 1 preceding
        ), 0) as dearer_eur,
        sum(gross_sale_eur) over () as total_eur,
        (week_count * sum_of_squares - unit_count * unit_count)::numeric
        / (unit_count * unit_count) as weekly_cv2,
        week_count::numeric / week_with_sale_count as mean_gap_weeks,
        (week_with_sale_count * sum_of_squares - unit_count * unit_count)::numeric
        / (unit_count * unit_count) as size_cv2
    from by_product
),

final as (
    select
        measured.product_id,
        products.sku,
        products.name as product_name,
        products.brand,
        products.category,
        measured.unit_count::bigint as unit_count,
        measured.gross_sale_eur::numeric(14, 2) as gross_sale_eur,
        {{ ratio('measured.gross_sale_eur', 'measured.total_eur') }} as revenue_share,
        case
            when measured.dearer_eur < 0.80 * measured.total_eur then 'A'
            when measured.dearer_eur < 0.95 * measured.total_eur then 'B'
            else 'C'
        end as abc_class,
        measured.week_count,
        measured.week_with_sale_count,
        round(sqrt(measured.weekly_cv2), 4)::numeric(12, 4) as weekly_cv,
        case
            when measured.week_with_sale_count < 12 then 'not enough weeks'
            when measured.weekly_cv2 <= 0.25 then 'X'
            when measured.weekly_cv2 <= 1 then 'Y'
            else 'Z'
        end as xyz_class,
        round(measured.mean_gap_weeks, 4)::numeric(12, 4) as mean_gap_weeks,
        round(measured.size_cv2, 4)::numeric(12, 4) as size_cv2,
        case
            when measured.mean_gap_weeks < 1.32 and measured.size_cv2 < 0.49 then 'smooth'
            when measured.mean_gap_weeks < 1.32 then 'erratic'
            when measured.size_cv2 < 0.49 then 'intermittent'
            else 'lumpy'
        end as demand_class,
        {{ build_id() }} as build_id
    from measured
    inner join products on measured.product_id = products.id
)

select * from final
