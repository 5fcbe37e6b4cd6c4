with

size_chart as (
    select * from {{ ref('size_chart') }}
),

final as (
    select
        {{ stable_id('size_conversion', ['brand', 'audience', 'us_size::text']) }} as id,
        brand,
        audience,
        us_size::text as us_size,
        uk_size::text as uk_size,
        eu_size::text as eu_size,
        cm_size::text as cm_size,
        {{ build_id() }} as build_id
    from size_chart
)

select * from final
