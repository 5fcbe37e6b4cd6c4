-- Which sizes move?
-- Sizes of which at least five units were received: how many of them are sold, and after how many
-- days half and four fifths are gone. Units that still wait count as long as they wait (Kaplan and
-- Meier), so that slow ones are not left out.
select
    name as size_key,
    unit_count as received_count,
    sold_count,
    round(sold_count::numeric / unit_count, 4) as sell_through,
    median_days,
    p80_days
from inventory.days_to_sell
where scope = 'size' and name <> 'unknown' and unit_count >= 5
order by median_days nulls last, sell_through desc, name
limit 20;
