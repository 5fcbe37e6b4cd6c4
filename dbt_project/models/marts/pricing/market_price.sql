{{ config(indexes=[
    {'columns': ['platform', 'partner_variant_id', 'currency_code'], 'unique': true},
    {'columns': ['product_id']},
]) }}

with

market_data as (
    select * from {{ ref('stg_stockx__market_data') }}
),

event_rates as (
    select * from {{ ref('int_finance__event_rates') }}
),

named as (
    select
        market_data.*,
        {{ our_product('market_data') }} as our_product_id,
        {{ our_variant('market_data') }} as our_variant_id
    from market_data
    {{ join_identity('market_data') }}
),

-- Of sizes that are one, the kept product's own book counts, and the other's only without it.
ours as (
    select distinct on (our_variant_id, currency_code) *
    from named
    order by
        our_variant_id asc,
        currency_code asc,
        (our_variant_id = partner_variant_id) desc,
        observed_at desc,
        partner_variant_id asc
),

final as (
    select
        'stockx'::text as platform,
        market_data.our_variant_id as partner_variant_id,
        market_data.our_product_id as partner_product_id,
        {{ stable_id('variant', ["'stockx'", 'market_data.our_variant_id']) }} as variant_id,
        {{ stable_id('product', ["'stockx'", 'market_data.our_product_id']) }} as product_id,
        market_data.currency_code,
        event_rates.units_per_eur as fx_units_per_eur,
        market_data.lowest_ask,
        market_data.highest_bid,
        market_data.sell_faster,
        market_data.earn_more,
        market_data.flex_lowest_ask,
        {{ to_eur('market_data.lowest_ask', 'event_rates.units_per_eur') }} as lowest_ask_eur,
        {{ to_eur('market_data.highest_bid', 'event_rates.units_per_eur') }} as highest_bid_eur,
        {{ ratio(
            'market_data.lowest_ask - market_data.highest_bid',
            '(market_data.lowest_ask + market_data.highest_bid) / 2'
        ) }} as spread,
        market_data.observed_at,
        {{ build_id() }} as build_id
    from ours as market_data
    left join event_rates
        on
            market_data.currency_code = event_rates.currency_code
            and {{ berlin_day('market_data.observed_at') }} = event_rates.event_on
)

select * from final
