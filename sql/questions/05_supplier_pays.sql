-- Which supplier pays?
-- By net profit of the units that were sold; the cost that still lies on the shelf stands beside
-- it, and after how many days half of what came was sold, with what still waits counted in. By
-- month of purchase it stands in analytics.buying_scorecard.
-- Leaves out: returns to the supplier, which no file tells of.
select
    suppliers.supplier_name,
    suppliers.unit_count,
    suppliers.sold_count,
    suppliers.sell_through,
    suppliers.net_profit_eur,
    suppliers.roi,
    suppliers.stock_cost_eur,
    suppliers.median_delivery_days,
    waits.median_days as days_to_sell_half
from analytics.supplier_performance_summary as suppliers
left join inventory.days_to_sell as waits
    on waits.scope = 'supplier' and suppliers.supplier_name = waits.name
order by suppliers.net_profit_eur desc nulls last, suppliers.supplier_name;
