with

platforms as (
    select * from {{ ref('platform_info') }}
),

orders as (
    select * from {{ ref('order') }}
),

sold as (
    select
        platform,
        count(*) as order_count,
        count(*) filter (where is_sale) as sale_count,
        sum(gross_sale_eur) as gross_sale_eur,
        max(sold_on) as last_sold_on
    from orders
    group by platform
),

final as (
    select
        {{ stable_id('platform', ['platforms.platform']) }} as id,
        platforms.platform,
        platforms.name,
        platforms.kind,
        platforms.has_authentication,
        string_to_array(platforms.payout_currency_codes, '|') as payout_currency_codes,
        coalesce(sold.order_count, 0) as order_count,
        coalesce(sold.sale_count, 0) as sale_count,
        coalesce(sold.gross_sale_eur, 0)::numeric(14, 2) as gross_sale_eur,
        sold.last_sold_on,
        {{ build_id() }} as build_id
    from platforms
    left join sold on platforms.platform = sold.platform
)

select * from final
