-- Which supplier pays?
-- By net profit of the units that were sold; the cost that still lies on the shelf stands beside
-- it.
-- Leaves out: profit by purchase month, and returns to the supplier, which no file tells of.
select
    supplier_name,
    unit_count,
    sold_count,
    sell_through,
    net_profit_eur,
    roi,
    stock_cost_eur,
    median_delivery_days,
    median_days_to_sell
from analytics.supplier_performance_summary
order by net_profit_eur desc nulls last, supplier_name;
