{{ config(indexes=[{'columns': ['order_key'], 'unique': true}]) }}

with

orders as (
    select * from {{ ref('int_sales__orders') }}
),

expected_fees as (
    select * from {{ ref('int_finance__expected_fees') }}
),

payout_gaps as (
    select * from {{ ref('int_finance__payout_gaps') }}
),

event_rates as (
    select * from {{ ref('int_finance__event_rates') }}
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
            when expected_fees.order_key is not null then 'expected'
            else 'unknown'
        end as fee_source,
        {%- for fee in ['transaction_fee', 'processing_fee', 'shipping_fee'] %}
        case when orders.has_stated_fees then orders.{{ fee }} else expected_fees.{{ fee }} end
            as {{ fee }},
        {%- endfor %}
        orders.other_fee,
        orders.has_stated_fees
        and orders.status = 'completed'
        and payout_gaps.reconciliation_state in ('agrees', 'explained') as is_payout_explained
    from orders
    left join expected_fees on orders.order_key = expected_fees.order_key
    left join payout_gaps on orders.order_key = payout_gaps.order_key
    left join event_rates
        on
            orders.currency_code = event_rates.currency_code
            and orders.sold_on = event_rates.event_on
    left join event_rates as outbound_rates
        on
            orders.outbound_currency_code = outbound_rates.currency_code
            and orders.sold_on = outbound_rates.event_on
    {{ once_a_row() }}
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
    {{ once_a_row() }}
),

final as (
    select
        *,
        (
            gross_sale_eur - transaction_fee_eur - processing_fee_eur - shipping_fee_eur
            - other_fee_eur
        )::numeric(12, 2) as net_payout_eur
    from in_euros
)

select * from final
