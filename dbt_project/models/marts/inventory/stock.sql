{{ config(indexes=[
    {'columns': ['id'], 'unique': true},
    {'columns': ['product_id']},
    {'columns': ['variant_id']},
    {'columns': ['line_key']},
    {'columns': ['sold_order_id']},
    {'columns': ['status']},
]) }}

with

units as (
    select * from {{ ref('int_inventory__units') }}
),

holdings as (
    select * from {{ ref('int_inventory__holdings') }}
),

losses as (
    select * from {{ ref('int_inventory__losses') }}
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
        orders.order_id,
        orders.platform,
        orders.order_number,
        orders.order_line,
        orders.listing_id,
        orders.ebay_item_id,
        orders.sold_on,
        case
            when orders.status <> 'open' then 'sold'
            when orders.is_to_ship then 'reserved'
            else 'shipped'
        end as status
    from cost_matches
    inner join orders on cost_matches.order_key = orders.order_key
    where orders.is_sale
),

held as (
    select * from holdings
    where held_until is null
),

with_state as (
    select
        units.*,
        sold.order_id as sold_order_id,
        sold.platform as sold_platform,
        sold.order_number as sold_order_number,
        sold.order_line as sold_order_line,
        sold.sold_on,
        sold.listing_id as sold_listing_id,
        sold.ebay_item_id,
        losses.lost_on,
        held.returned_order_key is not null as has_come_back,
        {{ stable_id('variant', ['units.platform', 'units.partner_variant_id']) }} as variant_id,
        case
            when sold.status is not null then sold.status
            when losses.lost_on is not null then 'lost'
            when held.line_key is null then 'incoming'
            else 'in house'
        end as state
    from units
    left join sold
        on
            units.line_key = sold.line_key
            and units.unit_no = sold.unit_no
    left join held
        on
            units.line_key = held.line_key
            and units.unit_no = held.unit_no
    left join losses
        on
            units.line_key = losses.line_key
            and units.unit_no = losses.unit_no
),

-- An ask names no unit: on each channel the oldest units in the house are the ones offered, and
-- what lies in the marketplace's own store comes first.
asks as (
    select
        variant_id,
        platform,
        listing_id,
        coalesce(inventory_type = 'FLEX', false) as is_consigned,
        row_number() over (
            partition by variant_id, platform
            order by
                coalesce(inventory_type = 'FLEX', false) desc,
                listed_at,
                listing_id collate "C"
        ) as place_in_line
    from listings
    where variant_id is not null
),

offers as (
    select
        variant_id,
        place_in_line,
        bool_or(is_consigned) as is_consigned,
        count(*) as channel_count,
        max(listing_id) filter (where platform = 'stockx') as stockx_listing_id,
        max(listing_id) filter (where platform = 'alias') as alias_listing_id
    from asks
    group by variant_id, place_in_line
),

in_line as (
    select
        line_key,
        unit_no,
        row_number() over (
            partition by variant_id
            order by available_on, line_key collate "C", unit_no
        ) as place_in_line
    from with_state
    where state = 'in house' and variant_id is not null
),

placed as (
    select
        with_state.*,
        offers.channel_count,
        coalesce(
            offers.stockx_listing_id,
            case when with_state.sold_platform = 'stockx' then with_state.sold_listing_id end
        ) as stockx_listing_id,
        coalesce(
            offers.alias_listing_id,
            case when with_state.sold_platform = 'alias' then with_state.sold_listing_id end
        ) as alias_listing_id,
        case
            when with_state.state <> 'in house' then with_state.state
            when offers.is_consigned then 'consigned'
            when offers.variant_id is not null then 'listed'
            when with_state.has_come_back then 'returned'
            else 'available'
        end as status
    from with_state
    left join in_line
        on
            with_state.line_key = in_line.line_key
            and with_state.unit_no = in_line.unit_no
    left join offers
        on
            with_state.variant_id = offers.variant_id
            and in_line.place_in_line = offers.place_in_line
),

final as (
    select
        {{ stable_id('stock', ['line_key', 'unit_no::text']) }} as id,
        {{ stable_id('lot', ['line_key']) }} as lot_id,
        {{ stable_id('product', ['platform', 'partner_product_id']) }} as product_id,
        variant_id,
        {{ stable_id('size', ['size_key']) }} as size_id,
        line_key,
        unit_no,
        unit_ref,
        supplier_name,
        product_name,
        size_raw,
        1 as quantity,
        status,
        state in ('reserved', 'shipped', 'sold') as is_sold,
        state in ('incoming', 'in house') as is_on_hand,
        state = 'in house' as is_in_house,
        coalesce(channel_count, 0) > 1 as is_listed_twice,
        location,
        purchased_on,
        received_on,
        available_on,
        cost_eur,
        vat_scheme,
        sold_platform,
        sold_order_number,
        sold_order_line,
        sold_order_id,
        sold_on,
        lost_on,
        greatest(0, coalesce(sold_on, lost_on, {{ business_today() }}) - available_on) as age_days,
        match_method,
        stockx_listing_id,
        alias_listing_id,
        ebay_item_id,
        jsonb_strip_nulls(jsonb_build_object(
            'stockx_product_id', partner_product_id,
            'stockx_variant_id', partner_variant_id,
            'unit_ref', unit_ref,
            'purchase_line', line_key
        )) as external_ids,
        batch_id,
        {{ build_id() }} as build_id
    from placed
)

select * from final
