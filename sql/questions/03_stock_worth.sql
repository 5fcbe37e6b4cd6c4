-- What is my stock worth today?
-- At cost and at its net realisable value: what StockX pays for the highest bid after fees; where
-- nobody bids, for 85 % of the lowest ask (their number stands beside it). markdown: what the
-- costs of single units are above that. capital days: cost x days on the shelf.
-- Leaves out: units without bid and ask in euros have no realisable value; their number stands
-- beside it.
select
    coalesce(status, 'all') as status,
    count(*) as unit_count,
    count(*) filter (where cost_eur is null) as without_cost_count,
    sum(cost_eur) as cost_eur,
    sum(realisable_eur) as realisable_eur,
    count(*) filter (where basis = 'lowest ask') as at_ask_count,
    count(*) filter (where basis = 'unknown') as without_price_count,
    sum(cost_eur) filter (where basis = 'unknown') as cost_without_price_eur,
    sum(markdown_eur) as markdown_eur,
    sum(capital_days_eur) as capital_days_eur
from inventory.valuation
group by grouping sets ((status), ())
order by status nulls first;
