-- Which sizes move?
-- Sizes of which at least five units were received, the quickest first: how many of them are sold,
-- and after how many days on the shelf half and four fifths were (Kaplan and Meier: what still lies
-- there counts as long as it lies).
-- Leaves out: when a size was bought; what moved years ago counts like what moves today.
select
    name as size_key,
    unit_count,
    sold_count,
    round(sold_count::numeric / unit_count, 4) as sell_through,
    median_days,
    p80_days
from inventory.days_to_sell
where scope = 'size' and name <> 'unknown' and unit_count >= 5
order by median_days nulls last, p80_days nulls last, sell_through desc, name
limit 20;
