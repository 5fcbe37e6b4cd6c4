{{ config(indexes=[
    {'columns': ['kind', 'item_key'], 'unique': true},
    {'columns': ['product_id']},
    {'columns': ['variant_id']},
]) }}

with

stockx_variants as (
    select * from {{ ref('stg_stockx__variants') }}
),

stockx_products as (
    select * from {{ ref('stg_stockx__products') }}
),

identities as (
    select * from {{ source('enrichment', 'stockx_identity') }}
),

purchases as (
    select line_key from {{ ref('stg_csv__purchases') }}
),

purchase_matches as (
    select * from {{ source('enrichment', 'purchase_match') }}
),

sale_matches as (
    select * from {{ source('enrichment', 'sale_match') }}
),

item_matches as (
    select * from {{ source('enrichment', 'item_match') }}
),

offer_matches as (
    select * from {{ source('enrichment', 'offer_match') }}
),

named as (
    select
        'product' as kind,
        partner_product_id as partner_id,
        partner_product_id,
        null as partner_variant_id
    from stockx_products
    union all
    select
        'variant' as kind,
        partner_variant_id as partner_id,
        partner_product_id,
        partner_variant_id
    from stockx_variants
),

items as (
    select
        named.kind,
        named.partner_id as item_key,
        'stockx' as platform,
        coalesce(
            identities.our_product_id, of_product.our_product_id, named.partner_product_id
        ) as partner_product_id,
        coalesce(identities.our_variant_id, named.partner_variant_id) as partner_variant_id,
        case
            when coalesce(identities.kind, of_product.kind) is not null then 'owner'
            else 'partner_id'
        end as match_method,
        1::numeric(4, 3) as match_score,
        '[]'::jsonb as candidates
    from named
    left join identities
        on named.kind = identities.kind and named.partner_id = identities.partner_id
    left join identities as of_product
        on of_product.kind = 'product' and named.partner_product_id = of_product.partner_id
    union all
    -- A line that was imported since the last match is not matched yet, but it is there.
    select
        'purchase' as kind,
        purchases.line_key as item_key,
        'csv' as platform,
        purchase_matches.partner_product_id,
        purchase_matches.partner_variant_id,
        coalesce(purchase_matches.match_method, 'none') as match_method,
        coalesce(purchase_matches.match_score, 0) as match_score,
        coalesce(purchase_matches.candidates, '[]'::jsonb) as candidates
    from purchases
    left join purchase_matches on purchases.line_key = purchase_matches.line_key
    union all
    select
        'sale' as kind,
        concat_ws(' ', source, platform, order_number, order_line) as item_key,
        platform,
        partner_product_id,
        partner_variant_id,
        match_method,
        match_score,
        candidates
    from sale_matches
    union all
    select
        case kind when 'product' then 'list' else kind end as kind,
        item_key,
        case kind when 'listing' then 'alias' else 'csv' end as platform,
        partner_product_id,
        partner_variant_id,
        match_method,
        match_score,
        candidates
    from item_matches
    union all
    select
        'offer' as kind,
        feed_id || ':' || aw_product_id as item_key,
        'awin' as platform,
        partner_product_id,
        partner_variant_id,
        match_method,
        match_score,
        candidates
    from offer_matches
),

final as (
    select
        kind::text as kind,
        item_key,
        platform::text as platform,
        {{ stable_id('product', ["'stockx'", 'partner_product_id']) }} as product_id,
        {{ stable_id('variant', ["'stockx'", 'partner_variant_id']) }} as variant_id,
        match_method,
        match_score,
        candidates,
        {{ build_id() }} as build_id
    from items
)

select * from final
