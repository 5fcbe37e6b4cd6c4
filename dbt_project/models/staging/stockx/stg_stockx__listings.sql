with

source as (
    {{ unpacked(source('raw_stockx', 'listings'), ['listing_id']) }}
),

renamed as (
    select
        listing_id,
        payload #>> '{product,productId}' as partner_product_id,
        payload #>> '{variant,variantId}' as partner_variant_id,
        payload ->> 'status' as status_raw,
        {{ to_money("payload ->> 'amount'") }} as ask_price,
        upper(payload ->> 'currencyCode') as currency_code,
        payload ->> 'inventoryType' as inventory_type,
        {{ to_timestamp_utc("payload ->> 'createdAt'") }} as created_at,
        {{ to_timestamp_utc("payload ->> 'updatedAt'") }} as source_updated_at,
        payload #>> '{order,orderNumber}' as order_number
    from source
)

select * from renamed
