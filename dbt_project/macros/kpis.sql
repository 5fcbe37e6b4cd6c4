{#- The key figures of each month, of all channels together or of each. -#}
{% macro monthly_kpis(by_platform) -%}
with

orders as (
    select * from {{ ref('order') }}
),

months as (
    select month_start::date as month
    from generate_series(
        date_trunc('month', (select min(sold_on) from orders)::timestamp),
        date_trunc('month', greatest(
            (select max(sold_on) from orders), {{ business_today() }}
        )::timestamp),
        interval '1 month'
    ) as calendar (month_start)
    where exists (select 1 from orders)
),

{%- if by_platform %}

platforms as (
    select distinct platform from orders
),
{%- endif %}

by_month as (
    select
        months.month,
        {{- '\n        platforms.platform,' if by_platform }}
        count(orders.id) as order_count,
        count(orders.id) filter (where orders.is_sale) as sale_count,
        coalesce(sum(orders.quantity) filter (where orders.is_sale), 0) as sold_unit_count,
        count(orders.id) filter (
            where orders.status in ('failed_authentication', 'not_shipped', 'cancelled')
        ) as failed_count,
        count(orders.id) filter (where orders.status <> 'open') as decided_count,
        coalesce(sum(orders.gross_sale_eur), 0) as gross_sale_eur,
        coalesce(sum(orders.transaction_fee_eur), 0) as transaction_fee_eur,
        coalesce(sum(orders.processing_fee_eur), 0) as processing_fee_eur,
        coalesce(sum(orders.shipping_fee_eur), 0) as shipping_fee_eur,
        coalesce(sum(orders.other_fee_eur), 0) as other_fee_eur,
        -- A sale whose fees nobody told says nothing of the share that they take.
        sum(orders.gross_sale_eur) filter (where orders.net_payout_eur is not null)
            as told_gross_eur,
        coalesce(sum(orders.net_payout_eur), 0) as net_payout_eur,
        coalesce(sum(orders.penalty_eur), 0) as penalty_eur,
        sum(orders.cost_eur) filter (where orders.is_sale) as cost_eur,
        sum(orders.net_profit) as net_profit_eur,
        count(orders.id) filter (where orders.is_sale and orders.net_profit is not null)
            as costed_count,
        sum(orders.gross_sale_eur) filter (
            where orders.is_sale and orders.net_profit is not null
        ) as costed_gross_eur,
        sum(orders.gross_sale_eur - orders.vat_due_eur) filter (
            where orders.is_sale and orders.net_profit is not null
        ) as costed_net_eur,
        sum(orders.net_profit) filter (where orders.is_sale) as sale_profit_eur,
        sum(orders.cost_eur) filter (where orders.is_sale and orders.net_profit is not null)
            as profit_cost_eur
    from months
    {%- if by_platform %}
    cross join platforms
    {%- endif %}
    left join orders
        on
            months.month = date_trunc('month', orders.sold_on)::date
            {{- '\n            and platforms.platform = orders.platform' if by_platform }}
    group by months.month{{ ', platforms.platform' if by_platform }}
),

final as (
    select
        month,
        {{- '\n        platform,' if by_platform }}
        order_count,
        sale_count,
        sold_unit_count,
        gross_sale_eur::numeric(14, 2) as gross_sale_eur,
        transaction_fee_eur::numeric(14, 2) as transaction_fee_eur,
        processing_fee_eur::numeric(14, 2) as processing_fee_eur,
        shipping_fee_eur::numeric(14, 2) as shipping_fee_eur,
        other_fee_eur::numeric(14, 2) as other_fee_eur,
        net_payout_eur::numeric(14, 2) as net_payout_eur,
        penalty_eur::numeric(14, 2) as penalty_eur,
        cost_eur::numeric(14, 2) as cost_eur,
        net_profit_eur::numeric(14, 2) as net_profit_eur,
        {{ ratio('costed_count::numeric', 'sale_count') }} as cost_coverage_count,
        {{ ratio('costed_gross_eur', 'gross_sale_eur') }} as cost_coverage_value,
        {{ ratio(
            'transaction_fee_eur + processing_fee_eur + shipping_fee_eur + other_fee_eur',
            'told_gross_eur'
        ) }} as take_rate,
        {{ ratio('transaction_fee_eur + processing_fee_eur + other_fee_eur', 'told_gross_eur') }}
            as take_rate_without_shipping,
        -- Under the floor of cost coverage a margin would speak for a few sales only.
        (case
            when costed_gross_eur >= {{ var('cost_coverage_floor') }} * gross_sale_eur
                then {{ ratio('sale_profit_eur', 'costed_net_eur') }}
        end)::numeric(12, 4) as net_margin,
        (case
            when costed_gross_eur >= {{ var('cost_coverage_floor') }} * gross_sale_eur
                then {{ ratio('sale_profit_eur', 'profit_cost_eur') }}
        end)::numeric(12, 4) as roi,
        {{ ratio('failed_count::numeric', 'decided_count') }} as failed_sale_rate,
        {{ build_id() }} as build_id
    from by_month
)

select * from final
{%- endmacro %}
