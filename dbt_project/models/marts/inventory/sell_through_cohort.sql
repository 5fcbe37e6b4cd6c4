{{ config(indexes=[{'columns': ['cohort_kind', 'cohort_month'], 'unique': true}]) }}

with

stock as not materialized (
    select * from {{ ref('stock') }}
),

-- Days count from the receipt, or from the purchase; what is still on its way has no receipt.
by_unit as (
    select
        'receipt'::text as cohort_kind,
        available_on as began_on,
        sold_on,
        cost_eur
    from stock
    where status <> 'incoming'
    union all
    select
        'purchase'::text as cohort_kind,
        purchased_on as began_on,
        sold_on,
        cost_eur
    from stock
),

by_day as (
    select
        cohort_kind,
        date_trunc('month', began_on)::date as cohort_month,
        case when sold_on is not null then greatest(0, sold_on - began_on) end as days_to_sell,
        count(*) as unit_count,
        sum(cost_eur) as cost_eur
    from by_unit
    group by
        cohort_kind,
        date_trunc('month', began_on)::date,
        case when sold_on is not null then greatest(0, sold_on - began_on) end
),

by_month as (
    select
        cohort_kind,
        cohort_month,
        {{ business_today() }} - (cohort_month + interval '1 month - 1 day')::date as watched_days,
        sum(unit_count) as unit_count,
        sum(cost_eur) as cost_eur,
        sum(unit_count) filter (where days_to_sell is not null) as sold_count,
        sum(unit_count) filter (where days_to_sell <= 30) as sold_30_count,
        sum(unit_count) filter (where days_to_sell <= 60) as sold_60_count,
        sum(unit_count) filter (where days_to_sell <= 90) as sold_90_count
    from by_day
    group by cohort_kind, cohort_month
),

final as (
    select
        cohort_kind,
        cohort_month,
        unit_count::bigint as unit_count,
        cost_eur::numeric(14, 2) as cost_eur,
        coalesce(sold_count, 0)::bigint as sold_count,
        {%- for days in (30, 60, 90) %}
        coalesce(sold_{{ days }}_count, 0)::bigint as sold_{{ days }}_count,
        -- A cohort whose youngest unit has not had its days yet is open.
        case
            when watched_days >= {{ days }}
                then {{ ratio('coalesce(sold_' ~ days ~ '_count, 0)', 'unit_count') }}
        end as sell_through_{{ days }},
        {%- endfor %}
        watched_days < 90 as is_open,
        {{ build_id() }} as build_id
    from by_month
)

select * from final
