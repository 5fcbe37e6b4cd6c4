{{ config(indexes=[{'columns': ['order_key'], 'unique': true}]) }}

with

orders as not materialized (
    select * from {{ ref('int_sales__orders') }}
),

fee_rules as (
    select * from {{ ref('fee_rule') }}
),

products as not materialized (
    select * from {{ ref('int_catalog__products') }}
),

votes as (
    select
        platform,
        date_trunc('quarter', sold_on)::date as quarter_start,
        transaction_fee_rate,
        count(*) as vote_count,
        sum(count(*)) over (partition by platform, date_trunc('quarter', sold_on)) as quarter_count
    from orders
    where transaction_fee_rate > 0
    group by platform, date_trunc('quarter', sold_on), transaction_fee_rate
),

-- A level holds for a quarter: what most of its sales name, where there are enough to tell.
quarter_rates as (
    select
        platform,
        quarter_start,
        transaction_fee_rate
    from votes
    where quarter_count >= 3 and vote_count * 2 > quarter_count
),

last_rates as (
    select distinct on (platform)
        platform,
        transaction_fee_rate
    from orders
    where transaction_fee_rate > 0
    order by platform asc, ordered_at desc, order_number desc
),

labelled as (
    select
        orders.order_key,
        orders.platform,
        orders.amount,
        orders.currency_code,
        orders.sold_on,
        -- A fee that is no share of the price states a rate of zero, which tells no level.
        nullif(orders.transaction_fee_rate, 0) as stated_rate,
        coalesce(products.category, 'any') as label
    from orders
    left join products on orders.product_key = products.product_key
    where orders.amount is not null
),

-- A rule is looked for once for all sales of a day that it may be for.
occasions as (
    select distinct
        platform,
        currency_code,
        label,
        sold_on
    from labelled
),

-- A category's own rule before the rule for any; the levels differ in their rate alone.
rules_of_day as (
    select distinct on (
        occasions.platform, occasions.currency_code, occasions.label, occasions.sold_on
    )
        occasions.*,
        fee_rules.category,
        fee_rules.valid_from,
        fee_rules.transaction_fee_rate as first_rate,
        fee_rules.processing_fee_rate,
        fee_rules.minimum_fee,
        fee_rules.shipping_fee
    from occasions
    inner join fee_rules
        on
            occasions.platform = fee_rules.platform
            and occasions.currency_code = fee_rules.currency_code
            and fee_rules.seller_level = 1
            and fee_rules.category in ('any', occasions.label)
            and occasions.sold_on >= fee_rules.valid_from
            and occasions.sold_on <= coalesce(fee_rules.valid_to, 'infinity'::date)
    order by
        occasions.platform asc,
        occasions.currency_code asc,
        occasions.label asc,
        occasions.sold_on asc,
        (fee_rules.category = 'any') asc
),

rules as (
    select
        labelled.order_key,
        labelled.amount,
        labelled.stated_rate,
        rules_of_day.*
    from labelled
    inner join rules_of_day
        on
            labelled.platform = rules_of_day.platform
            and labelled.currency_code = rules_of_day.currency_code
            and labelled.label = rules_of_day.label
            and labelled.sold_on = rules_of_day.sold_on
),

rated as (
    select
        rules.*,
        case
            when quarter_rates.transaction_fee_rate is not null then 'quarter'
            when rules.stated_rate is not null then 'order'
            when last_rates.transaction_fee_rate is not null then 'last'
            else 'first'
        end as level_source,
        coalesce(
            quarter_rates.transaction_fee_rate,
            rules.stated_rate,
            last_rates.transaction_fee_rate,
            rules.first_rate
        ) as transaction_fee_rate
    from rules
    left join quarter_rates
        on
            rules.platform = quarter_rates.platform
            and date_trunc('quarter', rules.sold_on) = quarter_rates.quarter_start
    left join last_rates on rules.platform = last_rates.platform
    {{ once_a_row() }}
),

final as (
    select
        rated.order_key,
        levels.seller_level,
        rated.level_source,
        rated.transaction_fee_rate,
        rated.category,
        rated.valid_from,
        rated.minimum_fee,
        {{ expected_fee('rated.amount', 'rated.transaction_fee_rate', 'rated.minimum_fee') }}
            as transaction_fee,
        round(rated.amount * rated.processing_fee_rate, 2) as processing_fee,
        coalesce(rated.shipping_fee, 0) as shipping_fee
    from rated
    left join fee_rules as levels
        on
            rated.platform = levels.platform
            and rated.currency_code = levels.currency_code
            and rated.category = levels.category
            and rated.valid_from = levels.valid_from
            and rated.transaction_fee_rate = levels.transaction_fee_rate
)

select * from final
