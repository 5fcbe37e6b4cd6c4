{{ config(indexes=[
    {'columns': ['product_key'], 'unique': true},
    {'columns': ['product_id']},
]) }}

with

listed as (
    select * from {{ ref('stg_csv__products') }}
),

item_matches as (
    select * from {{ source('enrichment', 'item_match') }}
    where kind = 'product'
),

final as (
    select
        listed.product_key,
        {{ stable_id('product', ["'stockx'", 'item_matches.partner_product_id']) }} as product_id,
        coalesce(item_matches.match_method, 'none') as match_method,
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
    left join item_matches on listed.product_key = item_matches.item_key
)

select * from final
