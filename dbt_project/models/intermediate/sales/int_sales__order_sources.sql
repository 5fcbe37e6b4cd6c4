{{ config(indexes=[{'columns': ['order_key', 'source'], 'unique': true}]) }}

with

stockx_orders as (
    select * from {{ ref('int_sales__stockx_orders') }}
),

order_fees as (
    select * from {{ ref('int_finance__order_fees') }}
),

ebay_lines as (
    select * from {{ ref('int_sales__ebay_lines') }}
),

alias_orders as (
    select * from {{ ref('stg_alias__orders') }}
),

stockx_report as (
    select * from {{ ref('int_sales__stockx_report') }}
),

ebay_report as (
    select * from {{ ref('stg_csv__ebay_report') }}
),

alias_report as (
    select * from {{ ref('stg_csv__alias_report') }}
),

sheet as (
    select * from {{ ref('stg_csv__sales') }}
),

order_status as (
    select * from {{ ref('order_status') }}
),

sale_matches as (
    select * from {{ source('enrichment', 'sale_match') }}
),

stockx_api as (
    select {{ door_columns('api', "'stockx'", {
        'order_number': 'orders.order_number',
        'listing_id': 'orders.listing_id',
        'partner_product_id': our_product('orders'),
        'partner_variant_id': our_variant('orders'),
        'product_name': 'orders.product_name',
        'style_id': 'orders.style_id',
        'status_raw': 'orders.status_raw',
        'status': "coalesce(order_status.status, 'unknown')",
        'is_to_ship': 'coalesce(order_status.is_to_ship, false)',
        'ordered_at': 'orders.ordered_at',
        'sold_on': 'orders.ordered_on',
        'returned_on': "case when order_status.status = 'returned' then "
            ~ berlin_day('orders.source_updated_at') ~ " end",
        'amount': 'orders.sale_price',
        'currency_code': 'orders.currency_code',
        'has_stated_fees': 'orders.has_payout and orders.is_paid_in_its_currency',
        'payout_total': 'case when orders.is_paid_in_its_currency then orders.payout_total end',
        'paid_total': 'orders.payout_total',
        'paid_currency_code': 'coalesce(orders.payout_currency_code, orders.currency_code)',
        'paid_on': "case when order_status.status in ('completed', 'not_shipped')"
            ~ " and orders.has_payout then "
            ~ berlin_day('orders.source_updated_at') ~ " end",
        'changed_at': 'orders.source_updated_at',
        'adjustments_total': 'order_fees.adjustments_total',
        'transaction_fee': 'order_fees.transaction_fee',
        'processing_fee': 'order_fees.processing_fee',
        'shipping_fee': 'order_fees.shipping_fee',
        'other_fee': 'order_fees.other_fee',
        'transaction_fee_rate': 'order_fees.transaction_fee_rate',
        'shipping_credit': 'order_fees.shipping_credit',
        'promotion': 'order_fees.promotion',
        'refund': 'order_fees.refund',
        'penalty': 'order_fees.penalty',
        'ship_by_at': 'orders.ship_by_at',
        'inventory_type': 'orders.inventory_type',
        'payload_source': 'orders.payload_source',
        'raw_key': 'orders.order_number',
        'batch_id': 'orders.batch_id'
    }) }}
    from (
        select
            *,
            coalesce(payout_currency_code = currency_code, true) as is_paid_in_its_currency
        from stockx_orders
    ) as orders
    -- Lines in another currency are no fees of this price.
    left join order_fees
        on orders.order_number = order_fees.order_number and orders.is_paid_in_its_currency
    left join order_status
        on
            order_status.platform = 'stockx'
            and upper(btrim(orders.status_raw)) = order_status.status_raw
    {{ join_identity('orders') }}
),

-- eBay has no word for a sale's state: it follows from three fields.
ebay_states as (
    select
        *,
        upper(cancel_state_raw) as cancel_state,
        upper(payment_status_raw) as payment_status,
        upper(fulfilment_status_raw) as fulfilment_status
    from ebay_lines
),

ebay_statuses as (
    select
        *,
        case
            when cancel_state = 'CANCELED' or payment_status = 'FAILED' then 'cancelled'
            when payment_status = 'FULLY_REFUNDED' then 'returned'
            when payment_status is null
                or payment_status not in ('PAID', 'PARTIALLY_REFUNDED', 'PENDING')
                or fulfilment_status is null
                or fulfilment_status not in ('NOT_STARTED', 'IN_PROGRESS', 'FULFILLED')
                then 'unknown'
            when fulfilment_status = 'FULFILLED' and payment_status <> 'PENDING' then 'completed'
            else 'open'
        end as status
    from ebay_states
),

