{{ config(indexes=[{'columns': ['product_id', 'valid_from'], 'unique': true}]) }}

with

changes as (
    select * from {{ source('history', 'product_label_change') }}
    where platform = 'stockx'
),

products as (
    select * from {{ ref('product') }}
),

final as (
    select
        products.id as product_id,
        changes.valid_from,
        lead(changes.valid_from) over in_time as valid_to,
        lead(changes.valid_from) over in_time is null as is_current,
        coalesce(changes.brand, 'Unknown') as brand,
        lag(coalesce(changes.brand, 'Unknown')) over in_time as previous_brand,
        changes.parent_brand,
        coalesce(changes.category, 'unknown') as category,
        lag(coalesce(changes.category, 'unknown')) over in_time as previous_category,
        changes.brand_rule,
        changes.brand_confidence,
        changes.category_rule,
        changes.category_confidence,
        changes.rule_version,
        {{ build_id() }} as build_id
    from changes
    inner join products on changes.partner_product_id = products.stockx_product_id
    window in_time as (partition by products.id order by changes.valid_from)
)

select * from final
