-- Categories of the last thirteen weeks: sales, profit, and what lies on the shelf.
with

sold as (
    select
        member as category,
        sum(sale_count) as sale_count,
        sum(gross_sale_eur) as gross_sale_eur,
        sum(sale_profit_eur) as net_profit_eur
    from analytics.kpi
    where
        dimension = 'category'
        and period = 'week'
        and period_start > (select max(sold_on) - 91 from analytics.sales_summary_daily)
    group by member
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
