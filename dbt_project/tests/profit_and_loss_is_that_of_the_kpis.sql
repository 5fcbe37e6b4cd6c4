-- Months whose profit before lost stock is another in the ledger than in the key figures.
with

profit_and_loss as (
    select
        month,
        sum(case line when 'lost stock' then -known_amount_eur else known_amount_eur end)
            as net_profit_eur
    from {{ ref('profit_and_loss') }}
    where line in ('net profit', 'lost stock')
    group by month
),

figures as (
    select * from {{ ref('kpi_monthly') }}
)

select
    month,
    profit_and_loss.net_profit_eur as booked_eur,
    figures.net_profit_eur as counted_eur
from figures
full join profit_and_loss using (month)
where coalesce(profit_and_loss.net_profit_eur, 0) <> coalesce(figures.net_profit_eur, 0)
