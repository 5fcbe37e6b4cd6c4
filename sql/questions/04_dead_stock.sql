-- What is dead?
-- Units on hand for more than 120 days of which no unit of the same size was sold in the last
-- 180, by landed cost; what clearing them at the highest bid (before fees) would lose stands
-- beside it.
-- Leaves out: odds of a sale and days of supply, which the states D0 to D4 need; age and silence
-- stand in for them.
with

today as (
    select max(sold_on) as day from analytics.sales_summary_daily
),

last_sales as (
    select
        variant_id,
        max(sold_on) as last_sold_on
    from sales."order"
    where is_sale
    group by variant_id
)

select
    product.brand,
    coalesce(product.name, stock.product_name) as product_name,
    stock.size_raw,
    count(*) as unit_count,
    max(stock.age_days) as oldest_days,
    last_sales.last_sold_on,
    sum(stock.cost_eur) as cost_eur,
    round(
        sum(stock.cost_eur) / (
            select nullif(sum(held.cost_eur), 0)
            from inventory.stock as held
            where held.is_on_hand
        ), 4
    ) as share_of_stock_cost,
    max(market.highest_bid_eur) as highest_bid_eur,
    sum(
        case
            when market.highest_bid_eur < stock.cost_eur
                then stock.cost_eur - market.highest_bid_eur
            when market.highest_bid_eur is not null then 0
        end
    ) as loss_at_bid_eur
from inventory.stock as stock
cross join today
left join last_sales on stock.variant_id = last_sales.variant_id
left join catalog.product as product on stock.product_id = product.id
left join pricing.market_price as market
    on stock.variant_id = market.variant_id and market.currency_code = 'EUR'
where
    stock.is_in_house
    and stock.age_days > 120
    and (last_sales.last_sold_on is null or last_sales.last_sold_on < today.day - 180)
group by
    product.brand,
    coalesce(product.name, stock.product_name),
    stock.size_raw,
    last_sales.last_sold_on
order by cost_eur desc nulls last, product_name, size_raw
limit 20;
