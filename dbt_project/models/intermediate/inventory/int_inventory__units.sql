{{ config(indexes=[{'columns': ['line_key', 'unit_no'], 'unique': true}]) }}

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

-- The line's cents are split so that the units add up to the line again: the first take the rest.
shares as (
    select
        line_key,
        quantity,
        trunc(line_cost_eur / quantity, 2) as base_cost_eur,
        round((line_cost_eur - trunc(line_cost_eur / quantity, 2) * quantity) * 100)::integer
            as rest_cents
    from purchase_lines
),

units as (
    select
        purchases.line_key,
        unit.unit_no,
        purchases.unit_ref,
        purchases.supplier_name,
        purchases.purchase_ref,
        purchases.quantity as line_quantity,
        purchases.purchased_on,
        purchases.received_on,
        coalesce(purchases.received_on, purchases.purchased_on) as available_on,
        purchases.product_name,
        purchases.size_raw,
        purchases.vat_scheme,
        purchases.location,
        purchase_matches.platform,
        purchase_matches.partner_product_id,
        purchase_matches.partner_variant_id,
        purchase_matches.match_method,
        purchase_matches.size_key,
        (
            shares.base_cost_eur
            + case
                when unit.unit_no <= abs(shares.rest_cents) then sign(shares.rest_cents) * 0.01
                else 0
            end
        )::numeric(12, 2) as cost_eur,
        purchases.batch_id
    from purchases
    inner join shares on purchases.line_key = shares.line_key
    cross join lateral generate_series(1, purchases.quantity) as unit (unit_no)
    left join purchase_matches on purchases.line_key = purchase_matches.line_key
)

select * from units
