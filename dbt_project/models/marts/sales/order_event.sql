{{ config(indexes=[
    {'columns': ['order_id', 'event_kind'], 'unique': true},
    {'columns': ['occurred_on']},
]) }}

with

orders as (
    select * from {{ ref('order') }}
),

reconciliations as (
    select * from {{ ref('payout_reconciliation') }}
),

dated as (
    select
        orders.*,
        reconciliations.received_eur,
        {{ to_eur('reconciliations.refund_gap', 'orders.fx_units_per_eur') }} as refund_eur
    from orders
    inner join reconciliations on orders.id = reconciliations.id
),

final as (
    select
        dated.id as order_id,
        dated.platform,
        dated.order_number,
        dated.order_line,
        event.event_kind,
        event.occurred_on,
        event.amount_eur::numeric(12, 2) as amount_eur,
        {{ build_id() }} as build_id
    from dated
    cross join lateral (
        values
        ('sold', dated.sold_on, dated.gross_sale_eur, dated.is_sale),
        ('paid', dated.settled_on, dated.received_eur, dated.is_sale and dated.received_eur <> 0),
        ('refund', dated.settled_on, dated.refund_eur, dated.refund_eur <> 0),
        ('penalty', dated.settled_on, -dated.penalty_eur, dated.penalty_eur <> 0),
        ('returned', dated.returned_on, null, dated.status = 'returned'),
        ('cancelled', dated.settled_on, null, dated.status = 'cancelled'),
        ('not shipped', dated.settled_on, null, dated.status = 'not_shipped'),
        ('failed authentication', dated.settled_on, null, dated.status = 'failed_authentication')
    ) as event (event_kind, occurred_on, amount_eur, has_happened)
    where event.has_happened
)

select * from final
