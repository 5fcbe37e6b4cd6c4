-- A unit has one sale that stands, whoever named it: the owner, a sales file or the queue.
with

cost_matches as (
    select * from {{ ref('int_inventory__cost_matches') }}
),

orders as (
    select * from {{ ref('int_sales__orders') }}
)

select
    cost_matches.line_key,
    cost_matches.unit_no,
    array_agg(cost_matches.order_key) as order_keys
from cost_matches
inner join orders on cost_matches.order_key = orders.order_key
where orders.is_sale
group by cost_matches.line_key, cost_matches.unit_no
having count(*) > 1
