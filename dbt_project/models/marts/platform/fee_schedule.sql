with

fee_rules as (
    select * from {{ ref('fee_rule') }}
),

final as (
    select
        platform,
        seller_level,
        category,
        currency_code,
        valid_from,
        valid_to,
        transaction_fee_rate,
        processing_fee_rate,
        minimum_fee,
        shipping_fee,
        evidence,
        {{ build_id() }} as build_id
    from fee_rules
)

select * from final
