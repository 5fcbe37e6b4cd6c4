-- The movements of each unit add up to whether it is in the house: 1 or 0. A second sale of a unit
-- that nobody sent back, or a return that nobody sold, would show here.
with

movements as (
    select
        stock_id,
        sum(quantity) as position_count
    from {{ ref('movement') }}
    group by stock_id
),

stock as (
    select
        id,
        is_in_house
    from {{ ref('stock') }}
)

select
    stock.id,
    stock.is_in_house,
    movements.position_count
from stock
left join movements on stock.id = movements.stock_id
where stock.is_in_house::integer <> coalesce(movements.position_count, 0)
