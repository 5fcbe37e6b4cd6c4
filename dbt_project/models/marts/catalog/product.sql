{{ config(indexes=[
    {'columns': ['id'], 'unique': true},
    {'columns': ['sku'], 'unique': true},
    {'columns': ['stockx_product_id'], 'unique': true},
    {'columns': ['brand_id']},
]) }}

with

products as (
    select * from {{ ref('int_catalog__products') }}
),

orders as (
    select * from {{ ref('order') }}
    where is_sale
),

market_prices as (
    select * from {{ ref('market_price') }}
),

sold as (
    select
        product_id,
        sum(quantity) as sale_count,
        round(
            sum(gross_sale_eur) / sum(quantity) filter (where gross_sale_eur is not null), 2
        )::numeric(12, 2) as avg_resale_price,
        max(sold_on) as last_sold_on
    from orders
    group by product_id
),

market as (
    select
        partner_product_id,
        min(lowest_ask_eur) as lowest_ask,
        max(highest_bid_eur) as highest_bid,
        max(observed_at) as market_observed_at
    from market_prices
    group by partner_product_id
),

products_with_id as (
    select
        *,
        {{ stable_id('product', ["'stockx'", 'product_key']) }} as id
    from products
),

final as (
    select
        products.id,
        products.sku,
        products.style_code,
        products.name,
        {{ stable_id('brand', ['products.brand']) }} as brand_id,
        products.brand,
        {{ stable_id('category', ['products.category']) }} as category_id,
        products.category,
        products.product_type,
        products.partner_product_id as stockx_product_id,
        products.gender,
        products.colorway,
        products.release_on,
        products.retail_price,
        products.retail_currency_code,
        sold.avg_resale_price,
        market.lowest_ask::numeric(12, 2) as lowest_ask,
        market.highest_bid::numeric(12, 2) as highest_bid,
        market.market_observed_at,
        coalesce(sold.sale_count, 0) as sale_count,
        sold.last_sold_on,
        jsonb_strip_nulls(jsonb_build_object(
            'brand_raw', products.brand_raw,
            'brand_rule', products.brand_rule,
            'brand_confidence', products.brand_confidence,
            'parent_brand', products.parent_brand,
            'collaborators', to_jsonb(products.collaborators),
            'category_rule', products.category_rule,
            'category_confidence', products.category_confidence,
            'style_rule', products.style_rule,
            'style_keys', to_jsonb(products.style_keys),
            'season', products.season,
            'url_key', products.url_key,
            'is_known_product', products.is_known_product
        )) as enrichment_data,
        {{ build_id() }} as build_id
    from products_with_id as products
    left join sold on products.id = sold.product_id
    left join market on products.partner_product_id = market.partner_product_id
)

select * from final
