-- What is dead?
-- Units in the house for more than 120 days of which no unit of the same size was sold in the last
-- 180, by landed cost; what clearing them at the highest bid (before fees) would lose stands
-- beside it.
-- Leaves out: odds of a sale and days of supply, which the states D0 to D4 need; age and silence
-- stand in for them.
with

today as (
    select max(sold_on) as day from analytics.sales_summary_daily
),

dead as (
    select
        valuation.*,
        case when valuation.basis = 'highest bid' then valuation.at_price_eur end
            as highest_bid_eur
    from inventory.valuation as valuation
    cross join today
    where
        valuation.status <> 'incoming'
        and valuation.age_days > 120
        and (valuation.last_sold_on is null or valuation.last_sold_on < today.day - 180)
),

-- As the shelf knows them; names follow for the few that are shown.
sizes as (
    select
        product_id,
        variant_id,
        case when variant_id is null then stock_id end as lone_stock_id,
        min(stock_id::text)::uuid as any_stock_id,
        count(*) as unit_count,
        max(age_days) as oldest_days,
        max(last_sold_on) as last_sold_on,
        sum(cost_eur) as cost_eur,
        max(highest_bid_eur) as highest_bid_eur,
        sum(greatest(0, cost_eur - highest_bid_eur)) filter (where highest_bid_eur is not null)
            as loss_at_bid_eur
    from dead
    group by product_id, variant_id, case when variant_id is null then stock_id end
    order by sum(cost_eur) desc nulls last, min(stock_id::text)
    limit 20
)

select
    product.brand,
    coalesce(product.name, stock.product_name) as product_name,
    stock.size_raw,
    sizes.unit_count,
    sizes.oldest_days,
    sizes.last_sold_on,
    sizes.cost_eur,
    round(
        sizes.cost_eur
        / (select nullif(sum(held.cost_eur), 0) from inventory.valuation as held), 4
    ) as share_of_stock_cost,
    sizes.highest_bid_eur,
    sizes.loss_at_bid_eur
from sizes
inner join inventory.stock as stock on sizes.any_stock_id = stock.id
left join catalog.product as product on sizes.product_id = product.id
order by sizes.cost_eur desc nulls last, product_name, stock.size_raw;
