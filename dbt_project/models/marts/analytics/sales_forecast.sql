{{ config(materialized='view') }}

with

forecasts as (
    select * from {{ source('enrichment', 'sales_forecast') }}
),

final as (
    select
        level,
        series_key,
        horizon_days,
        forecast_from,
        forecast_to,
        units_forecast,
        units_lower_80,
        units_upper_80,
        model,
        model_params,
        gate_passed,
        fallback_reason,
        trained_through,
        history_days,
        made_at,
        {{ build_id() }} as build_id
    from forecasts
)

select * from final
