-- How far is it to the next level?
-- Each level of StockX with its rate, how many sales a quarter it takes, and how many are to go
-- in this quarter; the last full quarter stands beside it. is_charged_now: the last charged
-- share is this level's. The steps are StockX's help page of July 2023: that many sales, or that
-- volume.
-- Leaves out: the volume counts in dollars and stands here in euros; StockX tells neither level
-- nor steps by its API, so both are read from what it charges and what it once wrote.
with

today as (
    select
        max(sold_on) as day,
        date_trunc('quarter', max(sold_on))::date as quarter_start
    from analytics.sales_summary_daily
),

steps (seller_level, sales_needed, volume_needed_usd) as (
    values (1, 0, 0), (2, 12, 1500), (3, 40, 5000), (4, 200, 25000), (5, 800, 100000)
),

levels as (
    select
        steps.*,
        schedule.transaction_fee_rate
    from platform.fee_schedule as schedule
    cross join today
    inner join steps on schedule.seller_level = steps.seller_level
    where
        schedule.platform = 'stockx'
        and schedule.currency_code = 'EUR'
        and schedule.category = 'any'
        and today.day >= schedule.valid_from
        and today.day <= coalesce(schedule.valid_to, 'infinity'::date)
),

-- Where the minimum fee applied, or of a low price, the share says nothing of the level.
charged_last as (
    select levels.seller_level
    from sales."order" as orders
    inner join levels
        on round(orders.transaction_fee_eur / orders.gross_sale_eur, 3)
            = levels.transaction_fee_rate
    where
        orders.platform = 'stockx'
        and orders.fee_source = 'charged'
        and orders.gross_sale_eur >= 100
    order by orders.sold_on desc, orders.ordered_at desc
    limit 1
),

sold as (
    select
        count(*) filter (where orders.sold_on >= today.quarter_start) as this_quarter_count,
        count(*) filter (where orders.sold_on < today.quarter_start) as last_quarter_count,
        coalesce(
            sum(orders.gross_sale_eur) filter (where orders.sold_on >= today.quarter_start), 0
        ) as this_quarter_eur,
        coalesce(
            sum(orders.gross_sale_eur) filter (where orders.sold_on < today.quarter_start), 0
        ) as last_quarter_eur
    from sales."order" as orders
    cross join today
    where
        orders.platform = 'stockx'
        and orders.is_sale
        and orders.sold_on >= today.quarter_start - interval '3 months'
)

select
    levels.seller_level,
    levels.transaction_fee_rate,
    coalesce(levels.seller_level = charged_last.seller_level, false) as is_charged_now,
    levels.sales_needed,
    sold.this_quarter_count,
    greatest(0, levels.sales_needed - sold.this_quarter_count) as sales_to_go,
    sold.last_quarter_count,
    levels.volume_needed_usd,
    sold.this_quarter_eur,
    sold.last_quarter_eur
from levels
cross join sold
left join charged_last on true
order by levels.seller_level;
