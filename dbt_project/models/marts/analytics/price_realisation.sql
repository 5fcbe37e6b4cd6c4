with

orders as not materialized (
    select * from {{ ref('order') }}
    where is_sale
),

observations as not materialized (
    select * from {{ source('history', 'market_observation') }}
    where platform = 'stockx' and currency_code = 'EUR'
),

began as (
    select min(observed_at) as observed_at from observations
),

-- The last look at the market before the sale; what was sold before the first look has none.
asked as (
    select
        orders.id,
        last_look.lowest_ask
    from orders
    inner join began on orders.ordered_at > began.observed_at
    cross join lateral (
        select observations.lowest_ask
        from observations
        where
            orders.partner_variant_id = observations.partner_variant_id
            and orders.ordered_at > observations.observed_at
        order by observations.observed_at desc
        limit 1
    ) as last_look
    where last_look.lowest_ask is not null
),

final as (
    select
        date_trunc('month', orders.sold_on)::date as month,
        orders.platform,
        count(*) as sale_count,
        count(asked.id) as compared_sale_count,
        sum(orders.gross_sale_eur) filter (where asked.id is not null)::numeric(14, 2)
            as compared_gross_eur,
        sum(asked.lowest_ask * orders.quantity)::numeric(14, 2) as lowest_ask_eur,
        {{ ratio(
            'sum(orders.gross_sale_eur) filter (where asked.id is not null)',
            'sum(asked.lowest_ask * orders.quantity)'
        ) }} as price_realisation,
        {{ build_id() }} as build_id
    from orders
    left join asked on orders.id = asked.id
    group by date_trunc('month', orders.sold_on), orders.platform
)

select * from final
