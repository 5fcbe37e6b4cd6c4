{{ config(
    materialized='materialized_view',
    contract={'enforced': false},
    indexes=[{'columns': ['supplier_id'], 'unique': true}],
) }}

with

suppliers as (
    select * from {{ ref('supplier') }}
),

stock as (
    select * from {{ ref('stock') }}
),

orders as (
    select * from {{ ref('order') }}
),

units as (
    select
        {{ stable_id('supplier', ['lower(stock.supplier_name)']) }} as supplier_id,
        stock.status,
        stock.is_sold,
        stock.is_on_hand,
        stock.cost_eur,
        stock.age_days,
        stock.received_on - stock.purchased_on as delivery_days,
        -- A sale of several pieces is shared by its units.
        orders.gross_sale_eur / orders.quantity as gross_sale_eur,
        orders.net_profit / orders.quantity as net_profit
    from stock
    left join orders on stock.sold_order_id = orders.id
),

by_supplier as (
    select
        supplier_id,
        count(*) as unit_count,
        count(*) filter (where status = 'incoming') as incoming_count,
        count(*) filter (where is_sold) as sold_count,
        percentile_cont(0.5) within group (order by delivery_days) as median_delivery_days,
        percentile_cont(0.5) within group (order by age_days) filter (where is_sold)
            as median_days_to_sell,
        sum(gross_sale_eur) as gross_sale_eur,
        sum(net_profit) as net_profit_eur,
        sum(cost_eur) filter (where net_profit is not null) as sold_cost_eur,
        sum(cost_eur) filter (where is_on_hand) as stock_cost_eur
    from units
    group by supplier_id
),

final as (
    select
        suppliers.id as supplier_id,
        suppliers.name as supplier_name,
        suppliers.purchase_count,
        coalesce(by_supplier.unit_count, 0) as unit_count,
        coalesce(by_supplier.incoming_count, 0) as incoming_count,
        coalesce(by_supplier.sold_count, 0) as sold_count,
        {{ ratio('by_supplier.sold_count', 'by_supplier.unit_count') }} as sell_through,
        suppliers.landed_cost_eur,
        by_supplier.stock_cost_eur::numeric(14, 2) as stock_cost_eur,
        by_supplier.gross_sale_eur::numeric(14, 2) as gross_sale_eur,
        by_supplier.net_profit_eur::numeric(14, 2) as net_profit_eur,
        {{ ratio('by_supplier.net_profit_eur', 'by_supplier.sold_cost_eur') }} as roi,
        by_supplier.median_delivery_days::numeric(12, 1) as median_delivery_days,
        by_supplier.median_days_to_sell::numeric(12, 1) as median_days_to_sell,
        suppliers.last_purchased_on,
        {{ build_id() }} as build_id
    from suppliers
    left join by_supplier on suppliers.id = by_supplier.supplier_id
)

select * from final
