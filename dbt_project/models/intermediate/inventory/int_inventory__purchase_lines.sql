{{ config(indexes=[{'columns': ['line_key'], 'unique': true}]) }}

with

purchases as (
    select * from {{ ref('int_inventory__purchases') }}
),

purchase_rates as (
    select * from {{ ref('int_finance__purchase_rates') }}
),

gross as (
    select
        purchases.line_key,
        purchases.quantity,
        purchases.vat_scheme,
        purchases.vat_rate,
        purchases.quantity * purchases.unit_price + coalesce(purchases.shipping_total, 0)
            as gross_total,
        coalesce(purchases.cashback_total, 0) as cashback_total,
        purchase_rates.units_per_eur
    from purchases
    left join purchase_rates
        on
            purchases.currency_code = purchase_rates.currency_code
            and purchases.purchased_on = purchase_rates.event_on
),

-- VAT that can be deducted is no cost; under the margin scheme and from private sellers it is.
landed as (
    select
        line_key,
        quantity,
        units_per_eur,
        case
            when vat_scheme = 'standard' then gross_total / (1 + vat_rate)
            else gross_total
        end - cashback_total as landed_total,
        {{ to_eur('gross_total', 'units_per_eur') }} as gross_total_eur
    from gross
),

costed as (
    select
        line_key,
        quantity,
        units_per_eur,
        gross_total_eur,
        {{ to_eur('landed_total', 'units_per_eur') }} as line_cost_eur
    from landed
)

select * from costed
