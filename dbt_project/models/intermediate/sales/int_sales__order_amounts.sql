{{ config(indexes=[{'columns': ['order_key'], 'unique': true}]) }}

with

orders as (
    select * from {{ ref('int_sales__orders') }}
),

order_fees as (
    select * from {{ ref('int_finance__order_fees') }}
),

event_rates as (
    select * from {{ ref('int_finance__event_rates') }}
),

fee_rules as (
    select * from {{ ref('fee_rule') }}
),

-- The account's level shows in what it was charged last; without a payout yet, the first level.
level_today as (
    select order_fees.transaction_fee_rate
    from order_fees
    inner join orders
        on orders.platform = 'stockx' and order_fees.order_number = orders.order_number
    where order_fees.transaction_fee_rate > 0
    order by orders.ordered_at desc, orders.order_number desc
    limit 1
),

without_fees as (
    select
        orders.order_key,
        orders.platform,
        orders.amount,
        orders.sold_on,
        orders.currency_code
    from orders
    where orders.is_sale and not orders.has_stated_fees
),

expected as (
    select
        without_fees.order_key,
        {{ expected_fee(
            'without_fees.amount',
            'coalesce((select transaction_fee_rate from level_today),'
            ' fee_rules.transaction_fee_rate)',
            'fee_rules.minimum_fee'
        ) }} as transaction_fee,
        round(without_fees.amount * fee_rules.processing_fee_rate, 2) as processing_fee,
        coalesce(fee_rules.shipping_fee, 0) as shipping_fee
    from without_fees
    inner join fee_rules
        on
            without_fees.platform = fee_rules.platform
            and without_fees.currency_code = fee_rules.currency_code
            and fee_rules.seller_level = 1
            and fee_rules.category = 'any'
            and without_fees.sold_on >= fee_rules.valid_from
            and without_fees.sold_on <= coalesce(fee_rules.valid_to, 'infinity'::date)
),

combined as (
    select
        orders.order_key,
        orders.is_sale,
        orders.amount,
        orders.penalty,
        orders.outbound_cost,
        event_rates.units_per_eur,
        outbound_rates.units_per_eur as outbound_units_per_eur,
        case
            when not orders.is_sale then 'none'
            when orders.has_stated_fees then 'charged'
            when expected.order_key is not null then 'expected'
            else 'unknown'
        end as fee_source,
        coalesce(expected.transaction_fee, orders.transaction_fee) as transaction_fee,
        coalesce(expected.processing_fee, orders.processing_fee) as processing_fee,
        coalesce(expected.shipping_fee, orders.shipping_fee) as shipping_fee,
        orders.other_fee,
        orders.has_stated_fees
        and orders.status = 'completed'
        and abs(
            orders.payout_total - (orders.amount + coalesce(orders.adjustments_total, 0))
        ) <= 0.01 as is_payout_explained
    from orders
    left join expected on orders.order_key = expected.order_key
    left join event_rates
        on
            orders.currency_code = event_rates.currency_code
            and orders.sold_on = event_rates.event_on
    left join event_rates as outbound_rates
        on
            orders.outbound_currency_code = outbound_rates.currency_code
            and orders.sold_on = outbound_rates.event_on
),

-- What is no sale earns nothing and is charged nothing but its penalty.
in_euros as (
    select
        order_key,
        units_per_eur,
        fee_source,
        coalesce(is_payout_explained, false) as is_payout_explained,
        {% set known_fee = "case when not is_sale then 0 when fee_source <> 'unknown' then " -%}
        {{ to_eur('case when is_sale then amount else 0 end', 'units_per_eur') }}
            as gross_sale_eur,
        {{ to_eur(known_fee ~ 'transaction_fee end', 'units_per_eur') }} as transaction_fee_eur,
        {{ to_eur(known_fee ~ 'processing_fee end', 'units_per_eur') }} as processing_fee_eur,
        {{ to_eur(known_fee ~ 'shipping_fee end', 'units_per_eur') }} as shipping_fee_eur,
        {{ to_eur(known_fee ~ 'other_fee end', 'units_per_eur') }} as other_fee_eur,
        {{ to_eur('penalty', 'units_per_eur') }} as penalty_eur,
        {{ to_eur('case when is_sale then outbound_cost else 0 end', 'outbound_units_per_eur') }}
            as outbound_cost_eur
    from combined
)

select * from in_euros
