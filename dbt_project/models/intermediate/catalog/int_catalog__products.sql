{{ config(indexes=[{'columns': ['product_key'], 'unique': true}]) }}

with

stockx_products as (
    select * from {{ ref('stg_stockx__products') }}
),

orders as (
    select * from {{ ref('int_sales__orders') }}
),

listings as (
    select * from {{ ref('stg_stockx__listings') }}
),

identities as (
    select * from {{ source('enrichment', 'stockx_identity') }}
),

split_products as (
    select * from {{ source('owner', 'split_product') }}
),

product_labels as (
    select * from {{ source('enrichment', 'product_label') }}
    where platform = 'stockx'
),

-- The owner's word on what was split off; on StockX's own products it is in their labels.
own_words as (
    select * from {{ source('owner', 'product_override') }}
    where
        platform = 'stockx'
        and partner_product_id in (select split_products.product_id from split_products)
),

-- A product can be sold and then die at the marketplace: the order still names it.
named as (
    select
        product_key,
        partner_product_id,
        product_name,
        style_id,
        ordered_at
    from orders
    where product_key is not null
    union all
    select
        {{ our_product('listings') }} as product_key,
        {{ our_product('listings') }} as partner_product_id,
        null as product_name,
        null as style_id,
        listings.created_at as ordered_at
    from listings
    {{ join_identity('listings') }}
    where listings.partner_product_id is not null
),

-- What the owner merged away is no product of ours; what was split off is like the one it was of.
products as (
    select
        stockx_products.*,
        stockx_products.partner_product_id as our_product_id,
        null as split_name,
        null as split_style_code
    from stockx_products
    where stockx_products.partner_product_id not in (
        select identities.partner_id from identities
        where identities.kind = 'product'
    )
    union all
    select
        parents.*,
        split_products.product_id as our_product_id,
        split_products.name as split_name,
        split_products.style_code as split_style_code
    from split_products
    inner join stockx_products as parents
        on split_products.like_product_id = parents.partner_product_id
    where split_products.product_id in (select identities.our_product_id from identities)
),

newest_name as (
    select distinct on (product_key)
        product_key,
        partner_product_id,
        product_name,
        style_id
    from named
    order by
        product_key asc,
        (product_name is null) asc,
        ordered_at desc nulls last,
        product_name asc,
        style_id asc
),

combined as (
    select
        coalesce(products.our_product_id, newest_name.product_key) as product_key,
        coalesce(products.our_product_id, newest_name.partner_product_id) as partner_product_id,
        coalesce(products.split_name, products.title, newest_name.product_name, '(no name)')
            as name,
        coalesce(
            own_words.style_code,
            products.split_style_code,
            product_labels.style_code,
            case when products.partner_product_id is null then newest_name.style_id end
        ) as style_code,
        product_labels.style_key,
        coalesce(own_words.brand, product_labels.brand, 'Unknown') as brand,
        case when own_words.brand is null then product_labels.parent_brand end as parent_brand,
        product_labels.collaborators,
        case when own_words.brand is null then product_labels.brand_rule else 'owner:override' end
            as brand_rule,
        case when own_words.brand is null then product_labels.brand_confidence else 1 end
            as brand_confidence,
        coalesce(own_words.category, product_labels.category, 'unknown') as category,
        case
            when own_words.category is null
                then coalesce(product_labels.product_type, products.product_type_raw)
        end as product_type,
        case
            when own_words.category is null then product_labels.category_rule
            else 'owner:override'
        end as category_rule,
        case when own_words.category is null then product_labels.category_confidence else 1 end
            as category_confidence,
        case
            when own_words.style_code is null then product_labels.style_rule
            else 'owner:override'
        end as style_rule,
        product_labels.style_keys,
        products.gender_raw as gender,
        products.colorway,
        products.release_on,
        products.retail_price,
        products.retail_currency_code,
        products.season,
        products.url_key,
        products.brand_raw,
        products.our_product_id is not null and products.split_name is null as is_known_product
    from products
    full outer join newest_name on products.our_product_id = newest_name.product_key
    left join product_labels
        on
            coalesce(products.partner_product_id, newest_name.partner_product_id)
            = product_labels.partner_product_id
    left join own_words on products.our_product_id = own_words.partner_product_id
),

with_sku as (
    select
        *,
        {{ base_sku('style_code', 'partner_product_id', 'name') }} as base_sku
    from combined
),

-- Two products with one style code: the second and further ones carry a piece of their id.
final as (
    select
        *,
        case
            when row_number() over (
                partition by base_sku order by product_key collate "C"
            ) = 1 then base_sku
            else base_sku || '-' || left(replace(product_key, '-', ''), 8)
        end as sku
    from with_sku
)

select * from final
