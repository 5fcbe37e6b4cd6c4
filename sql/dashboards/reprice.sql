-- Units whose price is recommended, by expected profit.
select
    product_name,
    size_raw,
    stock_status,
    age_days,
    cost_eur,
    recommended_sell_faster,
    recommended_earn_more,
    expected_profit,
    market_confidence
from pricing.price_recommendation
where recommended_earn_more is not null
order by expected_profit desc nulls last, stock_id
limit 50;
