with

orders as (
    select * from {{ ref('order') }}
),

purchase_items as (
    select * from {{ ref('purchase_item') }}
),

transactions as (
    select * from {{ ref('transaction') }}
),

input_vat as (
    select
        purchase_item_id,
        sum(amount_eur) as vat_eur
    from transactions
    where kind = 'input vat'
    group by purchase_item_id
),

flows as (
    select
        date_trunc('month', sold_on)::date as month,
        'output'::text as direction,
        coalesce(vat_regime, 'unknown') as vat_regime,
        gross_sale_eur as gross_eur,
        vat_due_eur as vat_eur
    from orders
    where is_sale
    union all
    select
        date_trunc('month', purchase_items.purchased_on)::date as month,
        'input'::text as direction,
        purchase_items.vat_scheme as vat_regime,
        purchase_items.line_gross_eur as gross_eur,
        coalesce(input_vat.vat_eur, 0) as vat_eur
    from purchase_items
    left join input_vat on purchase_items.id = input_vat.purchase_item_id
),

final as (
    select
        month,
        direction,
        vat_regime,
        count(*) as line_count,
        count(*) filter (where vat_eur is null) as unknown_count,
        coalesce(sum(gross_eur), 0)::numeric(14, 2) as gross_eur,
        coalesce(sum(vat_eur), 0)::numeric(14, 2) as vat_eur,
        {{ build_id() }} as build_id
    from flows
    group by month, direction, vat_regime
)

select * from final
