with

source as (
    {{ unpacked(source('raw_csv', 'purchases'), ['line_key']) }}
),

renamed as (
    select
        line_key,
        payload ->> 'supplier_name' as supplier_name,
        payload ->> 'purchase_ref' as purchase_ref,
        {{ to_integer("payload ->> 'line_no'") }} as line_no,
        {{ blank_to_null("payload ->> 'unit_ref'") }} as unit_ref,
        {{ to_date("payload ->> 'purchased_on'") }} as purchased_on,
        {{ to_date("payload ->> 'received_on'") }} as received_on,
        {{ blank_to_null("payload ->> 'product_name'") }} as product_name,
        {{ blank_to_null("payload ->> 'brand'") }} as brand_raw,
        {{ blank_to_null("payload ->> 'style_code'") }} as style_code_raw,
        {{ blank_to_null("payload ->> 'size'") }} as size_raw,
        {{ to_integer("payload ->> 'quantity'") }} as quantity,
        {{ to_money("payload ->> 'unit_price'") }} as unit_price,
        upper(payload ->> 'currency_code') as currency_code,
        ({{ to_numeric("payload ->> 'vat_rate'") }})::numeric(5, 4) as vat_rate,
        coalesce({{ blank_to_null("payload ->> 'vat_scheme'") }}, 'none') as vat_scheme,
        {{ to_money("payload ->> 'shipping_total'") }} as shipping_total,
        {{ to_money("payload ->> 'cashback_total'") }} as cashback_total,
        {{ blank_to_null("payload ->> 'location'") }} as location,
        batch_id
    from source
)

select * from renamed
