"""The marts of selling: orders to the cent, own listings, sales without a cost, what must be sent.

What an order came to is in the truth; here is which of it the pipeline can know, and how the marts
word it.
"""

from __future__ import annotations

from soleflip_pipelines.sandbox.verification.comparison import Comparison

# A young sale whose payout was not shown yet: its fees are expected ones, and so is its profit.
_ORDERS = """
select platform, order_number, order_line, sources, quantity, status, status_raw, is_sale, sold_on,
       case when status = 'returned' then max(berlin_day(updated_at), date(sold_on, '+1 day'))
       end as returned_on, ordered_at, product_id, variant_id, amount, currency, penalty, gross,
       case when not is_sale then 'none' when is_told then 'charged'
            when platform = 'stockx' then 'expected' else 'unknown' end as fee_source,
       iif(is_seen, iif(is_sale, transaction_fee, '0'), '?') as transaction_fee,
       iif(is_seen, iif(is_sale, processing_fee, '0'), '?') as processing_fee,
       iif(is_seen, iif(is_sale, shipping_fee, '0'), '?') as shipping_fee,
       iif(is_seen, iif(is_sale, other_fee, '0'), '?') as other_fee,
       iif(is_seen, iif(is_sale, net_payout, '0'), '?') as net_payout,
       line_key, unit_no, method, iif(is_sale, cost, '0') as cost, vat_due,
       iif(is_sale, outbound_cost, '0') as outbound,
       iif(is_sale, minus(gross, cost), '0') as gross_profit,
       iif(is_seen or cost is null, net_profit, '?') as net_profit,
       iif(is_seen or cost is null, iif(is_sale, ratio(net_profit, cost), null), '?') as roi,
       state
from orders
order by platform, order_number, order_line
"""
_MART_ORDERS = """
select o.platform, o.order_number, o.order_line, array_to_string(o.sources, ',') as sources,
       o.quantity, o.status, o.status_raw, o.is_sale,
       o.sold_on, o.returned_on,
       to_char(o.ordered_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as ordered_at,
       o.partner_product_id as product_id, o.partner_variant_id as variant_id, o.amount,
       o.currency_code as currency, o.penalty_eur as penalty, o.gross_sale_eur as gross,
       o.fee_source, o.transaction_fee_eur as transaction_fee,
       o.processing_fee_eur as processing_fee, o.shipping_fee_eur as shipping_fee,
       o.other_fee_eur as other_fee, o.net_payout_eur as net_payout, s.line_key, s.unit_no,
       o.cost_match_method as method, o.cost_eur as cost, o.vat_due_eur as vat_due,
       o.outbound_cost_eur as outbound, o.gross_profit, o.net_profit, o.roi, o.profit_state as state
from sales."order" o
left join inventory.stock s on s.id = o.inventory_item_id
order by o.platform collate "C", o.order_number collate "C", o.order_line collate "C"
"""
_LISTINGS = """
select 'stockx' as platform, l.listing_id, lower(l.status) as status, l.amount as ask,
       l.currency, l.created_at, l.updated_at, p.product_id, l.variant_id, l.order_number
from served.listing l
join served.product p on p.position = l.product_position
union all
select 'alias', l.listing_id, 'active', l.price, 'USD', rtrim(l.created_at, 'Z') || '.000Z',
       rtrim(l.created_at, 'Z') || '.000Z', p.product_id, v.variant_id, null
from served.alias_listing l
join served.product p on p.position = l.product_position
join served.variant v on v.product_position = l.product_position and v.value = l.size
order by 2
"""
_MART_LISTINGS = """
select l.platform, l.listing_id, l.status, l.ask_price as ask, l.currency_code as currency,
       to_char(l.listed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as created_at,
       to_char(l.updated_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as updated_at,
       p.stockx_product_id as product_id, v.stockx_variant_id as variant_id, o.order_number
from sales.listing l
left join catalog.product p on p.id = l.product_id
left join catalog.variant v on v.id = l.variant_id
left join sales."order" o on o.id = l.order_id
order by l.listing_id collate "C"
"""
_COST_QUEUE = """
with held as (
    select variant_id, count(*) as units, sum(status = 'sold') as sold from units
    where variant_id is not null group by variant_id
),
queue as (
    select o.platform, o.order_number, o.order_line, o.product_id, o.variant_id, o.sold_on,
           o.gross, o.quantity, coalesce(h.units, 0) as units,
           case when o.variant_id is null then 'sale without a variant'
                when h.units is null then 'no purchase of this variant'
                when h.units = h.sold then 'every purchased unit is sold'
                when o.quantity > 1 then 'too few units for all pieces'
                else 'units came after the sale' end as reason
    from orders o
    left join held h using (variant_id)
    where o.is_sale and o.cost is null
),
waiting as (
    select variant_id, count(*) as units from units
    where is_owned and variant_id is not null group by variant_id
),
asking as (
    select variant_id, count(*) as sales from queue where quantity = 1 group by variant_id
)
select q.platform, q.order_number, q.order_line, q.sold_on, q.gross, q.units, q.reason,
       iif(q.quantity = 1 and w.units >= a.sales, 1, '?') as is_offered
from queue q
left join waiting w using (variant_id)
left join asking a using (variant_id)
order by q.platform, q.order_number, q.order_line
"""
_MART_COST_QUEUE = """
select platform, order_number, order_line, sold_on, gross_sale_eur as gross,
       purchased_unit_count as units, reason, suggestion like 'same size%' as is_offered
from sales.cost_queue
order by platform collate "C", order_number collate "C", order_line collate "C"
"""
# StockX tells the day by which to send on the order's own page alone, three days after the sale. An
# order of eBay is called what its seller wrote. Alias names the first of a product's codes.
_SHIPMENTS = """
select platform, order_number, order_line, status_raw, iif(platform = 'ebay', '?', title) as title,
       case platform
           when 'stockx' then style_id
           when 'alias'
               then replace(trim(substr(style_id, 1, instr(style_id || '/', '/') - 1)), '-', ' ')
           else '?'
       end as style_id, ordered_at,
       date(ordered_at, case platform when 'stockx' then '+3 days' when 'ebay' then '+4 days'
                        else '+7 days' end) as ship_by_on, line_key, unit_no
from orders
join to_ship using (platform, order_number, order_line)
order by platform, order_number, order_line
"""
_MART_SHIPMENTS = """
select o.platform, o.order_number, o.order_line, o.status_raw, o.product_name as title, o.style_id,
       to_char(o.ordered_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as ordered_at,
       (o.ship_by_at at time zone 'UTC')::date as ship_by_on, s.line_key, s.unit_no
from operations.open_shipment o
left join inventory.stock s on s.id = o.stock_id
order by o.platform collate "C", o.order_number collate "C", o.order_line collate "C"
"""

_ORDER = ("platform", "order_number", "order_line")
COMPARISONS = (
    Comparison("sales.order", _ORDER, _ORDERS, _MART_ORDERS),
    Comparison("sales.listing", ("listing_id",), _LISTINGS, _MART_LISTINGS),
    Comparison("sales.cost_queue", _ORDER, _COST_QUEUE, _MART_COST_QUEUE),
    Comparison("operations.open_shipment", _ORDER, _SHIPMENTS, _MART_SHIPMENTS),
)
