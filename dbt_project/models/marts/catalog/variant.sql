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
    select * from {{ ref('int_sales__stockx_orders') }}
),

listings as (
    select * from {{ ref('stg_stockx__listings') }}
),

products as (
    select * from {{ ref('stg_stockx__products') }}
),

product_labels as (
    select * from {{ source('enrichment', 'product_label') }}
    where platform = 'stockx'
),

size_labels as (
    select * from {{ source('enrichment', 'size_label') }}
),

-- What StockX itself says the size is elsewhere; charts are for what it does not say.
conversions as (
    select
        partner_variant_id,
        max(size_value) as eu_size
    from {{ ref('stg_stockx__variant_sizes') }}
    where size_type = 'eu'
    group by partner_variant_id
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

ours as (
    select
        known.*,
        {{ our_product('known') }} as our_product_id,
        {{ our_variant('known') }} as our_variant_id
    from known
    {{ join_identity('known') }}
),

-- The barcodes of sizes that the owner's merges make one.
merged_gtins as (
    select
        ours.our_variant_id,
        array_agg(distinct number.gtin order by number.gtin) as gtins
    from ours
    cross join lateral unnest(ours.gtins) as number (gtin)
    where ours.our_variant_id in (
        select others.our_variant_id from ours as others
        where others.our_variant_id <> others.partner_variant_id
    )
    group by ours.our_variant_id
),

final as (
    select
        {{ stable_id('variant', ["'stockx'", 'ours.our_variant_id']) }} as id,
        {{ stable_id('product', ["'stockx'", 'ours.our_product_id']) }} as product_id,
        ours.our_variant_id as stockx_variant_id,
        ours.size_raw,
        coalesce(own_labels.size_key, size_labels.size_key) as size_key,
        coalesce(own_labels.size_system, size_labels.size_system) as size_system,
        coalesce(own_labels.us_size, size_labels.us_size) as us_size,
        -- Nothing but the owner's word is quite sure, and that wins.
        coalesce(
            own_labels.eu_size,
            case when size_labels.confidence = 1 then size_labels.eu_size end,
            conversions.eu_size,
            size_labels.eu_size
        ) as eu_size,
        coalesce(merged_gtins.gtins, ours.gtins) as gtins,
        {{ build_id() }} as build_id
    from ours
    left join merged_gtins on ours.our_variant_id = merged_gtins.our_variant_id
    left join conversions on ours.partner_variant_id = conversions.partner_variant_id
    left join products on ours.partner_product_id = products.partner_product_id
    left join product_labels on ours.partner_product_id = product_labels.partner_product_id
    left join size_labels
        on
            ours.size_raw = size_labels.size_raw
            and coalesce(product_labels.brand, '') = size_labels.brand
            and coalesce(products.gender_raw, '') = size_labels.audience_hint
            and coalesce(product_labels.category, '') = size_labels.category
            and size_labels.partner_product_id = ''
    -- What the owner said of this product's sizes alone.
    left join size_labels as own_labels
        on
            ours.size_raw = own_labels.size_raw
            and ours.partner_product_id = own_labels.partner_product_id
    where ours.our_variant_id = ours.partner_variant_id
)

select * from final