ebay_api as (
    select {{ door_columns('api', "'ebay'", {
        'order_number': 'order_id',
        'door_line': 'line_item_id',
        'order_line': 'line_item_id',
        'product_name': 'product_name',
        'style_id': 'sku',
        'quantity': 'quantity',
        'status_raw': "concat_ws(' ', fulfilment_status_raw, payment_status_raw, cancel_state_raw)",
        'status': 'status',
        'is_to_ship': "status = 'open' and payment_status <> 'PENDING'",
        'ordered_at': 'ordered_at',
        'sold_on': 'ordered_on',
        'returned_on': "case when status = 'returned' then " ~ berlin_day('source_updated_at')
            ~ " end",
        'amount': 'line_amount + delivery_amount',
        'currency_code': 'currency_code',
        'has_stated_fees': 'fee_amount is not null',
        'payout_total': 'due_amount',
        'adjustments_total': '-fee_amount - refund_amount',
        'transaction_fee': 'fee_amount',
        'other_fee': 'refund_amount',
        'refund': 'refund_amount',
        'paid_total': 'due_amount',
        'paid_currency_code': 'currency_code',
        'paid_on': "case when status = 'completed' then " ~ berlin_day('source_updated_at')
            ~ " end",
        'changed_at': 'source_updated_at',
        'ship_by_at': 'ship_by_at',
        'ebay_item_id': 'legacy_item_id',
        'payload_source': "'list'",
        'raw_key': 'order_id',
        'batch_id': 'batch_id'
    }) }}
    from ebay_statuses
),

alias_api as (
    select {{ door_columns('api', "'alias'", {
        'order_number': 'orders.order_number',
        'listing_id': 'orders.listing_id',
        'product_name': 'orders.product_name',
        'style_id': 'orders.style_code_raw',
        'status_raw': 'orders.status_raw',
        'status': "coalesce(order_status.status, 'unknown')",
        'is_to_ship': 'coalesce(order_status.is_to_ship, false)',
        'ordered_at': 'orders.ordered_at',
        'sold_on': 'orders.ordered_on',
        'amount': 'orders.sale_price',
        'currency_code': 'orders.currency_code',
        'has_stated_fees': 'orders.payout_total is not null',
        'payout_total': 'orders.payout_total',
        'adjustments_total': 'orders.payout_total - orders.sale_price',
        'transaction_fee': 'orders.sale_price - orders.payout_total',
        'paid_total': 'orders.payout_total',
        'paid_currency_code': 'orders.currency_code',
        'paid_on': "case when order_status.status = 'completed' then "
            ~ berlin_day('orders.source_updated_at') ~ " end",
        'changed_at': 'orders.source_updated_at',
        'ship_by_at': 'orders.ship_by_at',
        'payload_source': "'list'",
        'raw_key': 'orders.order_id',
        'batch_id': 'orders.batch_id'
    }) }}
    from alias_orders as orders
    left join order_status
        on
            order_status.platform = 'alias'
            and upper(btrim(orders.status_raw)) = order_status.status_raw
),

stockx_reported as (
    select {{ door_columns('report', "'stockx'", {
        'order_number': 'order_number',
        'product_name': 'coalesce(product_name, sku_name)',
        'style_id': 'style_code_raw',
        'quantity': 'quantity',
        'status': "'completed'",
        'ordered_at': 'sold_at',
        'sold_on': 'sold_on',
        'amount': 'sale_price',
        'currency_code': 'currency_code',
        'has_stated_fees': 'payout_total is not null',
        'payout_total': 'payout_total',
        'adjustments_total': 'payout_total - sale_price',
        'transaction_fee': 'transaction_fee',
        'processing_fee': 'processing_fee',
        'shipping_fee': 'shipping_fee',
        'paid_total': 'payout_total',
        'paid_currency_code': 'currency_code',
        'paid_on': berlin_day('paid_out_at'),
        'payload_source': "'report'",
        'raw_key': 'order_number',
        'batch_id': 'batch_id'
    }) }}
    from stockx_report
),

-- A report names a line by its transaction or its item, or not at all where there is but one.
ebay_candidates as (
    select
        ebay_report.line_key,
        lines.order_id,
        lines.line_item_id,
        case
            when lines.line_item_id = ebay_report.line_id then 1
            when lines.legacy_item_id = ebay_report.line_id then 2
            when lines.line_count = 1 then 3
        end as distance
    from ebay_report
    inner join (
        select
            *,
            count(*) over (partition by order_id) as line_count
        from ebay_lines
    ) as lines on ebay_report.order_number = lines.order_id
),

