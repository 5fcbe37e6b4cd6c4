{{ config(indexes=[{'columns': ['order_number'], 'unique': true}]) }}

with

adjustments as (
    select * from {{ ref('stg_stockx__order_adjustments') }}
),

by_order as (
    select
        order_number,
        sum(-amount) filter (where fee_kind = 'transaction') as transaction_fee,
        sum(-amount) filter (where fee_kind = 'processing') as processing_fee,
        sum(-amount) filter (where fee_kind = 'shipping') as shipping_fee,
        sum(-amount) filter (where fee_kind = 'other') as other_fee,
        sum(-amount) filter (where fee_kind = 'penalty') as penalty,
        sum(amount) as adjustments_total,
        max(percentage) filter (where fee_kind = 'transaction') as transaction_fee_rate
    from adjustments
    group by order_number
)

select * from by_order
