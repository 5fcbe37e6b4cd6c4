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
    where partner_variant_id is null and match_method <> 'owner'
),

sale_matches as (
    select distinct on (platform, order_number, order_line) *
    from {{ source('enrichment', 'sale_match') }}
    order by
        platform asc,
        order_number asc,
        order_line asc,
        jsonb_array_length(candidates) desc,
        source asc
),

item_matches as (
    select * from {{ source('enrichment', 'item_match') }}
    where candidates <> '[]'
),

offer_matches as (
    select * from {{ source('enrichment', 'offer_match') }}
    where candidates <> '[]'
),

offers as (
    select * from {{ ref('stg_awin__offers') }}
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
        '[]'::jsonb as candidates,
        labelled_at as decided_at
    from product_labels
    union all
    select
        'purchase' as kind,
        purchases.line_key as item_key,
        null as platform,
        purchase_matches.partner_product_id as stockx_product_id,
        purchases.product_name as title,
        {{ why_unmatched('purchase_matches.partner_product_id', 'purchase_matches.candidates') }}
            as reason,
        purchases.brand_raw as proposed_brand,
        null as brand,
        null as category,
        purchase_matches.candidates,
        purchase_matches.matched_at as decided_at
    from purchase_matches
    inner join purchases on purchase_matches.line_key = purchases.line_key
    union all
    select
        'sale' as kind,
        orders.order_key as item_key,
        orders.platform,
        orders.partner_product_id as stockx_product_id,
        orders.product_name as title,
        {{ why_unmatched('orders.partner_product_id', 'sale_matches.candidates') }} as reason,
        null as proposed_brand,
        null as brand,
        null as category,
        coalesce(sale_matches.candidates, '[]') as candidates,
        sale_matches.matched_at as decided_at
    from orders
    left join sale_matches
        on
            orders.platform = sale_matches.platform
            and orders.order_number = sale_matches.order_number
            and orders.order_line = sale_matches.order_line
    union all
    select
        case kind when 'product' then 'list' else kind end as kind,
        item_key,
        null as platform,
        null as stockx_product_id,
        null as title,
        'several products' as reason,
        null as proposed_brand,
        null as brand,
        null as category,
        candidates,
        matched_at as decided_at
    from item_matches
    union all
    select
        'offer' as kind,
        offer_matches.feed_id || ':' || offer_matches.aw_product_id as item_key,
        'awin' as platform,
        null as stockx_product_id,
        offers.product_name as title,
        'several products' as reason,
        offers.brand_raw as proposed_brand,
        null as brand,
        null as category,
        offer_matches.candidates,
        offer_matches.matched_at as decided_at
    from offer_matches
    inner join offers
        on
            offer_matches.feed_id = offers.feed_id
            and offer_matches.aw_product_id = offers.aw_product_id
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
        combined.candidates,
        combined.decided_at,
        {{ build_id() }} as build_id
    from combined
    left join products on combined.stockx_product_id = products.stockx_product_id
)

select * from final
