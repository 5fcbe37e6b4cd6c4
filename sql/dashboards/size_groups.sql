-- Size groups by week of the last thirteen.
select
    period_start as week,
    member as size_group,
    sold_unit_count,
    gross_sale_eur,
    net_profit_eur,
    roi,
    cost_coverage_value
from analytics.kpi
where
    dimension = 'size_group'
    and period = 'week'
    and period_start >= (
        select max(newest.period_start) - 84
        from analytics.kpi as newest
        where newest.dimension = 'all' and newest.period = 'week'
    )
order by week desc, sold_unit_count desc, size_group;
