-- How orders of the last six months were sent, or not.
select
    month,
    platform,
    state,
    order_count,
    penalty_eur,
    next_ship_by_at
from operations.fulfilment
where
    month >= (
        select date_trunc('month', max(sold_on)) - interval '5 months'
        from analytics.sales_summary_daily
    )
order by month desc, platform, order_count desc;
