{#- Apart from the rates of sales, so that what was bought need not wait for what was sold. -#}
{{ config(indexes=[{'columns': ['currency_code', 'event_on'], 'unique': true}]) }}

with

events as (
    select distinct
        currency_code,
        purchased_on as event_on
    from {{ ref('int_inventory__purchases') }}
),

{{ rates_of_events() }}

select * from rated
