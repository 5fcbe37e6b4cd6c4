{{ config(indexes=[
    {'columns': ['id'], 'unique': true},
    {'columns': ['product_id']},
]) }}

with

purchase_items as (
    select * from {{ ref('purchase_item') }}
),

stock as (
    select * from {{ ref('stock') }}
),

units_of_lot as (
    select
        line_key,
        min(supplier_name) as supplier_name,
        min(location) as location,
        min(available_on) as available_on,
        count(*) filter (where is_on_hand) as remaining_count,
        count(*) filter (where is_sold) as sold_count,
        count(*) filter (where lost_on is not null) as lost_count,
        sum(cost_eur) filter (where is_on_hand) as remaining_cost_eur,
        min(sold_on) as first_sold_on,
        max(sold_on) as last_sold_on
    from stock
    group by line_key
),

final as (
    select
        {{ stable_id('lot', ['purchase_items.line_key']) }} as id,
        purchase_items.id as purchase_item_id,
        purchase_items.purchase_id,
        purchase_items.supplier_id,
        units_of_lot.supplier_name,
        purchase_items.line_key,
        purchase_items.product_id,
        purchase_items.variant_id,
        purchase_items.product_name,
        purchase_items.size_raw,
        purchase_items.purchased_on,
        purchase_items.received_on,
        units_of_lot.available_on,
        units_of_lot.location,
        purchase_items.vat_scheme,
        purchase_items.quantity,
        round(purchase_items.line_cost_eur / purchase_items.quantity, 2)::numeric(12, 2)
            as unit_cost_eur,
        purchase_items.line_cost_eur as lot_cost_eur,
        units_of_lot.remaining_count::integer as remaining_count,
        units_of_lot.sold_count::integer as sold_count,
        units_of_lot.lost_count::integer as lost_count,
        case when units_of_lot.remaining_count = 0 then 0 else units_of_lot.remaining_cost_eur end
        ::numeric(12, 2) as remaining_cost_eur,
        units_of_lot.first_sold_on,
        units_of_lot.last_sold_on,
        purchase_items.batch_id,
        {{ build_id() }} as build_id
    from purchase_items
    inner join units_of_lot on purchase_items.line_key = units_of_lot.line_key
)

select * from final
