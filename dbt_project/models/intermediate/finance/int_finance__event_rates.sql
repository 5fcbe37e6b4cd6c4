{{ config(indexes=[{'columns': ['currency_code', 'event_on'], 'unique': true}]) }}

with

orders as (
    select distinct
        currency_code,
        outbound_currency_code,
        paid_currency_code,
        sold_on,
        paid_on
    from {{ ref('int_sales__orders') }}
),

purchases as (
    select * from {{ ref('int_inventory__purchases') }}
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
        sold_on as event_on
    from orders
    union
    select
        outbound_currency_code as currency_code,
        sold_on as event_on
    from orders
    union
    select
        paid_currency_code as currency_code,
        paid.event_on
    from orders
    cross join lateral (values (orders.sold_on), (orders.paid_on)) as paid (event_on)
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
published as (
    select
        currency_code,
        rate_on,
        units_per_eur,
        lead(rate_on, 1, 'infinity'::date) over (
            partition by currency_code
            order by rate_on
        ) as next_rate_on
    from reference_rates
),

rated as (
    select
        events.currency_code,
        events.event_on,
        case when events.currency_code = 'EUR' then events.event_on else published.rate_on end
            as rate_on,
        case when events.currency_code = 'EUR' then 1 else published.units_per_eur end
            as units_per_eur
    from events
    left join published
        on
            events.currency_code = published.currency_code
            and events.event_on >= published.rate_on
            and events.event_on < published.next_rate_on
    where
        events.currency_code is not null
        and events.event_on is not null
)

select * from rated
