{{ config(indexes=[{'columns': ['order_key'], 'unique': true}]) }}

{%- set gaps = [
    'transaction_fee_gap', 'processing_fee_gap', 'shipping_gap', 'promotion_gap', 'refund_gap',
    'penalty_gap', 'missing_gap', 'rest_gap'
] %}

with

orders as (
    select * from {{ ref('int_sales__orders') }}
),

expected_fees as (
    select * from {{ ref('int_finance__expected_fees') }}
),

event_rates as (
    select * from {{ ref('int_finance__event_rates') }}
),

-- What may be charged instead: the rates of a day's other levels, the least fees of other days.
known_fees as (
    select
        platform,
        currency_code,
        array_agg(distinct transaction_fee_rate) as rates,
        array_agg(distinct minimum_fee) filter (where minimum_fee > 0) as minimums
    from {{ ref('fee_rule') }}
    group by platform, currency_code
),

-- What should be paid and what is said to be, in the currency of the price. A payout in another
-- currency converts at the day's rates.
stated as (
    select
        orders.*,
        expected_fees.order_key is not null as has_schedule,
        expected_fees.transaction_fee as due_transaction_fee,
        expected_fees.processing_fee as due_processing_fee,
        expected_fees.shipping_fee as due_shipping_fee,
        orders.paid_total is not null
        and not orders.has_stated_fees
        and orders.paid_currency_code <> orders.currency_code as is_in_other_currency,
        coalesce(upper(btrim(orders.status_raw)) = 'PAYOUTFAILED', false) as is_payout_failed,
        case
            when orders.has_stated_fees
                then coalesce(orders.payout_total, orders.amount + orders.adjustments_total)
            when orders.paid_currency_code <> orders.currency_code
                then round(
                    orders.paid_total * own_rates.units_per_eur / paid_rates.units_per_eur, 2
                )
        end as stated_payout
    from orders
    left join expected_fees on orders.order_key = expected_fees.order_key
    left join event_rates as own_rates
        on
            orders.currency_code = own_rates.currency_code
            and orders.sold_on = own_rates.event_on
    left join event_rates as paid_rates
        on
            orders.paid_currency_code = paid_rates.currency_code
            and orders.sold_on = paid_rates.event_on
    {{ once_a_row() }}
),

expected as (
    select
        *,
        case
            when status in ('cancelled', 'failed_authentication', 'not_shipped', 'returned')
                then 'nothing due'
            when has_schedule then 'schedule'
            when has_stated_fees then 'named fees'
            else 'unknown'
        end as expectation,
        case
            when not is_sale then 0
            when has_schedule
                then amount - due_transaction_fee - due_processing_fee - due_shipping_fee
            -- What is refunded is no fee; a door that names no fees can only be believed.
            when has_stated_fees
                then coalesce(amount + adjustments_total + refund, stated_payout)
        end as expected_payout
    from stated
),

compared as (
    select
        *,
        case
            when status = 'returned' or (not is_sale and stated_payout > 0) then 'reversed'
            when expected_payout is null then 'unknown'
            when is_payout_failed or (status = 'completed' and stated_payout is null) then 'missing'
            when stated_payout is null and is_sale then 'not due'
            else 'stated'
        end as payout_state,
        -- A door that names one sum for all fees can only be compared as a whole.
        expectation = 'schedule'
        and has_stated_fees
        and transaction_fee > 0
        and (processing_fee <> 0 or shipping_fee <> 0) as names_fees
    from expected
    {{ once_a_row() }}
),

parts as (
    select
        *,
        case
            when payout_state = 'missing' then -expected_payout
            when payout_state = 'stated' then coalesce(stated_payout, 0) - expected_payout
        end as payout_gap,
        case when payout_state = 'stated' and names_fees
            then due_transaction_fee - transaction_fee else 0 end as transaction_fee_gap,
        case when payout_state = 'stated' and names_fees
            then due_processing_fee - processing_fee else 0 end as processing_fee_gap,
        case when payout_state = 'stated' and names_fees
            then due_shipping_fee - shipping_fee - shipping_credit else 0 end as shipping_gap,
        case when payout_state = 'stated' and has_stated_fees and is_sale
            then -promotion else 0 end as promotion_gap,
        case when payout_state = 'stated' and has_stated_fees and is_sale
            then -refund else 0 end as refund_gap,
        case when payout_state = 'stated' and has_stated_fees
            then -penalty else 0 end as penalty_gap,
        case when payout_state = 'missing' then -expected_payout else 0 end as missing_gap
    from compared
),

