with

orders as (
    select * from {{ ref('order') }}
),

reconciliations as (
    select * from {{ ref('payout_reconciliation') }}
),

steps as (
    select * from {{ ref('seller_level_step') }}
),

fee_rules as (
    select * from {{ ref('fee_rule') }}
),

days as (
    select
        today,
        date_trunc('quarter', today)::date as quarter_start
    from (select {{ business_today() }} as today) as clock
),

levels as (
    select
        steps.*,
        fee_rules.transaction_fee_rate
    from steps
    cross join days
    inner join fee_rules
        on
            steps.platform = fee_rules.platform
            and steps.seller_level = fee_rules.seller_level
            and steps.currency_code = fee_rules.currency_code
            and fee_rules.category = 'any'
            and days.today >= fee_rules.valid_from
            and days.today <= coalesce(fee_rules.valid_to, 'infinity'::date)
    where
        days.today >= steps.valid_from
        and days.today <= coalesce(steps.valid_to, 'infinity'::date)
),

-- The level that the newest sale with a known one was charged at.
charged_last as (
    select distinct on (platform)
        platform,
        seller_level
    from reconciliations
    where level_source in ('quarter', 'order') and seller_level is not null
    order by platform asc, sold_on desc, order_number desc
),

sold as (
    select
        orders.platform,
        count(*) filter (where orders.sold_on >= days.quarter_start) as this_quarter_count,
        count(*) filter (where orders.sold_on < days.quarter_start) as last_quarter_count,
        sum(orders.gross_sale_eur) filter (where orders.sold_on >= days.quarter_start)
            as this_quarter_eur,
        sum(orders.gross_sale_eur) filter (where orders.sold_on < days.quarter_start)
            as last_quarter_eur
    from orders
    inner join days on orders.sold_on >= days.quarter_start - interval '3 months'
    where orders.is_sale
    group by orders.platform
),

-- Either of the two steps is enough for a level.
final as (
    select
        levels.platform,
        levels.seller_level,
        levels.transaction_fee_rate,
        coalesce(levels.seller_level = charged_last.seller_level, false) as is_charged_now,
        levels.sales_needed,
        levels.volume_needed,
        levels.currency_code,
        coalesce(sold.this_quarter_count, 0) as this_quarter_count,
        coalesce(sold.this_quarter_eur, 0)::numeric(14, 2) as this_quarter_eur,
        coalesce(sold.last_quarter_count, 0) as last_quarter_count,
        coalesce(sold.last_quarter_eur, 0)::numeric(14, 2) as last_quarter_eur,
        greatest(0, levels.sales_needed - coalesce(sold.this_quarter_count, 0)) as sales_to_go,
        greatest(0, levels.volume_needed - coalesce(sold.this_quarter_eur, 0))::numeric(14, 2)
            as volume_to_go,
        coalesce(sold.this_quarter_count, 0) >= levels.sales_needed
        or coalesce(sold.this_quarter_eur, 0) >= levels.volume_needed as is_reached,
        (days.quarter_start + interval '3 months')::date - days.today as days_left,
        levels.evidence,
        {{ build_id() }} as build_id
    from levels
    cross join days
    left join sold on levels.platform = sold.platform
    left join charged_last on levels.platform = charged_last.platform
)

select * from final
