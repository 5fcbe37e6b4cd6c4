-- Stock month by month: what came, went and came back, and what lay there at the end of the month.
with

months as (
    select
        date_trunc('month', day)::date as month,
        max(day) as last_day,
        sum(received_count) as received_count,
        sum(sold_count) as sold_count,
        sum(returned_count) as returned_count,
        sum(lost_count) as lost_count,
        sum(sold_cost_eur) as cost_of_sales_eur,
        round(avg(in_house_cost_eur), 2) as mean_stock_cost_eur
    from inventory.position_daily
    group by date_trunc('month', day)::date
)

select
    months.month,
    months.received_count,
    months.sold_count,
    months.returned_count,
    months.lost_count,
    position.in_house_count,
    position.in_house_cost_eur,
    position.incoming_count,
    position.incoming_cost_eur,
    months.cost_of_sales_eur,
    months.mean_stock_cost_eur,
    round(months.cost_of_sales_eur / nullif(months.mean_stock_cost_eur, 0), 2) as turnover
from months
inner join inventory.position_daily as position on months.last_day = position.day
order by months.month desc
limit 25;
