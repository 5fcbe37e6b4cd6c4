-- How long it takes until half, and four fifths, of what was received is sold.
-- Units that still lie there count as long as they lie (Kaplan and Meier), so that slow stock is
-- not left out; empty: not that many were sold yet.
select
    scope,
    name,
    unit_count,
    sold_count,
    median_days,
    p80_days,
    share_left_at_last
from inventory.days_to_sell
where unit_count >= 5
order by (scope <> 'all'), scope, median_days nulls last, name
limit 100;
