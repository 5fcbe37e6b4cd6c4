-- What would each channel net for this pair?
-- For the 20 dearest units on hand, sold at StockX's lowest ask on each channel: less the share
-- that the channel took of own sales in the last 365 days, less the VAT of its regime.
-- Leaves out: what eBay and Alias would really pay. No market of theirs is read, so the price is
-- the same on all; a channel without a sale in those days has no share and stays empty.
with

today as (
    select max(sold_on) as day from analytics.sales_summary_daily
),

takes as (
    select
        orders.platform,
        1 - sum(orders.net_payout_eur) / nullif(sum(orders.gross_sale_eur), 0) as take_rate
    from sales."order" as orders
    cross join today
    where
        orders.is_sale
        and orders.net_payout_eur is not null
        and orders.sold_on > today.day - 365
    group by orders.platform
),

units as (
    select
        stock.id,
        coalesce(product.name, stock.product_name) as product_name,
        stock.size_raw,
        stock.cost_eur,
        stock.vat_scheme,
        market.lowest_ask_eur as price
    from inventory.stock as stock
    inner join pricing.market_price as market
        on stock.variant_id = market.variant_id and market.currency_code = 'EUR'
    left join catalog.product as product on stock.product_id = product.id
    where
        stock.is_in_house
        and stock.cost_eur is not null
        and market.lowest_ask_eur is not null
    order by stock.cost_eur desc, stock.id
    limit 20
),

nets as (
    select
        units.*,
        takes.platform,
        round(units.price * (1 - takes.take_rate), 2)
        - case
            when takes.platform in ('stockx', 'alias') then 0
            when units.vat_scheme = 'standard' then round(units.price * 0.19 / 1.19, 2)
            else round(greatest(0, units.price - units.cost_eur) * 0.19 / 1.19, 2)
        end
        - units.cost_eur as profit
    from units
    left join takes on true
)

select
    product_name,
    size_raw,
    price as at_price_eur,
    cost_eur,
    max(profit) filter (where platform = 'stockx') as stockx_profit_eur,
    max(profit) filter (where platform = 'alias') as alias_profit_eur,
    max(profit) filter (where platform = 'ebay') as ebay_profit_eur,
    (array_agg(platform order by profit desc nulls last, platform))[1] as best_channel
from nets
group by id, product_name, size_raw, price, cost_eur
order by cost_eur desc, product_name, size_raw, id;
