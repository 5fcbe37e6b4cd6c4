{{ config(indexes=[{'columns': ['id'], 'unique': true}]) }}

with

products as (
    select * from {{ ref('int_catalog__products') }}
),

category_rules as (
    select * from {{ ref('category_rule') }}
),

named as (
    select category as name from products
    union
    select category as name from category_rules
),

counted as (
    select
        category,
        count(*) as product_count
    from products
    group by category
),

final as (
    select
        {{ stable_id('category', ['named.name']) }} as id,
        named.name,
        coalesce(counted.product_count, 0) as product_count,
        {{ build_id() }} as build_id
    from named
    left join counted on named.name = counted.category
    where named.name is not null
)

select * from final
