-- Sizes that are offered more often than they are in the house, the worst first.
select
    product.name as product_name,
    variant.size_raw,
    risk.reason,
    risk.stockx_ask_count,
    risk.alias_ask_count,
    risk.in_house_count,
    risk.incoming_count,
    risk.most_oversold_count
from inventory.oversell_risk as risk
left join catalog.product as product on risk.product_id = product.id
left join catalog.variant as variant on risk.variant_id = variant.id
order by
    risk.asks_without_unit_count desc,
    risk.most_oversold_count desc,
    product.name,
    risk.variant_id
limit 50;
