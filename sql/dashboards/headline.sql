-- The figures above everything: this month, the last 30 and the last 365 days.
with

today as (
    select max(sold_on) as day from analytics.sales_summary_daily
),

spans as (
    select
        'this month' as span,
        date_trunc('month', day)::date as first_day
    from today
    union all
    select
        'last 30 days' as span,
        day - 29 as first_day
    from today
    union all
    select
        'last 365 days' as span,
        day - 364 as first_day
    from today
)

select
    spans.span,
    sum(summary.sale_count) as sale_count,
    sum(summary.gross_sale_eur) as gross_sale_eur,
    sum(summary.net_payout_eur) as net_payout_eur,
    sum(summary.net_profit_eur) as net_profit_eur,
    sum(summary.penalty_eur) as penalty_eur,
    round(sum(summary.costed_sale_count) / nullif(sum(summary.sale_count), 0), 4)
        as cost_coverage_count
from spans
left join analytics.sales_summary_daily as summary on spans.first_day <= summary.sold_on
group by spans.span, spans.first_day
order by spans.first_day desc;
