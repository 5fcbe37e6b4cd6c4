with

orders as (
    select * from {{ ref('order') }}
),

stock as (
    select * from {{ ref('stock') }}
),

market_prices as (
    select * from {{ ref('market_price') }}
),

figures as (
    select * from {{ ref('kpi') }}
    where dimension = 'all'
),

moments as (
    select
        days_ago,
        {{ business_today() }} - days_ago as as_of
    from (values (0), (30)) as looks (days_ago)
),

priced_variants as (
    select distinct variant_id
    from market_prices
    where lowest_ask_eur is not null or highest_bid_eur is not null
),

-- Each unit as it stood at each moment; one that was sold later was still there, one that is lost
-- has told nobody when it went.
held as (
    select
        moments.days_ago,
        stock.cost_eur,
        moments.as_of - stock.available_on > 180 as is_dead,
        stock.received_on <= moments.as_of as is_here,
        priced_variants.variant_id is not null as is_ready
    from moments
    inner join stock
        on
            moments.as_of >= stock.available_on
            and (stock.sold_on is null or moments.as_of < stock.sold_on)
            and stock.status <> 'lost'
    left join priced_variants on stock.variant_id = priced_variants.variant_id
),

stock_goals as (
    select
        days_ago,
        {{ ratio('coalesce(sum(cost_eur) filter (where is_dead), 0)', 'sum(cost_eur)') }}
            as dead_share,
        count(*) as held_count,
        {{ ratio(
            'count(*) filter (where is_here and is_ready)', 'count(*) filter (where is_here)'
        ) }} as ready_share,
        count(*) filter (where is_here) as here_count
    from held
    group by days_ago
),

orders_by_day as (
    select
        sold_on,
        count(*) as order_count,
        count(*) filter (where sources && array['api', 'report']) as synced_count
    from orders
    where platform <> 'private'
    group by sold_on
),

sync_goals as (
    select
        moments.days_ago,
        {{ ratio('sum(orders_by_day.synced_count)', 'sum(orders_by_day.order_count)') }}
            as synced_share,
        sum(orders_by_day.order_count) as order_count
    from moments
    inner join orders_by_day on moments.as_of >= orders_by_day.sold_on
    group by moments.days_ago
),

roi_goals as (
    select
        moments.days_ago,
        case
            when
                sum(figures.costed_gross_eur)
                >= {{ var('cost_coverage_floor') }} * sum(figures.gross_sale_eur)
                then {{ ratio('sum(figures.sale_profit_eur)', 'sum(figures.profit_cost_eur)') }}
        end as roi,
        sum(figures.costed_sale_count) as costed_count
    from moments
    inner join figures
        on
            figures.period = 'day'
            and moments.as_of >= figures.period_start
            and moments.as_of - 365 < figures.period_start
    group by moments.days_ago
),

-- What the six months before the last full month came to foretells that month.
foretold as (
    select
        moments.days_ago,
        sum(figures.sale_profit_eur) filter (where span.is_told)
        / nullif(sum(figures.profit_cost_eur) filter (where span.is_told), 0) as actual_roi,
        sum(figures.sale_profit_eur) filter (where not span.is_told)
        / nullif(sum(figures.profit_cost_eur) filter (where not span.is_told), 0) as expected_roi,
        sum(figures.costed_sale_count) filter (where span.is_told) as costed_count
    from moments
    cross join lateral (
        select (date_trunc('month', moments.as_of) - interval '1 month')::date as month
    ) as last_full
    inner join figures
        on
            figures.period = 'month'
            and last_full.month >= figures.period_start
            and (last_full.month - interval '6 months')::date <= figures.period_start
    cross join lateral (select figures.period_start = last_full.month as is_told) as span
    group by moments.days_ago
),

foretold_goals as (
    select
        days_ago,
        {{ ratio('abs(actual_roi) - abs(expected_roi - actual_roi)', 'abs(actual_roi)') }}
            as accuracy,
        costed_count
    from foretold
),

seen as (
    select
        moments.days_ago,
        stock_goals.dead_share,
        coalesce(stock_goals.held_count, 0) as held_count,
        stock_goals.ready_share,
        coalesce(stock_goals.here_count, 0) as here_count,
        sync_goals.synced_share,
        coalesce(sync_goals.order_count, 0) as order_count,
        roi_goals.roi,
        coalesce(roi_goals.costed_count, 0) as roi_count,
        foretold_goals.accuracy,
        coalesce(foretold_goals.costed_count, 0) as foretold_count
    from moments
    left join stock_goals using (days_ago)
    left join sync_goals using (days_ago)
    left join roi_goals using (days_ago)
    left join foretold_goals using (days_ago)
),

goals as (
    select
        goal.place,
        goal.goal,
        goal.is_at_least,
        goal.target,
        seen.days_ago,
        goal.value,
        goal.evidence_count,
        goal.definition
    from seen
    cross join lateral (
        values
        (
            1, 'listing_automation', true, 0.95, seen.ready_share, seen.here_count,
            'Units here whose size is known and priced by the market, so that a machine could list'
            || ' them, over all units here.'
        ),
        (
            2, 'order_sync', true, 1.00, seen.synced_share, seen.order_count,
            'Order lines of marketplaces that came by their API or report, over all of them.'
        ),
        (
            3, 'roi_prediction', true, 0.85, seen.accuracy, seen.foretold_count,
            'How well the ROI of six months foretold that of the last full month: 1'
            || ' - |expected - actual| over |actual|; negative where it was off by more.'
        ),
        (
            4, 'dead_stock', false, 0.05, seen.dead_share, seen.held_count,
            'Landed cost of units held for more than 180 days over that of all units held.'
        ),
        (
            5, 'roi', true, 0.40, seen.roi, seen.roi_count,
            'Net profit over landed cost of the sales of 365 days, if enough of them have a cost.'
        )
    ) as goal (place, goal, is_at_least, target, value, evidence_count, definition)
),

final as (
    select
        place,
        goal,
        definition,
        case when is_at_least then 'at least' else 'at most' end as aim,
        target::numeric(12, 4) as target,
        max(value) filter (where days_ago = 0)::numeric(12, 4) as value_today,
        max(value) filter (where days_ago = 30)::numeric(12, 4) as value_30_days_ago,
        (
            max(value) filter (where days_ago = 0) - max(value) filter (where days_ago = 30)
        )::numeric(12, 4) as trend,
        case
            when is_at_least then max(value) filter (where days_ago = 0) >= target
            else max(value) filter (where days_ago = 0) <= target
        end as is_met,
        (max(evidence_count) filter (where days_ago = 0))::bigint as evidence_count,
        {{ business_today() }} as as_of,
        {{ build_id() }} as build_id
    from goals
    group by place, goal, is_at_least, target, definition
)

select * from final
