{{ config(indexes=[
    {'columns': ['stock_id', 'platform'], 'unique': true},
    {'columns': ['place', 'cost_eur']},
]) }}

with

stock as not materialized (
    select * from {{ ref('stock') }}
    where is_in_house
),

market_prices as (
    select * from {{ ref('market_price') }}
    where currency_code = 'EUR' and lowest_ask is not null
),

fees_today as (
    select * from {{ ref('int_finance__fees_today') }}
),

vat_rules as (
    select *
    from {{ ref('vat_rule') }}
    where
        {{ business_today() }} >= valid_from
        and {{ business_today() }} <= coalesce(valid_to, 'infinity'::date)
),

schemes as (
    select distinct vat_scheme from stock
),

-- The channel's own rule before the rule for any channel.
regimes as (
    select distinct on (fees_today.platform, schemes.vat_scheme)
        fees_today.platform,
        schemes.vat_scheme,
        vat_rules.regime,
        vat_rules.vat_rate
    from fees_today
    cross join schemes
    inner join vat_rules
        on
            vat_rules.platform in (fees_today.platform, 'any')
            and vat_rules.purchase_vat_scheme in (schemes.vat_scheme, 'any')
    order by
        fees_today.platform asc,
        schemes.vat_scheme asc,
        (vat_rules.platform = 'any') asc,
        (vat_rules.purchase_vat_scheme = 'any') asc,
        vat_rules.valid_from desc
),

priced as (
    select
        stock.id as stock_id,
        stock.product_id,
        stock.variant_id,
        stock.product_name,
        stock.size_raw,
        stock.vat_scheme,
        stock.cost_eur,
        market_prices.lowest_ask as at_price_eur,
        fees_today.platform,
        fees_today.fee_basis,
        (
            {{ expected_fee(
                'market_prices.lowest_ask',
                'fees_today.transaction_fee_rate',
                'fees_today.minimum_fee_eur'
            ) }}
            + round(market_prices.lowest_ask * fees_today.processing_fee_rate, 2)
            + fees_today.fixed_fee_eur
        )::numeric(12, 2) as fees_eur
    from stock
    inner join market_prices on stock.variant_id = market_prices.variant_id
    cross join fees_today
),

taxed as (
    select
        priced.*,
        regimes.regime as vat_regime,
        {{ vat_due(
            'regimes.regime', 'priced.at_price_eur', 'priced.cost_eur', 'regimes.vat_rate'
        ) }} as vat_due_eur
    from priced
    left join regimes
        on priced.platform = regimes.platform and priced.vat_scheme = regimes.vat_scheme
),

netted as (
    select
        *,
        (at_price_eur - fees_eur)::numeric(12, 2) as net_payout_eur,
        (at_price_eur - fees_eur - vat_due_eur - cost_eur)::numeric(12, 2) as net_profit_eur
    from taxed
),

final as (
    select
        stock_id,
        platform,
        product_id,
        variant_id,
        product_name,
        size_raw,
        cost_eur,
        at_price_eur,
        fee_basis,
        fees_eur,
        net_payout_eur,
        vat_regime,
        vat_due_eur,
        net_profit_eur,
        {{ ratio('net_profit_eur', 'cost_eur') }} as roi,
        (row_number() over (
            partition by stock_id
            order by net_profit_eur desc nulls last, platform collate "C"
        ))::integer as place,
        {{ build_id() }} as build_id
    from netted
)

select * from final
