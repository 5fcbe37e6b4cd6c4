-- The newest orders with what they came to.
select
    orders.sold_on,
    orders.platform,
    orders.order_number,
    orders.platform_specific_data ->> 'product_name' as product_name,
    orders.status,
    orders.gross_sale_eur,
    orders.net_payout_eur,
    orders.cost_eur,
    orders.net_profit,
    orders.profit_state
from sales."order" as orders
where orders.sold_on > (select max(sold_on) - 30 from analytics.sales_summary_daily)
order by orders.sold_on desc, orders.ordered_at desc, orders.id
limit 50;
