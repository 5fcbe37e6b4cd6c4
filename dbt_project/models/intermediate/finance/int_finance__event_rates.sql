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

market_data as (
    select * from {{ ref('stg_stockx__market_data') }}
),

offers as (
    select * from {{ ref('stg_awin__offers') }}
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
        {{ berlin_day('observed_at') }} as event_on
    from market_data
    union
    select
        currency_code,
        {{ business_today() }} as event_on
    from currencies
),

{{ rates_of_events() }}

select * from rated
