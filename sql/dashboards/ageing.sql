-- Stock in the house by age at the end of each of the last 13 months, and today.
-- Any other day: the same table, where day = that day. capital days: cost x age.
select
    day,
    age_band,
    unit_count,
    cost_eur,
    capital_days_eur
from inventory.ageing_daily
where
    day = (select max(latest.day) from inventory.ageing_daily as latest)
    or (
        day = (date_trunc('month', day) + interval '1 month - 1 day')::date
        and day > (
            select (max(latest.day) - interval '13 months')::date
            from inventory.ageing_daily as latest
        )
    )
order by day desc, band_no;
