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

fees_today as (
    select * from {{ ref('int_finance__fees_today') }}
    where platform = 'stockx'
),

-- What sells of a size at all tells whether its units are dead.
last_sales as (
    select
        variant_id,
        max(sold_on) as last_sold_on
    from {{ ref('order') }}
    where is_sale
    group by variant_id
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
        last_sales.last_sold_on,
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
    left join last_sales on stock.variant_id = last_sales.variant_id
),

realised as (
    select
        priced.*,
        (
            priced.at_price_eur
            - {{ expected_fee(
                'priced.at_price_eur',
                'fees_today.transaction_fee_rate',
                'fees_today.minimum_fee_eur'
            ) }}
            - round(priced.at_price_eur * fees_today.processing_fee_rate, 2)
            - fees_today.fixed_fee_eur
        )::numeric(12, 2) as realisable_eur
    from priced
    left join fees_today on true
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
        last_sold_on,
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
