with

stock as (
    select * from {{ ref('stock') }}
),

orders as (
    select * from {{ ref('order') }}
    where is_sale
),

units as (
    select
        stock.supplier_name,
        date_trunc('month', stock.purchased_on)::date as purchase_month,
        stock.sold_order_id is not null as is_sold,
        stock.status <> 'lost' and stock.sold_order_id is null as is_left,
        stock.cost_eur,
        stock.age_days,
        -- A sale of several pieces is shared by its units.
        orders.gross_sale_eur / orders.quantity as gross_sale_eur,
        orders.net_profit / orders.quantity as net_profit
    from stock
    left join orders on stock.sold_order_id = orders.id
),

by_month as (
    select
        lower(supplier_name) as supplier_key,
        min(supplier_name) as supplier_name,
        purchase_month,
        count(*) as unit_count,
        sum(cost_eur) as landed_cost_eur,
        count(*) filter (where is_sold) as sold_count,
        count(*) filter (where is_sold and age_days <= 30) as sold_in_30_days_count,
        sum(gross_sale_eur) as gross_sale_eur,
        sum(net_profit) as net_profit_eur,
        count(net_profit) as profit_count,
        sum(cost_eur) filter (where net_profit is not null) as profit_cost_eur,
        sum(cost_eur) filter (where is_left) as stock_cost_eur,
        sum(age_days * cost_eur) filter (where is_sold and net_profit is not null) as cost_days
    from units
    group by lower(supplier_name), purchase_month
),

final as (
    select
        {{ stable_id('supplier', ['supplier_key']) }} as supplier_id,
        supplier_name,
        purchase_month,
        unit_count,
        landed_cost_eur::numeric(14, 2) as landed_cost_eur,
        sold_count,
        sold_in_30_days_count,
        {{ ratio('sold_count', 'unit_count') }} as sell_through,
        gross_sale_eur::numeric(14, 2) as gross_sale_eur,
        net_profit_eur::numeric(14, 2) as net_profit_eur,
        {{ ratio('profit_count', 'sold_count') }} as profit_coverage,
        {{ ratio('net_profit_eur', 'profit_cost_eur') }} as roi,
        round(cost_days / nullif(profit_cost_eur, 0), 1)::numeric(12, 1) as mean_holding_days,
        stock_cost_eur::numeric(14, 2) as stock_cost_eur,
        {{ build_id() }} as build_id
    from by_month
)

select * from final
