with

source as (
    {{ unpacked(source('raw_alias', 'orders'), ['order_id']) }}
),

typed as (
    select
        *,
        {{ to_timestamp_utc("payload ->> 'sold_at'") }} as ordered_at
    from source
),

renamed as (
    select
        order_id,
        coalesce({{ blank_to_null("payload ->> 'purchase_order_number'") }}, order_id)
            as order_number,
        payload ->> 'catalog_id' as catalog_id,
        {{ blank_to_null("payload ->> 'catalog_name'") }} as product_name,
        {{ blank_to_null("payload ->> 'catalog_sku'") }} as style_code_raw,
        {{ blank_to_null("payload ->> 'size'") }} as size_raw,
        {{ cents_to_money("payload ->> 'price_cents'") }} as sale_price,
        {{ cents_to_money("payload ->> 'price_cents_after_take'") }} as payout_total,
        'USD'::text as currency_code,
        payload ->> 'status' as status_raw,
        payload ->> 'fulfillment_status' as fulfilment_status_raw,
        ordered_at,
        {{ berlin_day('ordered_at') }} as ordered_on,
        {{ to_timestamp_utc("payload ->> 'updated_at'") }} as source_updated_at,
        {{ to_timestamp_utc("payload ->> 'cancels_at'") }} as ship_by_at,
        payload ->> 'listing_id' as listing_id,
        {{ only_keys("payload", [
            'id', 'status', 'fulfillment_status', 'catalog_id', 'catalog_name', 'catalog_brand',
            'catalog_sku', 'size', 'price_cents', 'price_cents_after_take', 'sales_channel',
            'purchase_order_number', 'listing_id', 'label_type', 'sold_at', 'in_transit_at',
            'updated_at', 'cancels_at'
        ]) }} as order_facts,
        batch_id,
        changed_at
    from typed
)

select * from renamed
