with

orders as (
    select * from {{ source('raw_stockx', 'orders') }}
),

details as (
    select * from {{ source('raw_stockx', 'order_details') }}
),

-- The detail knows more, but a list read later may have moved on. Each limit keeps the planner from
-- writing the choice out again in every column.
chosen as (
    select
        orders.order_number,
        choice.is_detail,
        picked.payload,
        case when choice.is_detail then 'detail' else 'list' end as payload_source,
        case when choice.is_detail then details.batch_id else orders.batch_id end as batch_id,
        case when choice.is_detail then details.changed_at else orders.changed_at end as changed_at
    from orders
    left join details on orders.order_number = details.order_number
    cross join lateral (
        select
            details.order_number is not null and coalesce(
                {{ to_timestamp_utc("details.payload ->> 'updatedAt'") }}
                >= {{ to_timestamp_utc("orders.payload ->> 'updatedAt'") }},
                true
            ) as is_detail
        limit 1  -- noqa: AM09
    ) as choice
    cross join lateral (
        select case when choice.is_detail then details.payload else orders.payload end as payload
        limit 1  -- noqa: AM09
    ) as picked
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
