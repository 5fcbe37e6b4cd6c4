with

source as (
    {{ unpacked(source('raw_csv', 'products'), ['product_key']) }}
),

renamed as (
    select
        product_key,
        {{ blank_to_null("payload ->> 'product_name'") }} as product_name,
        {{ blank_to_null("payload ->> 'brand'") }} as brand_raw,
        {{ blank_to_null("payload ->> 'style_code'") }} as style_code_raw,
        {{ to_gtin14("payload ->> 'gtin'") }} as gtin,
        {{ blank_to_null("payload ->> 'category'") }} as category_raw,
        {{ to_money("payload ->> 'retail_price'") }} as retail_price,
        upper(payload ->> 'currency_code') as currency_code,
        {{ blank_to_null("payload ->> 'note'") }} as note,
        batch_id
    from source
)

select * from renamed
