{{ config(materialized='view') }}

with

forecasts as (
    select * from {{ source('enrichment', 'sales_forecast_daily') }}
),

final as (
    select
        level,
        series_key,
        forecast_on,
        units_forecast,
        units_lower_80,
        units_upper_80,
        model,
        {{ build_id() }} as build_id
    from forecasts
)

select * from final
