-- Brands by the capital that they lock up, beside what clearing their stock would bring today.
select
    brand,
    count(*) as unit_count,
    sum(cost_eur) as cost_eur,
    sum(realisable_eur) as realisable_eur,
    sum(markdown_eur) as markdown_eur,
    sum(capital_days_eur) as capital_days_eur,
    round(sum(capital_days_eur) / nullif(sum(cost_eur), 0), 1) as cost_weighted_age_days,
    count(*) filter (where basis <> 'highest bid') as without_bid_count
from inventory.valuation
group by brand
order by cost_eur desc nulls last, brand
limit 25;
