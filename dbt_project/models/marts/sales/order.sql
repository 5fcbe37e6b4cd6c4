{{ config(indexes=[
    {'columns': ['id'], 'unique': true},
    {'columns': ['platform', 'order_number', 'order_line'], 'unique': true},
    {'columns': ['sold_on']},
    {'columns': ['product_id']},
    {'columns': ['inventory_item_id'], 'unique': true},
]) }}

with

orders as not materialized (
    select * from {{ ref('int_sales__orders') }}
),

amounts as not materialized (
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

-- What is sold at once is taxed piece by piece: each has its share of the price and its own cost.
-- A sale whose units are not known is one piece.
pieces as (
    select
        orders.order_key,
        orders.platform,
        orders.sold_on,
        cost_matches.piece_no,
        cost_matches.match_method,
        units.line_key,
        units.unit_no,
        units.cost_eur,
        units.vat_scheme,
        units.partner_product_id,
        units.partner_variant_id,
        trunc(amounts.gross_sale_eur / pieces.piece_count, 2) + case
            when
                cost_matches.piece_no <= 100 * (
                    amounts.gross_sale_eur
                    - trunc(amounts.gross_sale_eur / pieces.piece_count, 2) * pieces.piece_count
                )
                then 0.01
            else 0
        end as gross_sale_eur
    from orders
    inner join amounts on orders.order_key = amounts.order_key
    left join cost_matches on orders.order_key = cost_matches.order_key
    left join units
        on
            cost_matches.line_key = units.line_key
            and cost_matches.unit_no = units.unit_no
    cross join lateral (
        select case when cost_matches.piece_no is null then 1 else orders.quantity end
            as piece_count
    ) as pieces
    where orders.is_sale
),

-- A rule is looked for once for all pieces of a channel, a scheme and a day.
occasions as (
    select distinct
        platform,
        vat_scheme,
        sold_on
    from pieces
),

-- The channel's own rule before the rule for any channel.
regimes as (
    select distinct on (occasions.platform, occasions.vat_scheme, occasions.sold_on)
        occasions.platform,
        coalesce(occasions.vat_scheme, '') as vat_scheme,
        occasions.sold_on,
        vat_rules.regime,
        vat_rules.vat_rate
    from occasions
    inner join vat_rules
        on
            vat_rules.platform in (occasions.platform, 'any')
            and vat_rules.purchase_vat_scheme in (occasions.vat_scheme, 'any')
            and occasions.sold_on >= vat_rules.valid_from
            and occasions.sold_on <= coalesce(vat_rules.valid_to, 'infinity'::date)
    order by
        occasions.platform asc,
        occasions.vat_scheme asc,
        occasions.sold_on asc,
        (vat_rules.platform = 'any') asc,
        (vat_rules.purchase_vat_scheme = 'any') asc,
        vat_rules.valid_from desc
),

taxed_pieces as (
    select
        pieces.*,
        regimes.regime,
        {{ vat_due(
            'regimes.regime', 'pieces.gross_sale_eur', 'pieces.cost_eur', 'regimes.vat_rate'
        ) }} as vat_due_eur
    from pieces
    left join regimes
        on
            pieces.platform = regimes.platform
            and coalesce(pieces.vat_scheme, '') = regimes.vat_scheme
            and pieces.sold_on = regimes.sold_on
),

-- Without the cost of one piece the cost of the sale is not known; the pieces of a sale all have
-- units, or none has.
settled as (
    select
        order_key,
        case
            when count(regime) < count(*) then null
            when min(regime) = max(regime) then min(regime)
            else 'mixed'
        end as vat_regime,
        case
            when count(regime) = count(*) and count(vat_due_eur) = count(*) then sum(vat_due_eur)
        end as vat_due_eur,
        min(match_method) as match_method,
        case when count(cost_eur) = count(*) then sum(cost_eur) end as cost_eur,
        case when count(*) = 1 then min(line_key) end as line_key,
        case when count(*) = 1 then min(unit_no) end as unit_no,
        min(partner_product_id) as partner_product_id,
        min(partner_variant_id) as partner_variant_id
    from taxed_pieces
    group by order_key
),

taxed as (
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
        amounts.net_payout_eur,
        settled.line_key,
        settled.unit_no,
        settled.match_method,
        case when orders.is_sale then settled.cost_eur else 0 end as cost_eur,
        -- A sale that nothing but its unit tells of sold what the unit is.
        coalesce(orders.product_key, settled.partner_product_id) as sold_product_key,
        coalesce(
            orders.partner_variant_id,
            case when orders.product_key is null then settled.partner_variant_id end
        ) as sold_variant_id,
        settled.vat_regime,
        case when orders.is_sale then settled.vat_due_eur else 0 end as vat_due_eur
    from orders
    inner join amounts on orders.order_key = amounts.order_key
    left join settled on orders.order_key = settled.order_key
    {{ once_a_row() }}
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
    {{ once_a_row() }}
),

final as (
    select
        order_id as id,
        platform,
        order_number,
        order_line,
        string_to_array(sources, ' ') as sources,
        case when platform = 'stockx' then order_number end as stockx_order_number,
        listing_id,
        {{ stable_id('stock', ['line_key', 'unit_no::text']) }} as inventory_item_id,
        {{ stable_id('product', ["'stockx'", 'sold_product_key']) }} as product_id,
        {{ stable_id('variant', ["'stockx'", 'sold_variant_id']) }} as variant_id,
        case when product_key is null then sold_product_key else partner_product_id end
            as partner_product_id,
        sold_variant_id as partner_variant_id,
        quantity,
        status,
        status_raw,
        is_sale,
        ordered_at,
        sold_on,
        returned_on,
        paid_on,
        changed_at,
        settled_on,
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
        case payload_source
            when 'detail' then 'raw_stockx.order_details'
            when 'list' then 'raw_' || platform || '.orders'
            when 'report' then 'raw_csv.' || platform || '_report'
            when 'file' then 'raw_csv.sales'
        end as raw_table,
        raw_key,
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