with_rest as (
    select
        *,
        coalesce(payout_gap, 0) - transaction_fee_gap - processing_fee_gap - shipping_gap
        - promotion_gap - refund_gap - penalty_gap - missing_gap as rest_gap
    from parts
    {{ once_a_row() }}
),

-- A bank's exchange costs less than a twentieth, and two cents may be rounding.
reasoned as (
    select
        with_rest.*,
        case
            when with_rest.transaction_fee_gap = 0 then null
            when with_rest.transaction_fee = 2 * with_rest.due_transaction_fee then 'double charge'
            when with_rest.transaction_fee = any(known_fees.minimums) then 'minimum fee'
            when
                exists (
                    select 1
                    from unnest(known_fees.rates) as known (rate)
                    where round(with_rest.amount * known.rate, 2) = with_rest.transaction_fee
                )
                then 'level change'
            else 'unexplained'
        end as transaction_fee_reason,
        case
            when with_rest.processing_fee_gap = 0 then null
            when with_rest.processing_fee = 2 * with_rest.due_processing_fee then 'double charge'
            else 'unexplained'
        end as processing_fee_reason,
        case
            when with_rest.rest_gap = 0 then null
            when
                with_rest.is_in_other_currency
                and abs(with_rest.rest_gap) <= 0.05 * with_rest.expected_payout
                then 'currency'
            when abs(with_rest.rest_gap) <= 0.02 then 'rounding'
            else 'unexplained'
        end as rest_reason
    from with_rest
    left join known_fees
        on
            with_rest.platform = known_fees.platform
            and with_rest.currency_code = known_fees.currency_code
    {{ once_a_row() }}
),

named as (
    select
        reasoned.*,
        reasons.gap_reasons,
        reasons.gap_reason,
        reasons.unexplained_gap
    from reasoned
    cross join lateral (
        select
            array_agg(distinct part.reason order by part.reason) as gap_reasons,
            (array_agg(part.reason order by abs(part.gap) desc, part.reason))[1] as gap_reason,
            coalesce(sum(part.gap) filter (where part.reason = 'unexplained'), 0)
                as unexplained_gap
        from (
            values
            (reasoned.transaction_fee_reason, reasoned.transaction_fee_gap),
            (reasoned.processing_fee_reason, reasoned.processing_fee_gap),
            ('shipping', reasoned.shipping_gap),
            ('promotion', reasoned.promotion_gap),
            ('refund', reasoned.refund_gap),
            ('penalty', reasoned.penalty_gap),
            ('missing payout', reasoned.missing_gap),
            (reasoned.rest_reason, reasoned.rest_gap)
        ) as part (reason, gap)
        -- Most payouts agree: their parts are not even looked at.
        where part.gap <> 0 and ({{ 'reasoned.' ~ gaps | join(' <> 0 or reasoned.') }} <> 0)
    ) as reasons
),

final as (
    select
        order_key,
        expectation,
        case when is_sale then due_transaction_fee end as due_transaction_fee,
        case when is_sale then due_processing_fee end as due_processing_fee,
        case when is_sale then due_shipping_fee end as due_shipping_fee,
        case when payout_state = 'reversed' then null else expected_payout end as expected_payout,
        stated_payout,
        payout_gap,
        transaction_fee_gap,
        processing_fee_gap,
        shipping_gap,
        promotion_gap,
        refund_gap,
        penalty_gap,
        missing_gap,
        rest_gap,
        unexplained_gap,
        gap_reason,
        coalesce(gap_reasons, '{}') as gap_reasons,
        case
            when payout_state <> 'stated' then payout_state
            when gap_reasons is null then 'agrees'
            when 'unexplained' = any(gap_reasons) then 'unexplained'
            else 'explained'
        end as reconciliation_state
    from named
)

select * from final
