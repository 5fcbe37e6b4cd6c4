{{ config(indexes=[{'columns': ['id'], 'unique': true}]) }}

with

products as (
    select * from {{ ref('int_catalog__products') }}
),

brand_rules as (
    select * from {{ ref('brand_rule') }}
),

owner_patterns as (
    select * from {{ source('owner', 'brand_pattern') }}
),

parents as (
    select
        brand,
        min(parent_brand) as parent_brand
    from brand_rules
    group by brand
),

named as (
    select brand as name from products
    union
    select brand as name from brand_rules
    union
    select parent_brand as name from brand_rules
    union
    select brand as name from owner_patterns
),

counted as (
    select
        brand,
        count(*) as product_count
    from products
    group by brand
),

final as (
    select
        {{ stable_id('brand', ['named.name']) }} as id,
        named.name,
        parents.parent_brand,
        coalesce(counted.product_count, 0) as product_count,
        {{ build_id() }} as build_id
    from named
    left join parents on named.name = parents.brand
    left join counted on named.name = counted.brand
    where named.name is not null
)

select * from final
