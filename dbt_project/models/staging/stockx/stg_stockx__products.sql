with

source as (
    {{ unpacked(source('raw_stockx', 'products'), ['product_id']) }}
),

renamed as (
    select
        product_id as partner_product_id,
        {{ blank_to_null("payload ->> 'title'") }} as title,
        {{ blank_to_null("payload ->> 'brand'") }} as brand_raw,
        {{ blank_to_null("payload ->> 'productType'") }} as product_type_raw,
        {{ blank_to_null("payload ->> 'styleId'") }} as style_id_raw,
        {{ blank_to_null("payload #>> '{productAttributes,gender}'") }} as gender_raw,
        {{ blank_to_null("payload #>> '{productAttributes,colorway}'") }} as colorway,
        {{ to_date("payload #>> '{productAttributes,releaseDate}'") }} as release_on,
        {{ to_money("payload #>> '{productAttributes,retailPrice}'") }} as retail_price,
        -- StockX states retail prices in dollars, whatever currency is asked for.
        case
            when {{ to_money("payload #>> '{productAttributes,retailPrice}'") }} is not null
                then 'USD'
        end as retail_currency_code,
        {{ blank_to_null("payload #>> '{productAttributes,season}'") }} as season,
        {{ blank_to_null("payload ->> 'urlKey'") }} as url_key,
        changed_at
    from source
)

select * from renamed
