-- Sales and profit of the last 90 days, with the mean of seven.
select
    sold_on,
    sale_count,
    gross_sale_eur,
    net_profit_eur,
    round(avg(gross_sale_eur) over last_week, 2) as gross_mean_of_7_days_eur
from analytics.sales_summary_daily
where sold_on > (select max(whole.sold_on) - 90 from analytics.sales_summary_daily as whole)
window last_week as (order by sold_on rows between 6 preceding and current row)
order by sold_on desc;
