{{ config(indexes=[{'columns': ['id'], 'unique': true}]) }}

with

counted as (
    select * from {{ ref('int_inventory__stock_counts') }}
),

expected as (
    select * from {{ ref('int_inventory__count_expectations') }}
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
