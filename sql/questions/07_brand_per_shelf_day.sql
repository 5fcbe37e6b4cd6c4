-- Which brand earns per day on the shelf?
-- Profit over the days between receipt and sale (a day at least) of the units sold in the last
-- twelve months, for brands with five sales of known profit.
-- Leaves out: sales without a known unit, which have no shelf; their share stands beside it.
with

months as (
    select *
    from analytics.kpi
    where
        dimension = 'brand' and period = 'month'
        and period_start > (
            select max(month) - interval '12 months' from analytics.kpi_monthly
        )
)

select
    member as brand,
    sum(costed_sale_count) as sale_count,
    sum(sale_profit_eur) as net_profit_eur,
    sum(shelf_days) as shelf_days,
    round(sum(sale_profit_eur) / sum(shelf_days), 4) as profit_per_shelf_day_eur,
    round(sum(costed_gross_eur) / nullif(sum(gross_sale_eur), 0), 4) as cost_coverage_value
from months
group by member
having sum(costed_sale_count) >= 5
order by profit_per_shelf_day_eur desc, brand
limit 20;
