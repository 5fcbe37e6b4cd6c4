{{ config(indexes=[{'columns': ['platform'], 'unique': true}]) }}

with

fee_rules as (
    select *
    from {{ ref('fee_rule') }}
    where
        seller_level = 1
        and category = 'any'
        and {{ business_today() }} >= valid_from
        and {{ business_today() }} <= coalesce(valid_to, 'infinity'::date)
),

reference_rates as (
    select * from {{ ref('stg_ecb__reference_rates') }}
),

order_fees as (
    select * from {{ ref('int_finance__order_fees') }}
    where transaction_fee_rate > 0
),

orders as not materialized (
    select * from {{ ref('int_sales__orders') }}
),

amounts as (
    select * from {{ ref('int_sales__order_amounts') }}
    where fee_source = 'charged'
),

rates_today as (
    select distinct on (currency_code)
        currency_code,
        units_per_eur
    from reference_rates
    where {{ business_today() }} >= rate_on
    order by currency_code asc, rate_on desc
),

-- Only StockX names the rate that it charges. Its level of today is the one that most of the last
-- sales were charged at.
last_charged as (
    select
        order_fees.transaction_fee_rate,
        orders.ordered_at
    from order_fees
    inner join orders on order_fees.order_number = orders.order_number
    where orders.platform = 'stockx'
    order by orders.ordered_at desc, orders.order_number desc
    limit 20
),

level_today as (
    select transaction_fee_rate
    from last_charged
    group by transaction_fee_rate
    order by count(*) desc, max(ordered_at) desc
    limit 1
),

scheduled as (
    select distinct on (fee_rules.platform)
        fee_rules.platform,
        'schedule' as fee_basis,
        case
            when fee_rules.platform = 'stockx'
                then
                    coalesce(
                        (select level_today.transaction_fee_rate from level_today),
                        fee_rules.transaction_fee_rate
                    )
            else fee_rules.transaction_fee_rate
        end as transaction_fee_rate,
        fee_rules.processing_fee_rate,
        {{ to_eur('coalesce(fee_rules.minimum_fee, 0)', 'rate.units_per_eur') }} as minimum_fee_eur,
        {{ to_eur('coalesce(fee_rules.shipping_fee, 0)', 'rate.units_per_eur') }} as fixed_fee_eur
    from fee_rules
    left join rates_today on fee_rules.currency_code = rates_today.currency_code
    cross join lateral (
        select
            case when fee_rules.currency_code = 'EUR' then 1 else rates_today.units_per_eur end
                as units_per_eur
    ) as rate
    order by
        fee_rules.platform asc,
        (fee_rules.currency_code = 'EUR') desc,
        fee_rules.currency_code asc
),

-- Where no schedule is known, the share that own sales of a year were charged stands for it.
own as (
    select
        orders.platform,
        'own sales' as fee_basis,
        {{ ratio(
            'sum(amounts.transaction_fee_eur + amounts.processing_fee_eur'
            ' + amounts.shipping_fee_eur + amounts.other_fee_eur)',
            'sum(amounts.gross_sale_eur)'
        ) }} as transaction_fee_rate,
        0 as processing_fee_rate,
        0.00 as minimum_fee_eur,
        0.00 as fixed_fee_eur
    from orders
    inner join amounts on orders.order_key = amounts.order_key
    left join scheduled on orders.platform = scheduled.platform
    where
        scheduled.platform is null
        and orders.sold_on > {{ business_today() }} - 365
    group by orders.platform
),

final as (
    select * from scheduled
    union all
    select * from own
    where transaction_fee_rate is not null
)

select * from final
