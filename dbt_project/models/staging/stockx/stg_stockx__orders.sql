with

orders as (
    select * from {{ source('raw_stockx', 'orders') }}
),

details as (
    select * from {{ source('raw_stockx', 'order_details') }}
),

paired as (
    select
        orders.order_number,
        orders.payload as list_payload,
        orders.batch_id as list_batch_id,
        orders.changed_at as list_changed_at,
        details.payload as detail_payload,
        details.batch_id as detail_batch_id,
        details.changed_at as detail_changed_at,
        -- The detail knows more, but a list read later may have moved on.
        details.order_number is not null and coalesce(
            {{ to_timestamp_utc("details.payload ->> 'updatedAt'") }}
            >= {{ to_timestamp_utc("orders.payload ->> 'updatedAt'") }},
            true
        ) as is_detail
    from orders
    left join details on orders.order_number = details.order_number
    {{ once_a_row() }}
),

chosen as (
    select
        order_number,
        is_detail,
        {{ in_memory('case when is_detail then detail_payload else list_payload end') }} as payload,
        case when is_detail then 'detail' else 'list' end as payload_source,
        case when is_detail then detail_batch_id else list_batch_id end as batch_id,
        case when is_detail then detail_changed_at else list_changed_at end as changed_at
    from paired
    {{ once_a_row() }}
),

typed as (
    select
        *,
        {{ to_timestamp_utc("payload ->> 'createdAt'") }} as ordered_at,
        payload -> 'payout' as payout
    from chosen
),

renamed as (
    select
        order_number,
        payload ->> 'listingId' as listing_id,
        payload ->> 'askId' as ask_id,
        payload #>> '{product,productId}' as partner_product_id,
        payload #>> '{variant,variantId}' as partner_variant_id,
        payload #>> '{product,productName}' as product_name,
        {{ blank_to_null("payload #>> '{product,styleId}'") }} as style_id,
        payload #>> '{variant,variantValue}' as variant_value,
        {{ to_money("payload ->> 'amount'") }} as sale_price,
        upper(payload ->> 'currencyCode') as currency_code,
        payload ->> 'status' as status_raw,
        payload ->> 'inventoryType' as inventory_type,
        ordered_at,
        {{ berlin_day('ordered_at') }} as ordered_on,
        {{ to_timestamp_utc("payload ->> 'updatedAt'") }} as source_updated_at,
        coalesce(payout ->> 'totalPayout', '') <> '' as has_payout,
        {{ to_money("payout ->> 'totalPayout'") }} as payout_total,
        upper(payout ->> 'currencyCode') as payout_currency_code,
        {{ to_timestamp_utc("payload #>> '{shipment,shipByDate}'") }} as ship_by_at,
        payload_source,
        payload,
        batch_id,
        changed_at
    from typed
)

select * from renamed
