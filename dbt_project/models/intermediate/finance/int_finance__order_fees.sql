{{ config(indexes=[{'columns': ['order_number'], 'unique': true}]) }}

with

adjustments as (
    select
        *,
        case when fee_kind = 'other' then {{ other_line_kind('adjustment_type') }} end as other_kind
    from {{ ref('stg_stockx__order_adjustments') }}
),

by_order as (
    select
        order_number,
        sum(-amount) filter (where fee_kind = 'transaction') as transaction_fee,
        sum(-amount) filter (where fee_kind = 'processing') as processing_fee,
        sum(-amount) filter (where fee_kind = 'shipping') as shipping_fee,
        sum(-amount) filter (where fee_kind = 'other') as other_fee,
        sum(-amount) filter (where fee_kind = 'penalty') as penalty,
        sum(-amount) filter (where other_kind = 'shipping') as shipping_credit,
        sum(-amount) filter (where other_kind = 'promotion') as promotion,
        sum(-amount) filter (where other_kind = 'refund') as refund,
        sum(amount) as adjustments_total,
        max(percentage) filter (where fee_kind = 'transaction') as transaction_fee_rate
    from adjustments
    group by order_number
)

select * from by_order
