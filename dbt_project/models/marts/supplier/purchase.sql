{{ config(indexes=[
    {'columns': ['id'], 'unique': true},
    {'columns': ['supplier_id']},
]) }}

with

purchases as (
    select * from {{ ref('int_inventory__purchases') }}
),

purchase_lines as (
    select * from {{ ref('int_inventory__purchase_lines') }}
),

final as (
    select
        {{ stable_id('purchase', ['lower(purchases.supplier_name)', 'purchases.purchase_ref']) }}
            as id,
        {{ stable_id('supplier', ['lower(purchases.supplier_name)']) }} as supplier_id,
        min(purchases.supplier_name) as supplier_name,
        purchases.purchase_ref,
        min(purchases.purchased_on) as purchased_on,
        case when bool_and(purchases.received_on is not null) then max(purchases.received_on) end
            as received_on,
        count(*) as line_count,
        sum(purchases.quantity) as unit_count,
        sum(purchase_lines.gross_total_eur)::numeric(12, 2) as gross_total_eur,
        sum(purchase_lines.line_cost_eur)::numeric(12, 2) as landed_cost_eur,
        {{ build_id() }} as build_id
    from purchases
    inner join purchase_lines on purchases.line_key = purchase_lines.line_key
    group by lower(purchases.supplier_name), purchases.purchase_ref
)

select * from final
