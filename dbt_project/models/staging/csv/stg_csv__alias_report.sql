with

source as (
    {{ unpacked(source('raw_csv', 'alias_report'), ['order_number']) }}
),

renamed as (
    select
        order_number,
        {{ blank_to_null("payload ->> 'product_name'") }} as product_name,
        {{ blank_to_null("payload ->> 'sku'") }} as style_code_raw,
        {{ blank_to_null("payload ->> 'size'") }} as size_raw,
        {{ to_money("payload ->> 'sale_price'") }} as sale_price,
        upper(payload ->> 'currency_code') as currency_code,
        {{ to_date("payload ->> 'sold_on'") }} as sold_on,
        {{ to_date("payload ->> 'credited_on'") }} as credited_on,
        batch_id
    from source
)

select * from renamed
