with

observations as (
    select * from {{ source('history', 'market_observation') }}
),

latest as (
    select distinct on (partner_variant_id, currency_code)
        partner_variant_id,
        partner_product_id,
        currency_code,
        lowest_ask,
        highest_bid,
        sell_faster,
        earn_more,
        flex_lowest_ask,
        observed_at
    from observations
    where platform = 'stockx'
    order by partner_variant_id asc, currency_code asc, observed_at desc
)

select * from latest
