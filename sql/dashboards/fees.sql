-- What each kind of money took or gave in the last twelve months, as booked.
select
    date_trunc('month', booked_on)::date as month,
    kind,
    count(*) as line_count,
    sum(amount_eur) as amount_eur
from financial.transaction
where
    statement = 'profit'
    and booked_on > (select max(sold_on) - 365 from analytics.sales_summary_daily)
group by date_trunc('month', booked_on), kind
order by month desc, kind;
