with

source as (
    {{ unpacked(source('raw_csv', 'ebay_report'), ['line_key']) }}
),

renamed as (
    select
        line_key,
        payload ->> 'order_number' as order_number,
        payload ->> 'line_id' as line_id,
        {{ blank_to_null("payload ->> 'product_name'") }} as product_name,
        {{ blank_to_null("payload ->> 'sku'") }} as sku,
        {{ blank_to_null("payload ->> 'size'") }} as size_raw,
        coalesce({{ to_integer("payload ->> 'quantity'") }}, 1) as quantity,
        {{ to_money("payload ->> 'unit_price'") }} as unit_price,
        {{ to_money("payload ->> 'shipping_charged'") }} as shipping_charged,
        {{ to_money("payload ->> 'total_price'") }} as total_price,
        upper(payload ->> 'currency_code') as currency_code,
        {{ to_date("payload ->> 'sold_on'") }} as sold_on,
        {{ to_date("payload ->> 'paid_on'") }} as paid_on,
        batch_id
    from source
)

select * from renamed
