-- Brands of the last thirteen weeks by net profit.
select
    member as brand,
    sum(sale_count) as sale_count,
    sum(gross_sale_eur) as gross_sale_eur,
    sum(sale_profit_eur) as net_profit_eur,
    round(sum(sale_profit_eur) / nullif(sum(profit_cost_eur), 0), 4) as roi,
    round(sum(costed_gross_eur) / nullif(sum(gross_sale_eur), 0), 4) as cost_coverage_value
from analytics.kpi
where
    dimension = 'brand'
    and period = 'week'
    and period_start > (select max(sold_on) - 91 from analytics.sales_summary_daily)
group by member
order by net_profit_eur desc nulls last, brand
limit 25;
