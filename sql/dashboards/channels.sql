-- Each channel's sales, fees and profit of the last twelve months, by month.
select
    month,
    platform,
    sale_count,
    sold_unit_count,
    gross_sale_eur,
    take_rate,
    net_profit_eur,
    roi
from analytics.kpi_monthly_by_platform
where month > (select max(sold_on) - 365 from analytics.sales_summary_daily)
order by month desc, platform;
