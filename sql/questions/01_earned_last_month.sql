-- What did I earn last month, and how sure is it?
-- The last full month before the day of the build. A row for each state of the profit, and one
-- for all: reconciled and payout_seen are as paid, estimated has expected fees, no_cost has no
-- known profit. A returned or failed order counts with its penalty alone.
with

month as (
    select
        (date_trunc('month', max(sold_on)) - interval '1 month')::date as month_start,
        date_trunc('month', max(sold_on))::date as next_month
    from analytics.sales_summary_daily
)

select
    month.month_start as month,
    coalesce(orders.profit_state, 'all') as profit_state,
    count(*) as order_count,
    sum(orders.gross_sale_eur) as gross_sale_eur,
    sum(orders.net_payout_eur) as net_payout_eur,
    sum(orders.cost_eur) as cost_eur,
    sum(orders.net_profit) as net_profit_eur,
    round(
        sum(orders.gross_sale_eur) filter (where orders.net_profit is not null)
        / nullif(sum(orders.gross_sale_eur), 0), 4
    ) as share_of_sales_with_known_profit
from sales."order" as orders
inner join month
    on orders.sold_on >= month.month_start and orders.sold_on < month.next_month
group by month.month_start, grouping sets ((orders.profit_state), ())
order by orders.profit_state nulls first;
