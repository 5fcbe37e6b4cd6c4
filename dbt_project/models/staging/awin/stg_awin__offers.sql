with

source as (
    {{ unpacked(source('raw_awin', 'offers'), ['feed_id', 'aw_product_id']) }}
),

changes as (
    select * from {{ source('history', 'offer_change') }}
),

renamed as (
    select
        source.feed_id,
        source.aw_product_id,
        source.payload ->> 'merchant_id' as merchant_id,
        source.payload ->> 'merchant_name' as merchant_name,
        source.payload ->> 'merchant_product_id' as merchant_product_id,
        {{ blank_to_null("source.payload ->> 'product_name'") }} as product_name,
        {{ blank_to_null("source.payload ->> 'description'") }} as description,
        {{ blank_to_null("source.payload ->> 'brand_name'") }} as brand_raw,
        coalesce(
            {{ blank_to_null("source.payload ->> 'merchant_category'") }},
            {{ blank_to_null("source.payload ->> 'category_name'") }}
        ) as category_raw,
        {{ to_money("source.payload ->> 'search_price'") }} as price,
        upper({{ blank_to_null("source.payload ->> 'currency'") }}) as currency_code,
        {{ to_money("source.payload ->> 'rrp_price'") }} as rrp,
        {{ to_money("source.payload ->> 'delivery_cost'") }} as delivery_cost,
        lower(source.payload ->> 'in_stock') in ('1', 'yes', 'true') as is_in_stock,
        {{ to_integer("source.payload ->> 'stock_quantity'") }} as stock_quantity,
        coalesce(
            {{ to_gtin14("source.payload ->> 'ean'") }},
            {{ to_gtin14("source.payload ->> 'product_GTIN'") }},
            {{ to_gtin14("source.payload ->> 'upc'") }}
        ) as gtin,
        {{ blank_to_null("source.payload ->> 'mpn'") }} as mpn,
        {{ blank_to_null("source.payload ->> 'colour'") }} as colour,
        {{ blank_to_null("source.payload ->> 'Fashion:size'") }} as size_raw,
        coalesce(source.payload ->> 'aw_deep_link', source.payload ->> 'merchant_deep_link')
            as deep_link,
        coalesce(source.payload ->> 'merchant_image_url', source.payload ->> 'aw_image_url')
            as image_url,
        -- Looked up only by those who ask for it.
        coalesce((
            select changes.is_listed
            from changes
            where
                changes.feed_id = source.feed_id
                and changes.aw_product_id = source.aw_product_id
            order by changes.changed_at desc
            limit 1
        ), true) as is_listed,
        source.first_seen_at,
        source.changed_at
    from source
)

select * from renamed
