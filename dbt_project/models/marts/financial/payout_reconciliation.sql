{{ config(indexes=[
    {'columns': ['id'], 'unique': true},
    {'columns': ['reconciliation_state', 'sold_on']},
    {'columns': ['payout_id']},
]) }}

with

orders as not materialized (
    select * from {{ ref('int_sales__orders') }}
),

amounts as not materialized (
    select * from {{ ref('int_sales__order_amounts') }}
),

payout_gaps as (
    select * from {{ ref('int_finance__payout_gaps') }}
),

expected_fees as (
    select * from {{ ref('int_finance__expected_fees') }}
),

report as (
    select * from {{ ref('int_sales__stockx_report') }}
    where payout_ref is not null
),

event_rates as (
    select * from {{ ref('int_finance__event_rates') }}
),

joined as (
    select
        orders.order_id as id,
        orders.platform,
        orders.order_number,
        orders.order_line,
        orders.status,
        orders.sold_on,
        orders.paid_on,
        orders.currency_code,
        amounts.units_per_eur as fx_units_per_eur,
        orders.amount::numeric(12, 2) as amount,
        amounts.fee_source,
        amounts.net_payout_eur - amounts.penalty_eur as claim_eur,
        orders.settled_on,
        {{ stable_id('payout', ["'stockx'", 'report.payout_ref']) }} as payout_id,
        expected_fees.seller_level,
        expected_fees.level_source,
        expected_fees.transaction_fee_rate,
        expected_fees.minimum_fee,
        payout_gaps.*,
        case
            when
                payout_gaps.reconciliation_state <> 'missing'
                and orders.status in ('completed', 'not_shipped')
                then {{ to_eur('orders.paid_total', 'paid_rates.units_per_eur') }}
        end as received_eur
    from orders
    inner join amounts on orders.order_key = amounts.order_key
    inner join payout_gaps on orders.order_key = payout_gaps.order_key
    left join expected_fees on orders.order_key = expected_fees.order_key
    left join report
        on orders.platform = 'stockx' and orders.order_number = report.order_number
    left join event_rates as paid_rates
        on
            orders.paid_currency_code = paid_rates.currency_code
            and coalesce(orders.paid_on, orders.sold_on) = paid_rates.event_on
),

aged as (
    select
        *,
        reconciliation_state in ('missing', 'unexplained') as is_open,
        case
            when reconciliation_state in ('missing', 'unexplained')
                then greatest(0, {{ business_today() }} - settled_on)
        end as open_days
    from joined
),

final as (
    select
        id,
        platform,
        order_number,
        order_line,
        payout_id,
        status,
        sold_on,
        paid_on,
        currency_code,
        amount,
        expectation,
        seller_level,
        level_source,
        case when expectation = 'schedule' then transaction_fee_rate end as expected_fee_rate,
        case when expectation = 'schedule' then minimum_fee end as minimum_fee,
        due_transaction_fee::numeric(12, 2) as expected_transaction_fee,
        due_processing_fee::numeric(12, 2) as expected_processing_fee,
        due_shipping_fee::numeric(12, 2) as expected_shipping_fee,
        expected_payout::numeric(12, 2) as expected_payout,
        stated_payout::numeric(12, 2) as stated_payout,
        payout_gap::numeric(12, 2) as payout_gap,
        {{ to_eur('payout_gap', 'fx_units_per_eur') }} as payout_gap_eur,
        transaction_fee_gap::numeric(12, 2) as transaction_fee_gap,
        processing_fee_gap::numeric(12, 2) as processing_fee_gap,
        shipping_gap::numeric(12, 2) as shipping_gap,
        promotion_gap::numeric(12, 2) as promotion_gap,
        refund_gap::numeric(12, 2) as refund_gap,
        penalty_gap::numeric(12, 2) as penalty_gap,
        missing_gap::numeric(12, 2) as missing_gap,
        rest_gap::numeric(12, 2) as rest_gap,
        unexplained_gap::numeric(12, 2) as unexplained_gap,
        gap_reason,
        gap_reasons,
        reconciliation_state,
        is_open,
        case when is_open then settled_on end as open_since,
        open_days,
        case
            when open_days <= 30 then '0-30'
            when open_days <= 60 then '31-60'
            when open_days <= 90 then '61-90'
            when open_days <= 120 then '91-120'
            when open_days <= 180 then '121-180'
            when open_days > 180 then '181+'
        end as open_age_band,
        received_eur,
        case when fee_source <> 'unknown' then (received_eur - claim_eur)::numeric(12, 2) end
            as fx_effect_eur,
        {{ build_id() }} as build_id
    from aged
)

select * from final
