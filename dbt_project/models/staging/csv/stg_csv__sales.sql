with

source as (
    {{ unpacked(source('raw_csv', 'sales'), ['sale_key']) }}
),

renamed as (
    select
        sale_key,
        lower(payload ->> 'platform') as platform,
        payload ->> 'order_number' as order_number,
        {{ blank_to_null("payload ->> 'unit_ref'") }} as unit_ref,
        {{ to_date("payload ->> 'sold_on'") }} as sold_on,
        {{ blank_to_null("payload ->> 'product_name'") }} as product_name,
        {{ blank_to_null("payload ->> 'style_code'") }} as style_code_raw,
        {{ blank_to_null("payload ->> 'size'") }} as size_raw,
        {{ to_money("payload ->> 'sale_price'") }} as sale_price,
        upper(payload ->> 'currency_code') as currency_code,
        {{ to_money("payload ->> 'fees_total'") }} as fees_total,
        {{ to_money("payload ->> 'shipping_paid'") }} as shipping_paid,
        {{ to_money("payload ->> 'payout_total'") }} as payout_total,
        batch_id
    from source
)

select * from renamed
