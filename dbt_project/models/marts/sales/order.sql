{{ config(indexes=[
    {'columns': ['id'], 'unique': true},
    {'columns': ['platform', 'order_number'], 'unique': true},
    {'columns': ['stockx_order_number'], 'unique': true},
    {'columns': ['sold_on']},
    {'columns': ['product_id']},
    {'columns': ['inventory_item_id']},
]) }}

with

orders as (
    select * from {{ ref('int_sales__orders') }}
),

amounts as (
    select * from {{ ref('int_sales__order_amounts') }}
),

cost_matches as (
    select * from {{ ref('int_inventory__cost_matches') }}
),

units as (
    select * from {{ ref('int_inventory__units') }}
),

vat_rules as (
    select * from {{ ref('vat_rule') }}
),

costed as (
    select
        orders.*,
        amounts.units_per_eur,
        amounts.fee_source,
        amounts.is_payout_explained,
        amounts.gross_sale_eur,
        amounts.transaction_fee_eur,
        amounts.processing_fee_eur,
        amounts.shipping_fee_eur,
        amounts.other_fee_eur,
        amounts.penalty_eur,
        amounts.outbound_cost_eur,
        (
            amounts.gross_sale_eur - amounts.transaction_fee_eur - amounts.processing_fee_eur
            - amounts.shipping_fee_eur - amounts.other_fee_eur
        )::numeric(12, 2) as net_payout_eur,
        cost_matches.line_key,
        cost_matches.unit_no,
        cost_matches.match_method,
        case when orders.is_sale then units.cost_eur else 0 end as cost_eur,
        units.vat_scheme
    from orders
    inner join amounts
        on
            orders.platform = amounts.platform
            and orders.order_number = amounts.order_number
    left join cost_matches
        on
            orders.platform = cost_matches.platform
            and orders.order_number = cost_matches.order_number
            and orders.is_sale
    left join units
        on
            cost_matches.line_key = units.line_key
            and cost_matches.unit_no = units.unit_no
),

-- The channel's own rule before the rule for any channel.
regimes as (
    select distinct on (costed.platform, costed.order_number)
        costed.platform,
        costed.order_number,
        vat_rules.regime,
        vat_rules.vat_rate
    from costed
    inner join vat_rules
        on
            vat_rules.platform in (costed.platform, 'any')
            and vat_rules.purchase_vat_scheme in (costed.vat_scheme, 'any')
            and costed.sold_on >= vat_rules.valid_from
            and costed.sold_on <= coalesce(vat_rules.valid_to, 'infinity'::date)
    where costed.is_sale
    order by
        costed.platform asc,
        costed.order_number asc,
        (vat_rules.platform = 'any') asc,
        (vat_rules.purchase_vat_scheme = 'any') asc,
        vat_rules.valid_from desc
),

taxed as (
    select
        costed.*,
        regimes.regime as vat_regime,
        case
            when not costed.is_sale then 0
            else {{ vat_due(
                'regimes.regime', 'costed.gross_sale_eur', 'costed.cost_eur', 'regimes.vat_rate'
            ) }}
        end as vat_due_eur
    from costed
    left join regimes
        on
            costed.platform = regimes.platform
            and costed.order_number = regimes.order_number
),

profit as (
    select
        *,
        case when is_sale then (gross_sale_eur - cost_eur)::numeric(12, 2) else 0 end
            as gross_profit_eur,
        (
            net_payout_eur - cost_eur - outbound_cost_eur - vat_due_eur - penalty_eur
        )::numeric(12, 2) as net_profit_eur
    from taxed
),

final as (
    select
        {{ stable_id('order', ['platform', 'order_number']) }} as id,
        platform,
        order_number,
        case when platform = 'stockx' then order_number end as stockx_order_number,
        listing_id,
        {{ stable_id('stock', ['line_key', 'unit_no::text']) }} as inventory_item_id,
        {{ stable_id('product', ["'stockx'", 'product_key']) }} as product_id,
        {{ stable_id('variant', ["'stockx'", 'partner_variant_id']) }} as variant_id,
        partner_product_id,
        partner_variant_id,
        status,
        status_raw,
        is_sale,
        ordered_at,
        sold_on,
        returned_on,
        amount::numeric(12, 2) as amount,
        currency_code,
        units_per_eur as fx_units_per_eur,
        gross_sale_eur,
        transaction_fee_eur,
        processing_fee_eur,
        shipping_fee_eur,
        other_fee_eur,
        fee_source,
        penalty_eur,
        net_payout_eur,
        cost_eur::numeric(12, 2) as cost_eur,
        outbound_cost_eur,
        vat_regime,
        vat_due_eur::numeric(12, 2) as vat_due_eur,
        gross_profit_eur::numeric(12, 2) as gross_profit,
        net_profit_eur as net_profit,
        (case when is_sale then {{ ratio('net_profit_eur', 'cost_eur') }} end)::numeric(12, 4)
            as roi,
        case
            when not is_sale then 'not_a_sale'
            when units_per_eur is null then 'no_rate'
            when cost_eur is null then 'no_cost'
            when fee_source = 'unknown' then 'no_fees'
            when fee_source = 'expected' then 'estimated'
            when is_payout_explained then 'reconciled'
            else 'payout_seen'
        end as profit_state,
        match_method as cost_match_method,
        payload as raw_data,
        jsonb_build_object(
            'product_name', product_name,
            'style_id', style_id,
            'inventory_type', inventory_type,
            'payout_total', payout_total,
            'ship_by_at', ship_by_at,
            'source', payload_source
        ) as platform_specific_data,
        batch_id,
        {{ build_id() }} as build_id
    from profit
)

select * from final
