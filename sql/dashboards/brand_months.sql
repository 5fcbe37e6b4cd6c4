-- Brands by month of the last twelve: sales, net profit and how much of it is known.
select
    period_start as month,
    member as brand,
    sale_count,
    gross_sale_eur,
    net_profit_eur,
    roi,
    cost_coverage_value
from analytics.kpi
where
    dimension = 'brand'
    and period = 'month'
    and period_start >= (
        select max(newest.period_start) - interval '11 months'
        from analytics.kpi as newest
        where newest.dimension = 'all' and newest.period = 'month'
    )
order by month desc, net_profit_eur desc nulls last, brand
limit 200;
