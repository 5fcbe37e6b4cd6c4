{{ config(materialized='view') }}

with

backtests as (
    select * from {{ source('enrichment', 'forecast_backtest') }}
),

final as (
    select
        level,
        series_key,
        model,
        horizon_days,
        window_count,
        mase,
        rmsse,
        wape,
        bias,
        coverage_80,
        skill_vs_naive,
        is_served,
        made_at,
        {{ build_id() }} as build_id
    from backtests
)

select * from final