ebay_nearest as (
    select distinct on (line_key)
        line_key,
        order_id,
        line_item_id,
        distance
    from ebay_candidates
    order by line_key asc, distance asc nulls last, line_item_id asc
),

ebay_places as (
    select
        *,
        distance is null or row_number() over (
            partition by order_id, line_item_id
            order by distance nulls last, line_key
        ) > 1 as is_superseded
    from ebay_nearest
),

ebay_reported as (
    select {{ door_columns('report', "'ebay'", {
        'order_number': 'ebay_report.order_number',
        'door_line': 'ebay_report.line_id',
        'order_line': 'case when ebay_places.is_superseded is false then ebay_places.line_item_id'
            ~ ' else ebay_report.line_id end',
        'is_superseded': 'coalesce(ebay_places.is_superseded, false)',
        'product_name': 'ebay_report.product_name',
        'style_id': 'ebay_report.sku',
        'quantity': 'ebay_report.quantity',
        'status': "case when ebay_report.paid_on is null then 'open' else 'completed' end",
        'ordered_at': "ebay_report.sold_on::timestamp at time zone 'Europe/Berlin'",
        'sold_on': 'ebay_report.sold_on',
        'amount': 'coalesce('
            ~ 'ebay_report.unit_price * ebay_report.quantity'
            ~ ' + coalesce(ebay_report.shipping_charged, 0), ebay_report.total_price)',
        'currency_code': 'ebay_report.currency_code',
        'payload_source': "'report'",
        'raw_key': 'ebay_report.line_key',
        'batch_id': 'ebay_report.batch_id'
    }) }}
    from ebay_report
    left join ebay_places on ebay_report.line_key = ebay_places.line_key
),

alias_reported as (
    select {{ door_columns('report', "'alias'", {
        'order_number': 'order_number',
        'product_name': 'product_name',
        'style_id': 'style_code_raw',
        'status': "case when credited_on is null then 'open' else 'completed' end",
        'ordered_at': "coalesce(sold_on, credited_on)::timestamp at time zone 'Europe/Berlin'",
        'sold_on': 'coalesce(sold_on, credited_on)',
        'amount': 'sale_price',
        'currency_code': 'currency_code',
        'payload_source': "'report'",
        'raw_key': 'order_number',
        'batch_id': 'batch_id'
    }) }}
    from alias_report
),

ebay_known as (
    select * from ebay_api
    union all
    select * from ebay_reported
    where not is_superseded
),

-- A sheet's row is a whole order: of an order with several lines it joins the first.
first_lines as (
    select
        platform,
        order_number,
        min(order_line collate "C") as order_line
    from ebay_known
    group by platform, order_number
),

sheet_sales as (
    select {{ door_columns('sheet', 'sheet.platform', {
        'order_number': 'sheet.order_number',
        'order_line': "coalesce(first_lines.order_line, '1')",
        'product_name': 'sheet.product_name',
        'style_id': 'sheet.style_code_raw',
        'status': "'completed'",
        'ordered_at': "sheet.sold_on::timestamp at time zone 'Europe/Berlin'",
        'sold_on': 'sheet.sold_on',
        'amount': 'sheet.sale_price',
        'currency_code': 'sheet.currency_code',
        'has_stated_fees': 'coalesce(sheet.fees_total, sheet.payout_total) is not null',
        'payout_total': 'sheet.payout_total',
        'adjustments_total': '-sheet.fees_total',
        'other_fee': 'sheet.fees_total',
        'paid_total': 'sheet.payout_total',
        'paid_currency_code': 'sheet.currency_code',
        'outbound_cost': 'sheet.shipping_paid',
        'payload_source': "'file'",
        'raw_key': 'sheet.sale_key',
        'batch_id': 'sheet.batch_id'
    }) }}
    from sheet
    left join first_lines
        on
            sheet.platform = first_lines.platform
            and sheet.order_number = first_lines.order_number
),

unified as (
    select * from stockx_api
    union all
    select * from ebay_api
    union all
    select * from alias_api
    union all
    select * from stockx_reported
    union all
    select * from ebay_reported
    union all
    select * from alias_reported
    union all
    select * from sheet_sales
),

matched as (
    select
        unified.platform || '|' || unified.order_number || '|' || unified.order_line as order_key,
        unified.*,
        sale_matches.partner_product_id as matched_product_id,
        sale_matches.partner_variant_id as matched_variant_id
    from unified
    left join sale_matches
        on
            unified.source = sale_matches.source
            and unified.platform = sale_matches.platform
            and unified.order_number = sale_matches.order_number
            and unified.door_line = sale_matches.order_line
)

select * from matched
