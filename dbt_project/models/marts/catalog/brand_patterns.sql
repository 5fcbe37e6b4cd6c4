with

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

combined as (
    select
        pattern,
        kind,
        brand,
        parent_brand,
        scope,
        priority::integer as priority,
        'project'::text as origin,
        note
    from brand_rules
    union all
    select
        pattern,
        'brand'::text as kind,
        brand,
        null::text as parent_brand,
        'any'::text as scope,
        priority,
        'owner'::text as origin,
        note
    from owner_patterns
    union all
    select
        name as pattern,
        'accepted'::text as kind,
        brand,
        parent_brand,
        'start'::text as scope,
        500 as priority,
        'owner'::text as origin,
        note
    from owner_decisions
),

final as (
    select
        {{ stable_id('brand_pattern', ['origin', 'kind', 'pattern', 'brand']) }} as id,
        origin,
        kind,
        pattern,
        {{ stable_id('brand', ['brand']) }} as brand_id,
        brand,
        parent_brand,
        scope,
        priority,
        note,
        {{ build_id() }} as build_id
    from combined
)

select * from final
