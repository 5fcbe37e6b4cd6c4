-- What would each channel net for this pair?
-- For the 20 dearest units in the house, sold at StockX's lowest ask: the profit after the fees of
-- today (StockX, Alias) or the share that own sales of a year were charged (eBay, private), after
-- the VAT of the channel's regime and after cost.
-- Leaves out: what eBay and Alias would really pay. No market of theirs is read, so the price is
-- the same on all.
with

dearest as (
    select
        stock_id,
        platform as best_channel
    from analytics.channel_comparison
    where place = 1 and cost_eur is not null
    order by cost_eur desc, stock_id
    limit 20
)

select
    nets.product_name,
    nets.size_raw,
    nets.at_price_eur,
    nets.cost_eur,
    max(nets.net_profit_eur) filter (where nets.platform = 'stockx') as stockx_profit_eur,
    max(nets.net_profit_eur) filter (where nets.platform = 'alias') as alias_profit_eur,
    max(nets.net_profit_eur) filter (where nets.platform = 'ebay') as ebay_profit_eur,
    dearest.best_channel
from dearest
inner join analytics.channel_comparison as nets on dearest.stock_id = nets.stock_id
group by
    nets.stock_id, nets.product_name, nets.size_raw, nets.at_price_eur, nets.cost_eur,
    dearest.best_channel
order by nets.cost_eur desc, nets.product_name, nets.size_raw, nets.stock_id;
