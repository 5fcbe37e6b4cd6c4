{{ config(indexes=[{'columns': ['id'], 'unique': true}, {'columns': ['is_open', 'paid_on']}]) }}

with

report as (
    select * from {{ ref('int_sales__stockx_report') }}
    where payout_ref is not null
),

reconciliations as (
    select * from {{ ref('payout_reconciliation') }}
    where payout_id is not null
),

stated as (
    select
        payout_ref,
        min(currency_code) as currency_code,
        {{ berlin_day('max(paid_out_at)') }} as paid_on,
        count(*) as order_count,
        sum(payout_total) as orders_total,
        max(payout_sum) as payout_total
    from report
    group by payout_ref
),

expected as (
    select
        payout_id,
        case when count(expected_payout) = count(*) then sum(expected_payout) end as expected_total,
        count(*) filter (where is_open) as open_order_count,
        case when count(received_eur) = count(*) then sum(received_eur) end as received_eur,
        case when count(fx_effect_eur) = count(*) then sum(fx_effect_eur) end as fx_effect_eur
    from reconciliations
    group by payout_id
),

final as (
    select
        {{ stable_id('payout', ["'stockx'", 'stated.payout_ref']) }} as id,
        'stockx'::text as platform,
        stated.payout_ref,
        stated.paid_on,
        stated.currency_code,
        stated.order_count,
        stated.payout_total::numeric(12, 2) as payout_total,
        stated.orders_total::numeric(12, 2) as orders_total,
        (stated.payout_total - stated.orders_total)::numeric(12, 2) as payout_gap,
        expected.expected_total::numeric(12, 2) as expected_total,
        coalesce(expected.open_order_count, 0) as open_order_count,
        expected.received_eur::numeric(12, 2) as received_eur,
        expected.fx_effect_eur::numeric(12, 2) as fx_effect_eur,
        coalesce(abs(stated.payout_total - stated.orders_total) > 0.02, true)
        or coalesce(expected.open_order_count, 0) > 0 as is_open,
        {{ build_id() }} as build_id
    from stated
    left join expected
        on {{ stable_id('payout', ["'stockx'", 'stated.payout_ref']) }} = expected.payout_id
)

select * from final
