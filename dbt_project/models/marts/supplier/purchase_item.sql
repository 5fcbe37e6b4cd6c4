{{ config(indexes=[
    {'columns': ['id'], 'unique': true},
    {'columns': ['purchase_id']},
    {'columns': ['product_id']},
]) }}

with

purchases as (
    select * from {{ ref('int_inventory__purchases') }}
),

purchase_lines as (
    select * from {{ ref('int_inventory__purchase_lines') }}
),

purchase_matches as (
    select * from {{ source('enrichment', 'purchase_match') }}
),

final as (
    select
        {{ stable_id('purchase_item', ['purchases.line_key']) }} as id,
        {{ stable_id('purchase', ['lower(purchases.supplier_name)', 'purchases.purchase_ref']) }}
            as purchase_id,
        {{ stable_id('supplier', ['lower(purchases.supplier_name)']) }} as supplier_id,
        purchases.line_key,
        purchases.line_no,
        {{ stable_id('product', [
            'purchase_matches.platform', 'purchase_matches.partner_product_id'
        ]) }} as product_id,
        {{ stable_id('variant', [
            'purchase_matches.platform', 'purchase_matches.partner_variant_id'
        ]) }} as variant_id,
        purchases.product_name,
        purchases.style_code_raw,
        purchases.size_raw,
        purchases.purchased_on,
        purchases.received_on,
        purchases.quantity,
        purchases.unit_price,
        purchases.shipping_total,
        purchases.cashback_total,
        purchases.currency_code,
        purchases.vat_rate,
        purchases.vat_scheme,
        purchase_lines.units_per_eur as fx_units_per_eur,
        purchase_lines.gross_total_eur as line_gross_eur,
        purchase_lines.line_cost_eur,
        coalesce(purchase_matches.match_method, 'not tried') as match_method,
        purchases.batch_id,
        {{ build_id() }} as build_id
    from purchases
    inner join purchase_lines on purchases.line_key = purchase_lines.line_key
    left join purchase_matches on purchases.line_key = purchase_matches.line_key
)

select * from final
