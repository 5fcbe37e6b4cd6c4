{{ config(indexes=[
    {'columns': ['id'], 'unique': true},
    {'columns': ['variant_id']},
]) }}

with

offers as (
    select * from {{ ref('stg_awin__offers') }}
    where is_listed
),

offer_matches as (
    select * from {{ source('enrichment', 'offer_match') }}
    where partner_variant_id is not null
),

event_rates as (
    select * from {{ ref('int_finance__event_rates') }}
    where event_on = {{ business_today() }}
),

final as (
    select
        {{ stable_id('offer', ['offers.feed_id', 'offers.aw_product_id']) }} as id,
        offers.feed_id,
        offers.aw_product_id,
        offers.merchant_name,
        {{ stable_id('product', [
            'offer_matches.platform', 'offer_matches.partner_product_id'
        ]) }} as product_id,
        {{ stable_id('variant', [
            'offer_matches.platform', 'offer_matches.partner_variant_id'
        ]) }} as variant_id,
        offers.product_name,
        offers.size_raw,
        offers.price as shop_price,
        offers.delivery_cost,
        offers.currency_code,
        {{ to_eur(
            'offers.price + coalesce(offers.delivery_cost, 0)', 'event_rates.units_per_eur'
        ) }} as delivered_price_eur,
        offers.is_in_stock,
        offers.stock_quantity,
        offers.deep_link,
        offer_matches.match_method,
        offers.changed_at,
        {{ build_id() }} as build_id
    from offers
    inner join offer_matches
        on
            offers.feed_id = offer_matches.feed_id
            and offers.aw_product_id = offer_matches.aw_product_id
    left join event_rates on offers.currency_code = event_rates.currency_code
)

select * from final
