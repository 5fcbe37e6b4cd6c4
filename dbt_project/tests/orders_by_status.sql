-- Orders and agreed prices by the channel's status and currency: as many and as much in the mart as
-- in staging, whatever became of them in between.
{{ config(meta={'dagster': {'ref': {'name': 'order'}}}) }}

with

mart as (
    select
        status_raw,
        currency_code,
        count(*) as order_count,
        sum(amount) as amount_total
    from {{ ref('order') }}
    where platform = 'stockx' and raw_data is not null
    group by status_raw, currency_code
),

staging as (
    select
        status_raw,
        currency_code,
        count(*) as order_count,
        sum(sale_price) as amount_total
    from {{ ref('stg_stockx__orders') }}
    group by status_raw, currency_code
),

differences as (
    (select * from mart except all select * from staging)
    union all
    (select * from staging except all select * from mart)
)

select * from differences
