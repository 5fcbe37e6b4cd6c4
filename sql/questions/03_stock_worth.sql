-- What is my stock worth today?
-- At cost, at the lowest ask, and at its net realisable value: what StockX pays for the highest
-- bid after the fees of the first level, the dearest.
-- Leaves out: units without a bid in euros have no realisable value here; their number stands
-- beside it.
with

today as (
    select max(sold_on) as day from analytics.sales_summary_daily
),

fees as (
    select schedule.*
    from platform.fee_schedule as schedule
    cross join today
    where
        schedule.platform = 'stockx'
        and schedule.currency_code = 'EUR'
        and schedule.seller_level = 1
        and schedule.category = 'any'
        and today.day >= schedule.valid_from
        and today.day <= coalesce(schedule.valid_to, 'infinity'::date)
),

units as (
    select
        stock.status,
        stock.cost_eur,
        market.lowest_ask,
        market.highest_bid
        - greatest(
            round(market.highest_bid * fees.transaction_fee_rate, 2), coalesce(fees.minimum_fee, 0)
        )
        - round(market.highest_bid * fees.processing_fee_rate, 2)
        - coalesce(fees.shipping_fee, 0) as realisable
    from inventory.stock as stock
    left join pricing.market_price as market
        on stock.variant_id = market.variant_id and market.currency_code = 'EUR'
    left join fees on true
    where stock.status <> 'sold'
)

select
    coalesce(status, 'all') as status,
    count(*) as unit_count,
    count(*) filter (where cost_eur is null) as without_cost_count,
    sum(cost_eur) as cost_eur,
    sum(lowest_ask) as at_lowest_ask_eur,
    sum(realisable) as realisable_eur,
    count(*) filter (where realisable is null) as without_bid_count,
    sum(greatest(0, cost_eur - realisable)) as markdown_eur
from units
group by grouping sets ((status), ())
order by status nulls first;
