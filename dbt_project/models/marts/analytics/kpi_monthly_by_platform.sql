{{ config(materialized='view') }}

with

figures as (
    select * from {{ ref('kpi') }}
    where dimension = 'platform' and period = 'month'
),

final as (
    select
        period_start as month,
        member as platform,
        {{ kpi_names() }},
        build_id
    from figures
)

select * from final
