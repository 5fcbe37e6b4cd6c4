-- How much of each month's receipts was sold within 30, 60 and 90 days; open cohorts are empty.
select
    cohort_month,
    unit_count,
    cost_eur,
    sold_count,
    sell_through_30,
    sell_through_60,
    sell_through_90
from inventory.sell_through_cohort
where cohort_kind = 'receipt'
order by cohort_month desc
limit 25;
