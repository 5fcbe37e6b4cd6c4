with

source as (
    {{ unpacked(source('raw_alias', 'listings'), ['listing_id']) }}
),

renamed as (
    select
        listing_id,
        payload ->> 'catalog_id' as catalog_id,
        {{ blank_to_null("coalesce(payload ->> 'catalog_name', payload ->> 'name')") }}
            as product_name,
        {{ blank_to_null("coalesce(payload ->> 'catalog_sku', payload ->> 'sku')") }}
            as style_code_raw,
        {{ blank_to_null("payload ->> 'size'") }} as size_raw,
        payload ->> 'status' as status_raw,
        {{ cents_to_money("payload ->> 'price_cents'") }} as ask_price,
        'USD'::text as currency_code,
        {{ to_timestamp_utc("coalesce(payload ->> 'activated_at', payload ->> 'created_at')") }}
            as created_at,
        {{ to_timestamp_utc("payload ->> 'updated_at'") }} as source_updated_at,
        batch_id,
        changed_at
    from source
)

select * from renamed
