-- How far is it to the next level?
-- The level that StockX's last charged share belongs to, the sales of the current quarter, and
-- how many the next level takes. The steps are StockX's help page of July 2023: that many sales,
-- or that volume.
-- Leaves out: the volume counts in dollars and stands here in euros; StockX tells neither level
-- nor steps by its API, so both are read from what it charges and what it once wrote.
with

today as (
    select max(sold_on) as day from analytics.sales_summary_daily
),

steps (seller_level, sales_needed, volume_needed_usd) as (
    values (1, 0, 0), (2, 12, 1500), (3, 40, 5000), (4, 200, 25000), (5, 800, 100000)
),

levels as (
    select
        steps.seller_level,
        steps.sales_needed,
        steps.volume_needed_usd,
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

-- Where the minimum fee applied the share says nothing of the level.
current_level as (
    select
        levels.seller_level,
        levels.transaction_fee_rate,
        orders.sold_on as charged_on
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

quarter as (
    select
        date_trunc('quarter', today.day)::date as quarter,
        count(orders.id) as sale_count,
        coalesce(sum(orders.gross_sale_eur), 0) as gross_sale_eur
    from today
    left join sales."order" as orders
        on
            orders.platform = 'stockx'
            and orders.is_sale
            and orders.sold_on >= date_trunc('quarter', today.day)
    where today.day is not null
    group by today.day
)

select
    quarter.quarter,
    current_level.seller_level,
    current_level.transaction_fee_rate,
    current_level.charged_on,
    quarter.sale_count,
    quarter.gross_sale_eur,
    next_level.seller_level as next_level,
    next_level.transaction_fee_rate as next_rate,
    greatest(0, next_level.sales_needed - quarter.sale_count) as sales_to_go,
    next_level.volume_needed_usd,
    round(
        quarter.gross_sale_eur
        * (current_level.transaction_fee_rate - next_level.transaction_fee_rate), 2
    ) as next_rate_would_save_eur
from quarter
left join current_level on true
left join levels as next_level
    on coalesce(current_level.seller_level, 1) + 1 = next_level.seller_level;
