-- Which sizes move?
-- Sizes with at least five units bought in the last 365 days: how many of those are sold, and how
-- fast.
-- Leaves out: days to sell is the median of what was sold; units that still wait would make it
-- longer.
with

today as (
    select max(sold_on) as day from analytics.sales_summary_daily
)

select
    variant.size_key,
    count(*) as bought_count,
    count(*) filter (where stock.is_sold) as sold_count,
    round(count(*) filter (where stock.is_sold)::numeric / count(*), 4) as sell_through,
    percentile_cont(0.5) within group (order by stock.age_days)
        filter (where stock.is_sold) as median_days_to_sell,
    sum(stock.cost_eur) filter (where stock.is_on_hand) as stock_cost_eur
from inventory.stock as stock
cross join today
inner join catalog.variant as variant on stock.variant_id = variant.id
where stock.available_on > today.day - 365 and variant.size_key is not null
group by variant.size_key
having count(*) >= 5
order by sell_through desc, sold_count desc, variant.size_key
limit 20;
