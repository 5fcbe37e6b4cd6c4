{{ config(indexes=[
    {'columns': ['kind', 'item_key'], 'unique': true},
    {'columns': ['product_id']},
]) }}

with

product_labels as (
    select * from {{ source('enrichment', 'product_label') }}
    where review_reason is not null
),

products as (
    select * from {{ ref('product') }}
),

purchases as (
    select * from {{ ref('stg_csv__purchases') }}
),

purchase_matches as (
    select * from {{ source('enrichment', 'purchase_match') }}
    where partner_variant_id is null
),

orders as (
    select * from {{ ref('int_sales__orders') }}
    where is_sale and partner_variant_id is null
),

combined as (
    select
        'product' as kind,
        platform || ' ' || partner_product_id as item_key,
        platform,
        case when platform = 'stockx' then partner_product_id end as stockx_product_id,
        title,
        review_reason as reason,
        proposed_brand,
        brand,
        category,
        labelled_at as decided_at
    from product_labels
    union all
    select
        'purchase' as kind,
        purchases.line_key as item_key,
        null as platform,
        purchase_matches.partner_product_id as stockx_product_id,
        purchases.product_name as title,
        case when purchase_matches.partner_product_id is null then 'no product' else 'no size' end
            as reason,
        purchases.brand_raw as proposed_brand,
        null as brand,
        null as category,
        purchase_matches.matched_at as decided_at
    from purchase_matches
    inner join purchases on purchase_matches.line_key = purchases.line_key
    union all
    select
        'sale' as kind,
        order_key as item_key,
        platform,
        partner_product_id as stockx_product_id,
        product_name as title,
        case when partner_product_id is null then 'no product' else 'no size' end as reason,
        null as proposed_brand,
        null as brand,
        null as category,
        null as decided_at
    from orders
),

final as (
    select
        combined.kind::text as kind,
        combined.item_key,
        combined.platform,
        products.id as product_id,
        combined.title,
        combined.reason,
        combined.proposed_brand,
        coalesce(combined.brand, products.brand) as brand,
        coalesce(combined.category, products.category) as category,
        combined.decided_at,
        {{ build_id() }} as build_id
    from combined
    left join products on combined.stockx_product_id = products.stockx_product_id
)

select * from final
