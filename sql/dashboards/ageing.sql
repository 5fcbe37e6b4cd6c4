-- Stock on hand by age: units, cost and capital days.
with

-- By day first: a sum for each of some hundred days is sooner made than one for each unit.
by_day as (
    select
        age_days,
        count(*) as unit_count,
        count(*) filter (where status = 'listed') as listed_count,
        sum(cost_eur) as cost_eur
    from inventory.stock
    where status <> 'sold'
    group by age_days
)

select
    case
        when age_days <= 30 then '0-30'
        when age_days <= 60 then '31-60'
        when age_days <= 90 then '61-90'
        when age_days <= 120 then '91-120'
        when age_days <= 180 then '121-180'
        else '181+'
    end as age_band,
    sum(unit_count) as unit_count,
    sum(listed_count) as listed_count,
    sum(cost_eur) as cost_eur,
    sum(cost_eur * age_days) as capital_days
from by_day
group by age_band
order by min(age_days);
