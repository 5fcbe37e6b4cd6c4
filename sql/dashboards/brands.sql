-- Brands of the last 90 days by net profit.
select
    coalesce(product.brand, 'Unknown') as brand,
    count(*) as sale_count,
    sum(orders.gross_sale_eur) as gross_sale_eur,
    sum(orders.net_profit) as net_profit_eur,
    round(
        sum(orders.net_profit)
        / nullif(sum(orders.cost_eur) filter (where orders.net_profit is not null), 0), 4
    ) as roi,
    round(
        sum(orders.gross_sale_eur) filter (where orders.net_profit is not null)
        / nullif(sum(orders.gross_sale_eur), 0), 4
    ) as cost_coverage_value
from sales."order" as orders
left join catalog.product as product on orders.product_id = product.id
where
    orders.is_sale
    and orders.sold_on between (select max(sold_on) - 89 from analytics.sales_summary_daily)
    and (select max(sold_on) from analytics.sales_summary_daily)
group by coalesce(product.brand, 'Unknown')
order by net_profit_eur desc nulls last, brand
limit 25;
