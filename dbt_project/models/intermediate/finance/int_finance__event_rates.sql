{{ config(indexes=[{'columns': ['currency_code', 'event_on'], 'unique': true}]) }}

with

orders as (
    select * from {{ ref('stg_stockx__orders') }}
),

hand_kept_sales as (
    select * from {{ ref('stg_csv__sales') }}
),

purchases as (
    select * from {{ ref('stg_csv__purchases') }}
),

market_data as (
    select * from {{ ref('stg_stockx__market_data') }}
),

offers as (
    select * from {{ ref('stg_awin__offers') }}
),

reference_rates as (
    select * from {{ ref('stg_ecb__reference_rates') }}
),

currencies as (
    select distinct currency_code from offers
),

events as (
    select
        currency_code,
        ordered_on as event_on
    from orders
    union
    select
        currency_code,
        sold_on as event_on
    from hand_kept_sales
    union
    select
        currency_code,
        purchased_on as event_on
    from purchases
    union
    select
        currency_code,
        {{ berlin_day('observed_at') }} as event_on
    from market_data
    union
    select
        currency_code,
        {{ business_today() }} as event_on
    from currencies
),

-- No rate is published on weekends and bank holidays: the last one before holds.
rated as (
    select
        events.currency_code,
        events.event_on,
        case when events.currency_code = 'EUR' then events.event_on else published.rate_on end
            as rate_on,
        case when events.currency_code = 'EUR' then 1 else published.units_per_eur end
            as units_per_eur
    from events
    left join lateral (
        select
            reference_rates.rate_on,
            reference_rates.units_per_eur
        from reference_rates
        where
            reference_rates.currency_code = events.currency_code
            and reference_rates.rate_on <= events.event_on
        order by reference_rates.rate_on desc
        limit 1
    ) as published on true
    where
        events.currency_code is not null
        and events.event_on is not null
)

select * from rated
