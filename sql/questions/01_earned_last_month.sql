-- What did I earn last month, and how sure is it?
-- The last full month before the day of the build. A row for each state of the profit, and one
-- for all: reconciled and payout_seen are as paid, estimated has expected fees, no_cost has no
-- known profit. A penalty counts in the month it was charged; what a stock count missed is lost.
with

month as (
    select
        (date_trunc('month', max(sold_on)) - interval '1 month')::date as month_start,
        date_trunc('month', max(sold_on))::date as next_month
    from analytics.sales_summary_daily
),

bookings as (
    select
        orders.profit_state,
        1 as order_count,
        orders.gross_sale_eur,
        orders.net_payout_eur,
        orders.cost_eur,
        orders.net_profit + orders.penalty_eur as net_profit_eur
    from sales."order" as orders
    inner join month
        on orders.sold_on >= month.month_start and orders.sold_on < month.next_month
    union all
    select
        orders.profit_state,
        0 as order_count,
        0 as gross_sale_eur,
        0 as net_payout_eur,
        0 as cost_eur,
        case when orders.net_profit is not null then penalties.amount_eur end as net_profit_eur
    from sales.order_event as penalties
    inner join month
        on
            penalties.occurred_on >= month.month_start
            and penalties.occurred_on < month.next_month
    inner join sales."order" as orders on penalties.order_id = orders.id
    where penalties.event_kind = 'penalty'
    union all
    select
        'lost stock' as profit_state,
        0 as order_count,
        0 as gross_sale_eur,
        0 as net_payout_eur,
        -lines.amount_eur as cost_eur,
        lines.amount_eur as net_profit_eur
    from financial.profit_and_loss as lines
    inner join month on lines.month = month.month_start
    where lines.line = 'lost stock' and lines.amount_eur <> 0
)

select
    month.month_start as month,
    coalesce(bookings.profit_state, 'all') as profit_state,
    sum(bookings.order_count) as order_count,
    sum(bookings.gross_sale_eur) as gross_sale_eur,
    sum(bookings.net_payout_eur) as net_payout_eur,
    sum(bookings.cost_eur) as cost_eur,
    sum(bookings.net_profit_eur) as net_profit_eur,
    round(
        sum(bookings.gross_sale_eur) filter (where bookings.net_profit_eur is not null)
        / nullif(sum(bookings.gross_sale_eur), 0), 4
    ) as share_of_sales_with_known_profit
from bookings
cross join month
group by month.month_start, grouping sets ((bookings.profit_state), ())
order by bookings.profit_state nulls first;
