{{ config(indexes=[{'columns': ['id'], 'unique': true}]) }}

with

purchases as (
    select * from {{ ref('purchase') }}
),

final as (
    select
        supplier_id as id,
        min(supplier_name) as name,
        count(*) as purchase_count,
        sum(line_count)::bigint as line_count,
        sum(unit_count)::bigint as unit_count,
        sum(landed_cost_eur)::numeric(14, 2) as landed_cost_eur,
        min(purchased_on) as first_purchased_on,
        max(purchased_on) as last_purchased_on,
        {{ build_id() }} as build_id
    from purchases
    group by supplier_id
)

select * from final
