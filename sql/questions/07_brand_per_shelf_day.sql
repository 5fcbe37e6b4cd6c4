-- Which brand earns per day on the shelf?
-- Profit ÷ days between receipt and sale (a day at least) of the units sold in the last 52 weeks,
-- for brands with five of them.
-- Leaves out: sales without a known unit, which have no shelf; their share stands beside it. What
-- still lies there counts from the day on which it is sold.
select
    member as brand,
    sum(sold_unit_count) as unit_count,
    sum(sale_profit_eur) as net_profit_eur,
    sum(shelf_days) as shelf_days,
    round(sum(sale_profit_eur) / nullif(sum(shelf_days), 0), 4) as profit_per_shelf_day_eur,
    round(sum(costed_gross_eur) / nullif(sum(gross_sale_eur), 0), 4) as cost_coverage_value
from analytics.kpi
where
    dimension = 'brand'
    and period = 'week'
    and period_start > (select max(sold_on) - 364 from analytics.sales_summary_daily)
group by member
having sum(costed_sale_count) >= 5
order by profit_per_shelf_day_eur desc nulls last, brand
limit 20;
