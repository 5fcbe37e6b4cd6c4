{{ config(materialized='view') }}

with

figures as (
    select * from {{ ref('kpi') }}
    where dimension = 'all' and period = 'month'
),

final as (
    select
        period_start as month,
        {{ kpi_names() }},
        build_id
    from figures
)

select * from final
