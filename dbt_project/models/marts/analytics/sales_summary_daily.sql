{{ config(
    materialized='materialized_view',
    contract={'enforced': false},
    indexes=[{'columns': ['sold_on'], 'unique': true}],
) }}

with

figures as (
    select * from {{ ref('kpi') }}
    where dimension = 'all' and period = 'day'
),

final as (
    select
        period_start as sold_on,
        order_count,
        sale_count,
        gross_sale_eur,
        (transaction_fee_eur + processing_fee_eur + shipping_fee_eur + other_fee_eur)
        ::numeric(14, 2) as fees_eur,
        net_payout_eur,
        penalty_eur,
        cost_eur,
        net_profit_eur,
        costed_sale_count,
        {{ build_id() }} as build_id
    from figures
)

select * from final
