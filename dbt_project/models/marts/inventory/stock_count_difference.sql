{{ config(indexes=[{'columns': ['id'], 'unique': true}]) }}

with

counts as (
    select * from {{ ref('stg_csv__stock_counts') }}
    where counted_on is not null
),

item_matches as (
    select * from {{ source('enrichment', 'item_match') }}
    where kind = 'count'
),

units as (
    select * from {{ ref('int_inventory__units') }}
),

cost_matches as (
    select * from {{ ref('int_inventory__cost_matches') }}
),

orders as (
    select * from {{ ref('int_sales__orders') }}
),

named_units as (
    select
        unit_ref,
        min({{ item_key('partner_variant_id', 'product_name', 'size_raw') }}) as item_key
    from units
    where unit_ref is not null
    group by unit_ref
    having count(*) = 1
),

counted as (
    select
        counts.counted_on,
        coalesce(
            named_units.item_key,
            {{ item_key(
                'item_matches.partner_variant_id',
                'coalesce(counts.product_name, counts.style_code_raw)',
                'counts.size_raw'
            ) }}
        ) as item_key,
        item_matches.partner_product_id,
        item_matches.partner_variant_id,
        coalesce(counts.product_name, counts.style_code_raw) as product_name,
        counts.size_raw,
        lower(counts.location) as location,
        counts.quantity
    from counts
    left join item_matches on counts.count_key = item_matches.item_key
    left join named_units on counts.unit_ref = named_units.unit_ref
),

days as (
    select
        counted_on,
        array_agg(distinct location) filter (where location is not null) as locations,
        bool_or(location is null) as is_everywhere
    from counted
    group by counted_on
),

-- A unit was away from the day of its sale until the day it came back.
absences as (
    select
        cost_matches.line_key,
        cost_matches.unit_no,
        orders.sold_on,
        coalesce(orders.returned_on, 'infinity'::date) as back_on
    from cost_matches
    inner join orders on cost_matches.order_key = orders.order_key
),

expected as (
    select
        days.counted_on,
        {{ item_key('units.partner_variant_id', 'units.product_name', 'units.size_raw') }}
            as item_key,
        units.partner_product_id,
        units.partner_variant_id,
        units.product_name,
        units.size_raw,
        units.cost_eur
    from days
    inner join units
        on
            days.counted_on >= units.received_on
            and (
                days.is_everywhere
                or units.location is null
                or exists (
                    -- A place within a counted place is counted with it.
                    select 1
                    from unnest(days.locations) as counted_place (name)
                    where starts_with(lower(units.location) || ' ', counted_place.name || ' ')
                )
            )
    where not exists (
        select 1
        from absences
        where
            absences.line_key = units.line_key
            and absences.unit_no = units.unit_no
            and absences.sold_on <= days.counted_on
            and absences.back_on > days.counted_on
    )
),

both_sides as (
    select
        counted_on,
        item_key,
        partner_product_id,
        partner_variant_id,
        product_name,
        size_raw,
        quantity as counted_count,
        0 as expected_count,
        null::numeric as cost_eur
    from counted
    union all
    select
        counted_on,
        item_key,
        partner_product_id,
        partner_variant_id,
        product_name,
        size_raw,
        0 as counted_count,
        1 as expected_count,
        cost_eur
    from expected
),

summed as (
    select
        counted_on,
        item_key,
        max(partner_product_id) as partner_product_id,
        max(partner_variant_id) as partner_variant_id,
        max(product_name) as product_name,
        max(size_raw) as size_raw,
        sum(counted_count) as counted_count,
        sum(expected_count) as expected_count,
        sum(cost_eur) as expected_cost_eur
    from both_sides
    group by counted_on, item_key
),

final as (
    select
        {{ stable_id('stock_count', ['counted_on::text', 'item_key']) }} as id,
        counted_on,
        item_key,
        {{ stable_id('product', ["'stockx'", 'partner_product_id']) }} as product_id,
        {{ stable_id('variant', ["'stockx'", 'partner_variant_id']) }} as variant_id,
        product_name,
        size_raw,
        counted_count,
        expected_count,
        counted_count - expected_count as difference_count,
        expected_cost_eur::numeric(12, 2) as expected_cost_eur,
        {{ build_id() }} as build_id
    from summed
)

select * from final
