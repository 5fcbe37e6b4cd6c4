{{ config(indexes=[
    {
        'columns': ['order_id', 'purchase_item_id', 'kind', 'booked_on'],
        'unique': true,
        'nulls_equal': true,
    },
]) }}

with

orders as not materialized (
    select * from {{ ref('order') }}
),

purchase_items as not materialized (
    select * from {{ ref('purchase_item') }}
),

reconciliations as (
    select * from {{ ref('payout_reconciliation') }}
),

units as not materialized (
    select * from {{ ref('int_inventory__units') }}
),

unit_losses as (
    select * from {{ ref('int_inventory__losses') }}
),

-- A refund is among the other fees of an order and is a line of its own here. A penalty is an event
-- of the day on which it was charged.
settled_orders as (
    select
        orders.*,
        orders.net_payout_eur - orders.penalty_eur as claim_eur,
        reconciliations.received_eur,
        reconciliations.fx_effect_eur,
        case
            when orders.is_sale and orders.fee_source = 'charged'
                then {{ to_eur('-reconciliations.refund_gap', 'orders.fx_units_per_eur') }}
            else 0
        end as refund_eur
    from orders
    left join reconciliations on orders.id = reconciliations.id
),

order_lines as (
    select
        line.statement,
        line.kind,
        orders.id as order_id,
        null::uuid as purchase_item_id,
        orders.platform,
        orders.order_number as reference,
        line.booked_on,
        line.amount_eur,
        orders.profit_state
    from settled_orders as orders
    cross join lateral (
        values
        ('profit', 'sale', orders.sold_on, orders.gross_sale_eur),
        ('profit', 'transaction fee', orders.sold_on, -orders.transaction_fee_eur),
        ('profit', 'processing fee', orders.sold_on, -orders.processing_fee_eur),
        ('profit', 'shipping fee', orders.sold_on, -orders.shipping_fee_eur),
        ('profit', 'other fee', orders.sold_on, orders.refund_eur - orders.other_fee_eur),
        ('profit', 'refund', orders.sold_on, -orders.refund_eur),
        ('profit', 'penalty', orders.settled_on, -orders.penalty_eur),
        ('profit', 'outbound shipping', orders.sold_on, -orders.outbound_cost_eur),
        ('profit', 'vat', orders.sold_on, -orders.vat_due_eur),
        ('profit', 'cost of goods', orders.sold_on, -orders.cost_eur),
        ('settlement', 'claim', orders.sold_on, orders.claim_eur),
        ('settlement', 'payout', orders.settled_on, -orders.received_eur),
        ('settlement', 'fx effect', orders.settled_on, orders.fx_effect_eur)
    ) as line (statement, kind, booked_on, amount_eur)
    where line.amount_eur <> 0
),

-- What a supplier is paid is cost, VAT that can be deducted and what comes back.
priced_items as (
    select
        *,
        case
            when vat_scheme = 'standard'
                then round(line_gross_eur * vat_rate / (1 + vat_rate), 2)
            else 0
        end as input_vat_eur
    from purchase_items
),

purchase_lines as (
    select
        line.statement,
        line.kind,
        null::uuid as order_id,
        items.id as purchase_item_id,
        null::text as platform,
        items.line_key as reference,
        items.purchased_on as booked_on,
        line.amount_eur,
        null::text as profit_state
    from priced_items as items
    cross join lateral (
        values
        ('stock', 'purchase', items.line_cost_eur),
        ('purchasing', 'goods', items.line_cost_eur),
        ('purchasing', 'input vat', items.input_vat_eur),
        (
            'purchasing',
            'cashback',
            items.line_gross_eur - items.input_vat_eur - items.line_cost_eur
        ),
        ('purchasing', 'payment', -items.line_gross_eur)
    ) as line (statement, kind, amount_eur)
    where line.amount_eur <> 0
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

-- What a count missed is an expense of the day it was missed, and leaves the stock at its cost.
losses as (
    select
        items.id,
        items.line_key,
        unit_losses.lost_on,
        sum(units.cost_eur) as cost_eur
    from unit_losses
    inner join units
        on
            unit_losses.line_key = units.line_key
            and unit_losses.unit_no = units.unit_no
    inner join purchase_items as items on unit_losses.line_key = items.line_key
    group by items.id, items.line_key, unit_losses.lost_on
),

write_offs as (
    select
        line.statement,
        line.kind,
        null::uuid as order_id,
        losses.id as purchase_item_id,
        null::text as platform,
        losses.line_key as reference,
        losses.lost_on as booked_on,
        -losses.cost_eur as amount_eur,
        null::text as profit_state
    from losses
    cross join lateral (
        values ('profit', 'loss'), ('stock', 'write-off')
    ) as line (statement, kind)
    where losses.cost_eur <> 0
),

lines as (
    select * from order_lines
    union all
    select * from purchase_lines
    union all
    select * from stock_issues
    union all
    select * from write_offs
),

final as (
    select
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
