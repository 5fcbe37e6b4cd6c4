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

owner_decisions as (
    select * from {{ source('owner', 'brand_decision') }}
    where is_accepted
),

owner_overrides as (
    select * from {{ source('owner', 'product_override') }}
),

parents as (
    select
        brand,
        -- The owner's word goes before the project's.
        coalesce(
            min(parent_brand) filter (where is_owner),
            min(parent_brand)
        ) as parent_brand
    from (
        select
            brand,
            parent_brand,
            false as is_owner
        from brand_rules
        union all
        select
            brand,
            parent_brand,
            true as is_owner
        from owner_decisions
    ) as words
    group by brand
),

in_rules as (
    select brand as name from brand_rules
    union
    select parent_brand as name from brand_rules
),

of_owner as (
    select brand as name from owner_patterns
    union
    select brand as name from owner_decisions
    union
    select parent_brand as name from owner_decisions
    union
    select brand as name from owner_overrides
),

named as (
    select brand as name from products
    union
    select name from in_rules
    union
    select name from of_owner
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
        case
            when in_rules.name is not null then 'rules'
            when of_owner.name is not null then 'owner'
            when named.name = 'Unknown' then 'none'
            else 'marketplace'
        end as origin,
        coalesce(counted.product_count, 0) as product_count,
        {{ build_id() }} as build_id
    from named
    left join parents on named.name = parents.brand
    left join counted on named.name = counted.brand
    left join in_rules on named.name = in_rules.name
    left join of_owner on named.name = of_owner.name
    where named.name is not null
)

select * from final
