{{ config(indexes=[
    {'columns': ['stock_id', 'movement_no'], 'unique': true},
    {'columns': ['product_id']},
]) }}

with

holdings as not materialized (
    select * from {{ ref('int_inventory__holdings') }}
),

stock as not materialized (
    select * from {{ ref('stock') }}
),

arrivals as (
    select
        line_key,
        unit_no,
        holding_no * 2 - 1 as movement_no,
        case when returned_order_key is null then 'receipt' else 'return' end as kind,
        1 as quantity,
        held_from as occurred_on,
        returned_order_key as order_key
    from holdings
),

sales as (
    select
        line_key,
        unit_no,
        holding_no * 2 as movement_no,
        'sale'::text as kind,
        -1 as quantity,
        held_until as occurred_on,
        sold_order_key as order_key
    from holdings
    where held_until is not null
),

losses as (
    select
        holdings.line_key,
        holdings.unit_no,
        holdings.holding_no * 2 as movement_no,
        'loss'::text as kind,
        -1 as quantity,
        stock.lost_on as occurred_on,
        null::text as order_key
    from holdings
    inner join stock
        on
            holdings.line_key = stock.line_key
            and holdings.unit_no = stock.unit_no
    where holdings.held_until is null and stock.lost_on is not null
),

moves as (
    select * from arrivals
    union all
    select * from sales
    union all
    select * from losses
),

final as (
    select
        stock.id as stock_id,
        moves.movement_no::integer as movement_no,
        stock.lot_id,
        stock.product_id,
        stock.variant_id,
        moves.kind,
        moves.occurred_on,
        moves.quantity,
        (moves.quantity * stock.cost_eur)::numeric(12, 2) as cost_eur,
        case moves.kind
            when 'sale' then 'sold'
            when 'return' then 'the buyer sent it back'
            when 'loss' then 'missing at a stock count'
            else
                case
                    when stock.received_on is null then 'bought; no receipt is noted'
                    when moves.occurred_on < stock.received_on then 'sold before its receipt'
                    else 'received'
                end
        end as reason,
        coalesce(moves.order_key, stock.line_key) as reference,
        {{ stable_id('order', ['moves.order_key']) }} as order_id,
        {{ build_id() }} as build_id
    from moves
    inner join stock
        on
            moves.line_key = stock.line_key
            and moves.unit_no = stock.unit_no
)

select * from final
