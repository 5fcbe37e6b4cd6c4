{#- A payload is taken apart once for all who read it. -#}
{{ config(indexes=[{'columns': ['order_number'], 'unique': true}]) }}

with

report as (
    select * from {{ ref('stg_csv__stockx_report') }}
),

final as (
    select
        order_number,
        product_name,
        sku_name,
        style_code_raw,
        sold_at,
        sold_on,
        paid_out_at,
        quantity,
        sale_price,
        currency_code,
        transaction_fee,
        processing_fee,
        shipping_fee,
        payout_total,
        payout_ref,
        payout_sum,
        batch_id
    from report
)

select * from final
