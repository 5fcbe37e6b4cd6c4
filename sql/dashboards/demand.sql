-- Units expected to sell in the next 30 days, with their interval.
select
    level,
    series_key,
    forecast_from,
    forecast_to,
    units_forecast,
    units_lower_80,
    units_upper_80,
    model,
    gate_passed
from analytics.sales_forecast
where horizon_days = 30
order by level, units_forecast desc, series_key;
