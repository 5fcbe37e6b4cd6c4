-- Orders of the last 30 days that lost money, penalties too, the dearest first.
select
    sold_on,
    platform,
    order_number,
    platform_specific_data ->> 'product_name' as product_name,
    gross_sale_eur,
    cost_eur,
    vat_due_eur,
    net_profit
from sales."order"
where
    net_profit < 0
    and sold_on between (select max(sold_on) - 29 from analytics.sales_summary_daily)
    and (select max(sold_on) from analytics.sales_summary_daily)
order by net_profit, order_number
limit 50;
