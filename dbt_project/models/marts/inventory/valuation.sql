{{ config(indexes=[
    {'columns': ['stock_id'], 'unique': true},
    {'columns': ['product_id']},
]) }}

with

stock as (
    select * from {{ ref('stock') }}
    where is_on_hand
),

products as (
    select * from {{ ref('product') }}
),

market_prices as (
    select * from {{ ref('market_price') }}
    where currency_code = 'EUR'
),

-- The fees of today, at the rate that most of the last sales were charged; without any, of
-- the first level.
fee_rules as (
    select *
    from {{ ref('fee_rule') }}
    where
        platform = 'stockx'
        and currency_code = 'EUR'
        and seller_level = 1
        and category = 'any'
        and {{ business_today() }} >= valid_from
        and {{ business_today() }} <= coalesce(valid_to, 'infinity'::date)
),

order_fees as (
    select * from {{ ref('int_finance__order_fees') }}
    where transaction_fee_rate > 0
),

orders as (
    select * from {{ ref('int_sales__orders') }}
    where platform = 'stockx'
),

last_charged as (
    select
        order_fees.transaction_fee_rate,
        orders.ordered_at
    from order_fees
    inner join orders on order_fees.order_number = orders.order_number
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

priced as (
    select
        stock.id as stock_id,
        stock.product_id,
        stock.variant_id,
        coalesce(products.brand, 'Unknown') as brand,
        coalesce(products.category, 'unknown') as category,
        stock.status,
        stock.age_days,
        stock.cost_eur,
        case
            when market_prices.highest_bid is not null then 'highest bid'
            when market_prices.lowest_ask is not null then 'lowest ask'
            else 'unknown'
        end as basis,
        coalesce(
            market_prices.highest_bid,
            round(market_prices.lowest_ask * {{ var('ask_haircut') }}, 2)
        )::numeric(12, 2) as at_price_eur
    from stock
    left join products on stock.product_id = products.id
    left join market_prices on stock.variant_id = market_prices.variant_id
),

realised as (
    select
        priced.*,
        (
            priced.at_price_eur
            - {{ expected_fee(
                'priced.at_price_eur',
                'coalesce((select transaction_fee_rate from level_today),'
                ' fee_rules.transaction_fee_rate)',
                'fee_rules.minimum_fee'
            ) }}
            - round(priced.at_price_eur * fee_rules.processing_fee_rate, 2)
            - coalesce(fee_rules.shipping_fee, 0)
        )::numeric(12, 2) as realisable_eur
    from priced
    left join fee_rules on true
),

final as (
    select
        stock_id,
        product_id,
        variant_id,
        brand,
        category,
        status,
        age_days,
        cost_eur,
        basis,
        at_price_eur,
        realisable_eur,
        case
            when cost_eur > realisable_eur then cost_eur - realisable_eur
            when cost_eur <= realisable_eur then 0
        end::numeric(12, 2) as markdown_eur,
        (cost_eur * age_days)::numeric(14, 2) as capital_days_eur,
        {{ build_id() }} as build_id
    from realised
)

select * from final
