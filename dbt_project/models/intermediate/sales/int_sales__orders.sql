-- depends_on: {{ source('history', 'order_status') }}
{{ config(
    indexes=[
        {'columns': ['order_key'], 'unique': true},
        {'columns': ['platform', 'order_number']},
    ],
    post_hook="{{ keep_order_status(this) }}",
) }}

{%- set doors = ['api', 'report', 'sheet'] %}
{#- What belongs together comes from one door: an amount with its currency, a size with its product,
    each fee with the payout. #}
{%- set grouped = [
    'amount', 'currency_code', 'has_stated_fees', 'payout_total', 'adjustments_total',
    'transaction_fee', 'processing_fee', 'shipping_fee', 'other_fee', 'transaction_fee_rate',
    'shipping_credit', 'promotion', 'refund', 'paid_total', 'paid_currency_code', 'product_id',
    'variant_id'
] %}

with

-- Read once a door: rows of three doors meet in hashes of the small ones, and wait nowhere.
sources as not materialized (
    select
        *,
        coalesce(partner_product_id, matched_product_id) as product_id,
        coalesce(partner_variant_id, matched_variant_id) as variant_id
    from {{ ref('int_sales__order_sources') }}
    where not is_superseded
),

api as (
    select * from sources
    where source = 'api'
),

report as (
    select * from sources
    where source = 'report'
),

sheet as (
    select * from sources
    where source = 'sheet'
),

-- The same sale from several doors is one sale: each field from the door that knows most of it.
joined as (
    select
        {%- for column in [
            'order_key', 'platform', 'order_number', 'order_line', 'listing_id', 'product_name',
            'style_id', 'status_raw', 'status', 'is_to_ship', 'ordered_at', 'sold_on',
            'ship_by_at', 'inventory_type', 'payload_source', 'raw_key', 'batch_id'
        ] %}
        {{ of_first_door(column) }} as {{ column }},
        {%- endfor %}
        coalesce(api.quantity, report.quantity, 1) as quantity,
        api.returned_on,
        api.changed_at,
        coalesce(report.paid_on, api.paid_on) as paid_on,
        coalesce(api.penalty, 0) as penalty,
        coalesce(sheet.outbound_cost, 0) as outbound_cost,
        sheet.currency_code as outbound_currency_code,
        api.ebay_item_id,
        concat_ws(' ', api.source, report.source, sheet.source) as sources,
        {%- for door in doors %}
        {%- for column in grouped %}
        {{ door }}.{{ column }} as {{ door }}_{{ column }},
        {%- endfor %}
        {%- endfor %}
        case
            when api.variant_id is not null then 'api'
            when report.variant_id is not null then 'report'
            when sheet.variant_id is not null then 'sheet'
            when api.product_id is not null then 'api'
            when report.product_id is not null then 'report'
            when sheet.product_id is not null then 'sheet'
        end as product_door,
        case
            when api.amount is not null then 'api'
            when report.amount is not null then 'report'
            when sheet.amount is not null then 'sheet'
            else coalesce(api.source, report.source, sheet.source)
        end as price_door
    from api
    full outer join report on api.order_key = report.order_key
    full outer join sheet on coalesce(api.order_key, report.order_key) = sheet.order_key
    {{ once_a_row() }}
),

priced as (
    select
        *,
        {{ of_door('price_door', 'amount') }} as amount,
        {{ of_door('price_door', 'currency_code') }} as currency_code
    from joined
),

with_fee_door as (
    select
        *,
        case
            when api_has_stated_fees then 'api'
            when report_has_stated_fees and report_currency_code = currency_code then 'report'
            when sheet_has_stated_fees and sheet_currency_code = currency_code then 'sheet'
            else price_door
        end as fee_door
    from priced
    {{ once_a_row() }}
),

unified as (
    select
        order_key,
        platform,
        order_number,
        order_line,
        sources,
        listing_id,
        {{ of_door('product_door', 'product_id') }} as partner_product_id,
        {{ of_door('product_door', 'variant_id') }} as partner_variant_id,
        product_name,
        style_id,
        quantity,
        status_raw,
        status,
        status in ('open', 'completed', 'unknown') as is_sale,
        is_to_ship,
        ordered_at,
        sold_on,
        -- A unit cannot be back before the day after its sale.
        case when returned_on is not null then greatest(returned_on, sold_on + 1) end
            as returned_on,
        amount,
        currency_code,
        coalesce({{ of_door('fee_door', 'has_stated_fees') }}, false) as has_stated_fees,
        {{ of_door('fee_door', 'payout_total') }} as payout_total,
        {{ of_door('fee_door', 'adjustments_total') }} as adjustments_total,
        coalesce({{ of_door('fee_door', 'transaction_fee') }}, 0) as transaction_fee,
        coalesce({{ of_door('fee_door', 'processing_fee') }}, 0) as processing_fee,
        coalesce({{ of_door('fee_door', 'shipping_fee') }}, 0) as shipping_fee,
        coalesce({{ of_door('fee_door', 'other_fee') }}, 0) as named_other_fee,
        {{ of_door('fee_door', 'transaction_fee_rate') }} as transaction_fee_rate,
        {%- for column in ['shipping_credit', 'promotion', 'refund'] %}
        coalesce({{ of_door('fee_door', column) }}, 0) as {{ column }},
        {%- endfor %}
        {{ of_door('fee_door', 'paid_total') }} as paid_total,
        {{ of_door('fee_door', 'paid_currency_code') }} as paid_currency_code,
        case when paid_on is not null then greatest(paid_on, sold_on) end as paid_on,
        changed_at,
        penalty,
        outbound_cost,
        coalesce(outbound_currency_code, currency_code) as outbound_currency_code,
        ship_by_at,
        inventory_type,
        ebay_item_id,
        payload_source,
        raw_key,
        batch_id
    from with_fee_door
    {{ once_a_row() }}
),

-- What a payout lacks and no line names is an other fee, so that the net payout is what was paid.
with_all_fees as (
    select
        *,
        case
            when is_sale and has_stated_fees and payout_total is not null and amount is not null
                then
                    amount - transaction_fee - processing_fee - shipping_fee - penalty
                    - payout_total
            else named_other_fee
        end as other_fee
    from unified
    {{ once_a_row() }}
),

-- StockX's own order is a product even where it has no id; what others sell is one if it was found.
with_product as (
    select
        *,
        {{ stable_id('order', ['order_key']) }} as order_id,
        greatest(sold_on, coalesce(paid_on, {{ berlin_day('changed_at') }})) as settled_on,
        case
            when platform = 'stockx' and sources like 'api%'
                then {{ product_key('partner_product_id', 'product_name') }}
            else partner_product_id
        end as product_key
    from with_all_fees
)

select * from with_product
