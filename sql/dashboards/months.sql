-- Profit, margin and take rate of each month, beside their cost coverage.
select
    month,
    sale_count,
    gross_sale_eur,
    net_payout_eur,
    net_profit_eur,
    net_margin,
    roi,
    take_rate,
    failed_sale_rate,
    cost_coverage_value
from analytics.kpi_monthly
order by month desc
limit 36;
