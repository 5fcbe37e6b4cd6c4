with

orders as (
    select * from {{ ref('stg_stockx__orders') }}
),

lines as (
    select
        orders.order_number,
        adjustment.line_no::integer as line_no,
        adjustment.line ->> 'adjustmentType' as adjustment_type,
        adjustment.line ->> 'amount' as amount_text,
        adjustment.line ->> 'percentage' as percentage_text
    from orders
    cross join lateral jsonb_array_elements(
        case
            when jsonb_typeof(orders.payload #> '{payout,adjustments}') = 'array'
                then orders.payload #> '{payout,adjustments}'
            else '[]'::jsonb
        end
    ) with ordinality as adjustment (line, line_no)
),

renamed as (
    select
        order_number,
        line_no,
        adjustment_type,
        {{ to_money('amount_text') }} as amount,
        {{ to_numeric('percentage_text') }} as percentage,
        {{ fee_kind('adjustment_type') }} as fee_kind
    from lines
)

select * from renamed
