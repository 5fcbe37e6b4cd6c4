{{ config(indexes=[
    {'columns': ['id'], 'unique': true},
    {'columns': ['order_id']},
    {'columns': ['booked_on']},
]) }}

with

orders as (
    select * from {{ ref('order') }}
),

purchase_items as (
    select * from {{ ref('purchase_item') }}
),

order_lines as (
    select
        'profit'::text as statement,
        line.kind,
        orders.id as order_id,
        null::uuid as purchase_item_id,
        orders.platform,
        orders.order_number as reference,
        orders.sold_on as booked_on,
        line.amount_eur,
        orders.profit_state
    from orders
    cross join lateral (
        values
        ('sale', orders.gross_sale_eur),
        ('transaction fee', -orders.transaction_fee_eur),
        ('processing fee', -orders.processing_fee_eur),
        ('shipping fee', -orders.shipping_fee_eur),
        ('other fee', -orders.other_fee_eur),
        ('penalty', -orders.penalty_eur),
        ('outbound shipping', -orders.outbound_cost_eur),
        ('vat', -orders.vat_due_eur),
        ('cost of goods', -orders.cost_eur)
    ) as line (kind, amount_eur)
    where line.amount_eur <> 0
),

purchase_lines as (
    select
        'stock'::text as statement,
        'purchase'::text as kind,
        null::uuid as order_id,
        id as purchase_item_id,
        null::text as platform,
        line_key as reference,
        purchased_on as booked_on,
        line_cost_eur as amount_eur,
        null::text as profit_state
    from purchase_items
    where line_cost_eur <> 0
),

-- What is sold leaves the stock at its cost, so that the stock's lines add up to what is left.
stock_issues as (
    select
        'stock'::text as statement,
        'issue'::text as kind,
        id as order_id,
        null::uuid as purchase_item_id,
        platform,
        order_number as reference,
        sold_on as booked_on,
        -cost_eur as amount_eur,
        profit_state
    from orders
    where cost_eur <> 0
),

lines as (
    select * from order_lines
    union all
    select * from purchase_lines
    union all
    select * from stock_issues
),

final as (
    select
        {{ stable_id('transaction', [
            'statement', 'kind', 'coalesce(order_id, purchase_item_id)::text'
        ]) }} as id,
        statement,
        kind,
        order_id,
        purchase_item_id,
        platform,
        reference,
        booked_on,
        amount_eur::numeric(12, 2) as amount_eur,
        profit_state,
        {{ build_id() }} as build_id
    from lines
)

select * from final
