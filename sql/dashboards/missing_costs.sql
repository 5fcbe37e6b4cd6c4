-- Sales without a cost by the reason why.
select
    reason,
    count(*) as sale_count,
    sum(gross_sale_eur) as gross_sale_eur,
    min(sold_on) as first_sold_on,
    max(sold_on) as last_sold_on
from sales.cost_queue
group by reason
order by sale_count desc, reason;
