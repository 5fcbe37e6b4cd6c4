with

orders as (
    select * from {{ ref('order') }}
),

thresholds as (
    select * from {{ ref('reporting_threshold') }}
),

years as (
    select
        platform,
        date_part('year', sold_on)::integer as year,
        count(*) as sale_count,
        coalesce(sum(gross_sale_eur), 0)::numeric(14, 2) as gross_sale_eur,
        coalesce(sum(gross_sale_eur - net_payout_eur), 0)::numeric(14, 2) as fees_eur,
        -- Where the fees are not known, none is taken off: the limit is reached rather too early.
        coalesce(sum(coalesce(net_payout_eur, gross_sale_eur)), 0)::numeric(14, 2) as paid_eur,
        count(*) filter (where net_payout_eur is null) as unknown_payout_count
    from orders
    where is_sale
    group by platform, date_part('year', sold_on)
),

-- The duty falls away only where both stay under.
final as (
    select
        years.platform,
        years.year,
        years.sale_count,
        years.gross_sale_eur,
        years.fees_eur,
        years.paid_eur,
        years.unknown_payout_count,
        thresholds.rule as rule_name,
        thresholds.sale_count_limit,
        thresholds.paid_limit_eur,
        years.sale_count >= thresholds.sale_count_limit
        or years.paid_eur > thresholds.paid_limit_eur as is_reportable,
        greatest(0, thresholds.sale_count_limit - years.sale_count) as sales_left,
        greatest(0, thresholds.paid_limit_eur - years.paid_eur)::numeric(12, 2) as paid_left_eur,
        {{ build_id() }} as build_id
    from years
    left join thresholds
        on
            years.platform = thresholds.platform
            and make_date(years.year, 12, 31) >= thresholds.valid_from
            and make_date(years.year, 1, 1) <= coalesce(thresholds.valid_to, 'infinity'::date)
)

select * from final
