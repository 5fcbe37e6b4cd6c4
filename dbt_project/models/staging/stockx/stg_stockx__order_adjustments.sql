with

orders as (
    select * from {{ ref('stg_stockx__orders') }}
),

renamed as (
    select
        orders.order_number,
        lines.line_no,
        lines.adjustment_type,
        lines.amount,
        lines.percentage,
        lines.fee_kind
    from orders
    cross join lateral (
        {{ payout_lines(list_of("orders.payload #> '{payout,adjustments}'")) }}
    ) as lines
)

select * from renamed
