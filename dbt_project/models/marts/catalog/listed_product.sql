{{ config(indexes=[
    {'columns': ['product_key'], 'unique': true},
    {'columns': ['product_id']},
]) }}

with

listed as (
    select * from {{ ref('stg_csv__products') }}
),

variants as (
    select * from {{ ref('stg_stockx__variants') }}
),

item_matches as (
    select * from {{ source('enrichment', 'item_match') }}
    where kind = 'product'
),

-- A number that two products claim proves neither.
products_by_gtin as (
    select
        number.gtin,
        min(variants.partner_product_id) as partner_product_id
    from variants
    cross join lateral unnest(variants.gtins) as number (gtin)
    group by number.gtin
    having count(distinct variants.partner_product_id) = 1
),

final as (
    select
        listed.product_key,
        {{ stable_id('product', [
            "'stockx'",
            'coalesce(products_by_gtin.partner_product_id, item_matches.partner_product_id)'
        ]) }} as product_id,
        case
            when products_by_gtin.partner_product_id is not null then 'gtin'
            else coalesce(item_matches.match_method, 'none')
        end as match_method,
        listed.product_name,
        listed.brand_raw,
        listed.style_code_raw,
        listed.gtin,
        listed.category_raw,
        listed.retail_price,
        listed.currency_code,
        listed.note,
        listed.batch_id,
        {{ build_id() }} as build_id
    from listed
    left join products_by_gtin on listed.gtin = products_by_gtin.gtin
    left join item_matches on listed.product_key = item_matches.item_key
)

select * from final
