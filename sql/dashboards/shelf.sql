-- Products on hand by the capital that they hold, with their value at the market.
select
    product_name,
    brand,
    on_hand_count,
    stock_cost_eur,
    value_at_highest_bid_eur,
    value_at_lowest_ask_eur,
    oldest_days,
    sell_through
from analytics.inventory_status_summary
where on_hand_count > 0
order by stock_cost_eur desc, product_id
limit 50;
