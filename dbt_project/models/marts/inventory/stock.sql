{{ config(indexes=[
    {'columns': ['id'], 'unique': true},
    {'columns': ['product_id']},
    {'columns': ['variant_id']},
    {'columns': ['status']},
]) }}

with

units as (
    select * from {{ ref('int_inventory__units') }}
),

cost_matches as (
    select * from {{ ref('int_inventory__cost_matches') }}
),

orders as (
    select * from {{ ref('int_sales__orders') }}
),

listings as (
    select * from {{ ref('listing') }}
    where is_active
),

sold as (
    select
        cost_matches.line_key,
        cost_matches.unit_no,
        orders.platform,
        orders.order_number,
        orders.order_line,
        orders.sold_on
    from cost_matches
    inner join orders on cost_matches.order_key = orders.order_key
    where orders.is_sale
),

-- One pair is often offered on several channels: the one with most asks tells how many are.
asks_of_variant as (
    select
        variant_id,
        max(ask_count) as ask_count
    from (
        select
            variant_id,
            count(*) as ask_count
        from listings
        group by variant_id, platform
    ) as by_channel
    group by variant_id
),

with_sale as (
    select
        units.*,
        sold.platform as sold_platform,
        sold.order_number as sold_order_number,
        sold.order_line as sold_order_line,
        sold.sold_on,
        asks_of_variant.ask_count,
        case
            when sold.order_number is not null then 'sold'
            when units.received_on is null or units.received_on > {{ business_today() }}
                then 'incoming'
            else 'available'
        end as state
    from units
    left join sold
        on
            units.line_key = sold.line_key
            and units.unit_no = sold.unit_no
    left join asks_of_variant
        on
            {{ stable_id('variant', ['units.platform', 'units.partner_variant_id']) }}
            = asks_of_variant.variant_id
),

-- An ask names no unit: the oldest units on hand are the ones offered.
numbered as (
    select
        *,
        row_number() over (
            partition by partner_variant_id, state
            order by available_on, line_key collate "C", unit_no
        ) as place_in_line
    from with_sale
),

final as (
    select
        {{ stable_id('stock', ['line_key', 'unit_no::text']) }} as id,
        {{ stable_id('product', ['platform', 'partner_product_id']) }} as product_id,
        {{ stable_id('variant', ['platform', 'partner_variant_id']) }} as variant_id,
        {{ stable_id('size', ['size_key']) }} as size_id,
        line_key,
        unit_no,
        unit_ref,
        supplier_name,
        product_name,
        size_raw,
        1 as quantity,
        case
            when state = 'available' and place_in_line <= ask_count then 'listed'
            else state
        end as status,
        location,
        purchased_on,
        received_on,
        available_on,
        cost_eur,
        vat_scheme,
        sold_platform,
        sold_order_number,
        sold_order_line,
        {{ stable_id('order', ['sold_platform', 'sold_order_number', 'sold_order_line']) }}
            as sold_order_id,
        sold_on,
        greatest(0, coalesce(sold_on, {{ business_today() }}) - available_on) as age_days,
        match_method,
        jsonb_strip_nulls(jsonb_build_object(
            'stockx_product_id', partner_product_id,
            'stockx_variant_id', partner_variant_id,
            'unit_ref', unit_ref,
            'purchase_line', line_key
        )) as external_ids,
        batch_id,
        {{ build_id() }} as build_id
    from numbered
)

select * from final
