-- Orders, pieces and agreed prices by the channel's status and currency: as many and as much in the
-- mart as in staging, whatever became of them in between.
{{ config(meta={'dagster': {'ref': {'name': 'order'}}}) }}

with

mart as (
    select
        platform,
        status_raw,
        currency_code,
        count(*) as order_count,
        sum(quantity) as piece_count,
        sum(amount) as amount_total
    from {{ ref('order') }}
    where 'api' = any(sources)
    group by platform, status_raw, currency_code
),

doors as (
    select
        'stockx'::text as platform,
        status_raw,
        currency_code,
        1 as quantity,
        sale_price as amount
    from {{ ref('int_sales__stockx_orders') }}
    union all
    select
        'ebay'::text as platform,
        concat_ws(' ', fulfilment_status_raw, payment_status_raw, cancel_state_raw) as status_raw,
        currency_code,
        quantity,
        line_amount + delivery_amount as amount
    from {{ ref('int_sales__ebay_lines') }}
    union all
    select
        'alias'::text as platform,
        status_raw,
        currency_code,
        1 as quantity,
        sale_price as amount
    from {{ ref('stg_alias__orders') }}
),

staging as (
    select
        platform,
        status_raw,
        currency_code,
        count(*) as order_count,
        sum(quantity) as piece_count,
        sum(amount) as amount_total
    from doors
    group by platform, status_raw, currency_code
),

differences as (
    (
        select * from mart
        except all
        select * from staging
    )
    union all
    (
        select * from staging
        except all
        select * from mart
    )
)

select * from differences
