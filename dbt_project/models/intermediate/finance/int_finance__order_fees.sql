{{ config(indexes=[{'columns': ['order_number'], 'unique': true}]) }}

with

orders as (
    select * from {{ ref('int_sales__stockx_orders') }}
),

-- Added up where the order stands: its lines never have to meet those of a million others.
final as (
    select
        orders.order_number,
        sums.*
    from orders
    cross join lateral (
        select
            sum(-lines.amount) filter (where lines.fee_kind = 'transaction') as transaction_fee,
            sum(-lines.amount) filter (where lines.fee_kind = 'processing') as processing_fee,
            sum(-lines.amount) filter (where lines.fee_kind = 'shipping') as shipping_fee,
            sum(-lines.amount) filter (where lines.fee_kind = 'other') as other_fee,
            sum(-lines.amount) filter (where lines.fee_kind = 'penalty') as penalty,
            sum(-lines.amount) filter (where lines.other_kind = 'shipping') as shipping_credit,
            sum(-lines.amount) filter (where lines.other_kind = 'promotion') as promotion,
            sum(-lines.amount) filter (where lines.other_kind = 'refund') as refund,
            sum(lines.amount) as adjustments_total,
            max(lines.percentage) filter (where lines.fee_kind = 'transaction')
                as transaction_fee_rate
        from (
            select
                typed.*,
                case
                    when typed.fee_kind = 'other'
                        then {{ other_line_kind('typed.adjustment_type') }}
                end as other_kind
            from (
                {{ payout_lines('orders.adjustments') }}
            ) as typed
        ) as lines
    ) as sums
    where orders.adjustments <> '[]'
)

select * from final
