-- Stock month by month: what came and went, what lay there, and how it turned over.
select
    month,
    opening_count,
    received_count,
    sold_count,
    closing_count,
    sold_cost_eur,
    mean_stock_cost_eur,
    sell_through,
    days_of_supply,
    turnover,
    days_inventory_outstanding,
    gmroi,
    cost_coverage_value
from analytics.stock_kpi_monthly
where dimension = 'all'
order by month desc
limit 25;
