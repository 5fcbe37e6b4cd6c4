-- What buying came to: suppliers by month of purchase, the last twelve.
select
    supplier_name,
    purchase_month,
    unit_count,
    landed_cost_eur,
    sell_through,
    net_profit_eur,
    profit_coverage,
    roi,
    mean_holding_days,
    stock_cost_eur
from analytics.buying_scorecard
where
    purchase_month >= (
        select date_trunc('month', max(sold_on)) - interval '11 months'
        from analytics.sales_summary_daily
    )
order by purchase_month desc, landed_cost_eur desc nulls last, supplier_name
limit 200;
