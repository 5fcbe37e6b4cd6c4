with

source as (
    {{ unpacked(source('raw_csv', 'stockx_report'), ['order_number']) }}
),

renamed as (
    select
        order_number,
        {{ blank_to_null("payload ->> 'invoice_number'") }} as invoice_number,
        {{ blank_to_null("payload ->> 'product_name'") }} as product_name,
        {{ blank_to_null("payload ->> 'sku_name'") }} as sku_name,
        {{ blank_to_null("payload ->> 'style_code'") }} as style_code_raw,
        {{ blank_to_null("payload ->> 'size'") }} as size_raw,
        {{ to_timestamp_utc("payload ->> 'sold_at'") }} as sold_at,
        {{ berlin_day(to_timestamp_utc("payload ->> 'sold_at'")) }} as sold_on,
        {{ to_timestamp_utc("payload ->> 'paid_out_at'") }} as paid_out_at,
        {{ to_timestamp_utc("payload ->> 'invoiced_at'") }} as invoiced_at,
        coalesce({{ to_integer("payload ->> 'quantity'") }}, 1) as quantity,
        {{ to_money("payload ->> 'sale_price'") }} as sale_price,
        upper(payload ->> 'currency_code') as currency_code,
        {{ to_money("payload ->> 'transaction_fee'") }} as transaction_fee,
        {{ to_money("payload ->> 'processing_fee'") }} as processing_fee,
        {{ to_money("payload ->> 'shipping_fee'") }} as shipping_fee,
        {{ to_money("payload ->> 'payout_net'") }} as payout_net,
        {{ to_money("payload ->> 'payout_total'") }} as payout_total,
        {{ blank_to_null("payload ->> 'payout_ref'") }} as payout_ref,
        {{ to_money("payload ->> 'payout_sum'") }} as payout_sum,
        ({{ to_numeric("payload ->> 'vat_rate'") }})::numeric(6, 4) as vat_rate,
        {{ to_money("payload ->> 'vat_total'") }} as vat_total,
        batch_id
    from source
)

select * from renamed
