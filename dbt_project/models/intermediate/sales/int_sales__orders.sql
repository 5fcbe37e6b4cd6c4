{{ config(indexes=[{'columns': ['platform', 'order_number'], 'unique': true}]) }}

with

orders as (
    select * from {{ ref('stg_stockx__orders') }}
),

order_fees as (
    select * from {{ ref('int_finance__order_fees') }}
),

order_status as (
    select * from {{ ref('order_status') }}
),

hand_kept_sales as (
    select * from {{ ref('stg_csv__sales') }}
),

product_labels as (
    select * from {{ source('enrichment', 'product_label') }}
),

-- A hand-kept sale has no product id: its style code names one, if only one has it.
unique_style_codes as (
    select
        upper(style_code) as style_code,
        min(partner_product_id) as partner_product_id
    from product_labels
    where platform = 'stockx' and style_code is not null
    group by upper(style_code)
    having count(*) = 1
),

stockx as (
    select
        'stockx'::text as platform,
        orders.order_number,
        orders.listing_id,
        {{ product_key('orders.partner_product_id', 'orders.product_name') }} as product_key,
        orders.partner_product_id,
        orders.partner_variant_id,
        orders.product_name,
        orders.style_id,
        orders.status_raw,
        coalesce(order_status.status, 'unknown') as status,
        coalesce(order_status.is_sale, true) as is_sale,
        orders.ordered_at,
        orders.ordered_on as sold_on,
        -- A unit cannot be back before the day after its sale.
        case
            when order_status.status = 'returned'
                then greatest(
                    {{ berlin_day('orders.source_updated_at') }}, orders.ordered_on + 1
                )
        end as returned_on,
        orders.sale_price as amount,
        orders.currency_code,
        orders.has_payout as has_stated_fees,
        orders.payout_total,
        order_fees.adjustments_total,
        coalesce(order_fees.transaction_fee, 0) as transaction_fee,
        coalesce(order_fees.processing_fee, 0) as processing_fee,
        coalesce(order_fees.shipping_fee, 0) as shipping_fee,
        coalesce(order_fees.other_fee, 0) as other_fee,
        coalesce(order_fees.penalty, 0) as penalty,
        0::numeric as outbound_cost,
        orders.ship_by_at,
        orders.inventory_type,
        orders.payload_source,
        orders.payload,
        orders.batch_id
    from orders
    left join order_fees on orders.order_number = order_fees.order_number
    left join order_status
        on
            order_status.platform = 'stockx'
            and upper(btrim(orders.status_raw)) = order_status.status_raw
),

-- The same sale from the API and from a file is one sale: the API knows more.
hand_kept as (
    select
        hand_kept_sales.platform,
        hand_kept_sales.order_number,
        null::text as listing_id,
        unique_style_codes.partner_product_id as product_key,
        unique_style_codes.partner_product_id,
        null::text as partner_variant_id,
        hand_kept_sales.product_name,
        hand_kept_sales.style_code_raw as style_id,
        null::text as status_raw,
        'completed'::text as status,
        true as is_sale,
        hand_kept_sales.sold_on::timestamp at time zone 'Europe/Berlin' as ordered_at,
        hand_kept_sales.sold_on,
        null::date as returned_on,
        hand_kept_sales.sale_price as amount,
        hand_kept_sales.currency_code,
        coalesce(hand_kept_sales.fees_total, hand_kept_sales.payout_total) is not null
            as has_stated_fees,
        hand_kept_sales.payout_total,
        -hand_kept_sales.fees_total as adjustments_total,
        0::numeric as transaction_fee,
        0::numeric as processing_fee,
        0::numeric as shipping_fee,
        coalesce(
            hand_kept_sales.fees_total,
            hand_kept_sales.sale_price - hand_kept_sales.payout_total,
            0
        ) as other_fee,
        0::numeric as penalty,
        coalesce(hand_kept_sales.shipping_paid, 0) as outbound_cost,
        null::timestamptz as ship_by_at,
        null::text as inventory_type,
        'file'::text as payload_source,
        null::jsonb as payload,
        hand_kept_sales.batch_id
    from hand_kept_sales
    left join orders
        on
            hand_kept_sales.platform = 'stockx'
            and hand_kept_sales.order_number = orders.order_number
    left join unique_style_codes
        on upper(hand_kept_sales.style_code_raw) = unique_style_codes.style_code
    where orders.order_number is null
),

unified as (
    select * from stockx
    union all
    select * from hand_kept
)

select * from unified
