-- Shop offers under what StockX's highest bid pays, before its fees.
select
    offer.merchant_name,
    offer.product_name,
    offer.size_raw,
    offer.delivered_price_eur,
    market.highest_bid_eur,
    market.highest_bid_eur - offer.delivered_price_eur as room_eur
from supplier.offer as offer
inner join pricing.market_price as market
    on offer.variant_id = market.variant_id and market.currency_code = 'EUR'
where offer.is_in_stock and market.highest_bid_eur > offer.delivered_price_eur
order by room_eur desc, offer.id
limit 50;
