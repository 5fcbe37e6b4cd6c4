{{ config(indexes=[
    {'columns': ['id'], 'unique': true},
    {'columns': ['stockx_variant_id'], 'unique': true},
    {'columns': ['product_id']},
]) }}

with

variants as (
    select * from {{ ref('stg_stockx__variants') }}
),

stockx_orders as (
    select * from {{ ref('stg_stockx__orders') }}
),

listings as (
    select * from {{ ref('stg_stockx__listings') }}
),

products as (
    select * from {{ ref('int_catalog__products') }}
),

size_labels as (
    select * from {{ source('enrichment', 'size_label') }}
),

named as (
    select
        partner_variant_id,
        partner_product_id,
        variant_value
    from stockx_orders
    union all
    select
        partner_variant_id,
        partner_product_id,
        null as variant_value
    from listings
),

known as (
    select
        partner_variant_id,
        partner_product_id,
        size_raw,
        gtins
    from variants
    union all
    select
        named.partner_variant_id,
        max(named.partner_product_id) as partner_product_id,
        max(named.variant_value) as size_raw,
        '{}'::text[] as gtins
    from named
    left join variants on named.partner_variant_id = variants.partner_variant_id
    where named.partner_variant_id is not null and variants.partner_variant_id is null
    group by named.partner_variant_id
),

final as (
    select
        {{ stable_id('variant', ["'stockx'", 'known.partner_variant_id']) }} as id,
        {{ stable_id('product', ["'stockx'", 'known.partner_product_id']) }} as product_id,
        known.partner_variant_id as stockx_variant_id,
        known.size_raw,
        size_labels.size_key,
        size_labels.size_system,
        size_labels.us_size,
        size_labels.eu_size,
        known.gtins,
        {{ build_id() }} as build_id
    from known
    left join products on known.partner_product_id = products.partner_product_id
    left join size_labels
        on
            known.size_raw = size_labels.size_raw
            and products.labelled_brand = size_labels.brand
            and coalesce(products.gender, '') = size_labels.audience_hint
            and products.labelled_category = size_labels.category
)

select * from final
