-- Categories of the last 90 days: sales, profit, and what lies on the shelf.
with

sold as (
    select
        coalesce(product.category, 'unknown') as category,
        count(*) as sale_count,
        sum(orders.gross_sale_eur) as gross_sale_eur,
        sum(orders.net_profit) as net_profit_eur
    from sales."order" as orders
    left join catalog.product as product on orders.product_id = product.id
    where
        orders.is_sale
        and orders.sold_on between (select max(sold_on) - 89 from analytics.sales_summary_daily)
        and (select max(sold_on) from analytics.sales_summary_daily)
    group by coalesce(product.category, 'unknown')
),

held as (
    select
        coalesce(category, 'unknown') as category,
        sum(on_hand_count) as on_hand_count,
        sum(stock_cost_eur) as stock_cost_eur
    from analytics.inventory_status_summary
    group by coalesce(category, 'unknown')
)

select
    coalesce(sold.category, held.category) as category,
    coalesce(sold.sale_count, 0) as sale_count,
    sold.gross_sale_eur,
    sold.net_profit_eur,
    coalesce(held.on_hand_count, 0) as on_hand_count,
    held.stock_cost_eur
from sold
full outer join held on sold.category = held.category
order by sold.net_profit_eur desc nulls last, category;
