-- Which brand earns per day on the shelf?
-- Profit ÷ days between receipt and sale (a day at least) of the units sold in the last 365 days,
-- for brands with five of them; a sale of several pieces is shared by its units.
-- Leaves out: sales without a known unit, which have no shelf; their share stands beside it.
with

today as (
    select max(sold_on) as day from analytics.sales_summary_daily
),

sales as (
    select
        orders.id,
        orders.quantity,
        orders.gross_sale_eur,
        orders.net_profit,
        coalesce(product.brand, 'Unknown') as brand
    from sales."order" as orders
    cross join today
    left join catalog.product as product on orders.product_id = product.id
    where orders.is_sale and orders.sold_on > today.day - 365
),

shelves as (
    select
        sales.brand,
        count(*) as unit_count,
        sum(sales.net_profit / sales.quantity) as net_profit_eur,
        sum(greatest(1, stock.age_days)) as shelf_days
    from sales
    inner join inventory.stock as stock on sales.id = stock.sold_order_id
    where sales.net_profit is not null
    group by sales.brand
),

coverage as (
    select
        brand,
        sum(gross_sale_eur) filter (where net_profit is not null)
        / nullif(sum(gross_sale_eur), 0) as covered
    from sales
    group by brand
)

select
    shelves.brand,
    shelves.unit_count,
    round(shelves.net_profit_eur, 2) as net_profit_eur,
    shelves.shelf_days,
    round(shelves.net_profit_eur / shelves.shelf_days, 4) as profit_per_shelf_day_eur,
    round(coverage.covered, 4) as cost_coverage_value
from shelves
inner join coverage on shelves.brand = coverage.brand
where shelves.unit_count >= 5
order by profit_per_shelf_day_eur desc, shelves.brand
limit 20;
