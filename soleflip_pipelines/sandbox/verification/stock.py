"""The marts of buying: every unit, the purchases it came with, the suppliers, and their sums.

A purchase line costs what the truth says its units cost; its gross amount is worked out from the
line itself and the sandbox's reference rates.
"""

from __future__ import annotations

from soleflip_pipelines.sandbox.verification.comparison import Comparison

# An ask names no unit: on each channel the oldest units on hand of a variant are the listed ones.
# Which listing an order came from, only its channel says.
_UNITS = """
with offers as (
    select variant_id, place, max(is_consigned) as is_consigned,
           max(iif(platform = 'stockx', listing_id, null)) as on_stockx,
           max(iif(platform = 'alias', listing_id, null)) as on_alias
    from asks group by variant_id, place
),
returned as (
    select distinct line_key, unit_no from main.taking where back_on is not null
),
open_orders as (
    select o.platform, o.order_number, o.order_line, w.order_number is not null as is_to_ship
    from orders o left join to_ship w using (platform, order_number, order_line)
    where o.status = 'open'
),
items as (
    select order_id, json_extract(line.value, '$[0]') as order_line,
           json_extract(line.value, '$[1]') as item_id
    from served.ebay_order, json_each(lines) line
),
placed as (
    select u.*, row_number() over (
               partition by u.variant_id, u.status order by available_on, line_key, u.unit_no
           ) as place
    from units u
)
select u.line_key, u.unit_no, unit_ref, supplier, title, u.variant_id, product_id, cost,
       case when status = 'sold' and w.order_number is null then 'sold'
            when status = 'sold' then iif(is_to_ship, 'reserved', 'shipped')
            when status <> 'on_hand' then status
            when a.is_consigned then 'consigned' when a.place then 'listed'
            when r.line_key is not null then 'returned' else 'available' end as status,
       status = 'sold' as is_sold, is_owned as is_on_hand, status = 'on_hand' as is_in_house,
       purchased_on, received_on, available_on, vat_scheme, u.platform, u.order_number,
       u.order_line, sold_on, lost_on,
       max(0, julianday(coalesce(sold_on, lost_on, :today)) - julianday(available_on)) as age_days,
       iif(u.platform = 'stockx', '?', a.on_stockx) as on_stockx,
       iif(u.platform = 'alias', '?', a.on_alias) as on_alias, i.item_id as on_ebay
from placed u
left join offers a on u.status = 'on_hand' and a.variant_id = u.variant_id and a.place = u.place
left join returned r using (line_key, unit_no)
left join open_orders w
    on w.platform = u.platform and w.order_number = u.order_number and w.order_line = u.order_line
left join items i
    on u.platform = 'ebay' and i.order_id = u.order_number and i.order_line = u.order_line
order by u.line_key, u.unit_no
"""
_MART_UNITS = """
select line_key, unit_no, unit_ref, supplier_name as supplier, product_name as title,
       external_ids ->> 'stockx_variant_id' as variant_id,
       external_ids ->> 'stockx_product_id' as product_id, cost_eur as cost, status, is_sold,
       is_on_hand, is_in_house, purchased_on, received_on, available_on, vat_scheme,
       sold_platform as platform, sold_order_number as order_number, sold_order_line as order_line,
       sold_on, lost_on, age_days::numeric as age_days, stockx_listing_id as on_stockx,
       alias_listing_id as on_alias, ebay_item_id as on_ebay
from inventory.stock
order by line_key collate "C", unit_no
"""
_ITEMS = """
select l.line_key, l.supplier, l.reference, l.title, p.product_id, l.variant_id, l.purchased_on,
       l.received_on, l.quantity, l.unit_price, l.shipping_total, l.cashback_total, l.currency,
       l.vat_rate, l.vat_scheme, l.gross, l.cost
from lines l
left join served.product p on p.position = l.product_position
order by l.line_key
"""
_MART_ITEMS = """
select i.line_key, s.name as supplier, u.purchase_ref as reference, i.product_name as title,
       p.stockx_product_id as product_id, v.stockx_variant_id as variant_id, i.purchased_on,
       i.received_on, i.quantity, i.unit_price, coalesce(i.shipping_total, 0) as shipping_total,
       coalesce(i.cashback_total, 0) as cashback_total, i.currency_code as currency, i.vat_rate,
       i.vat_scheme, i.line_gross_eur as gross, i.line_cost_eur as cost
from supplier.purchase_item i
left join supplier.supplier s on s.id = i.supplier_id
left join supplier.purchase u on u.id = i.purchase_id
left join catalog.product p on p.id = i.product_id
left join catalog.variant v on v.id = i.variant_id
order by i.line_key collate "C"
"""
_PURCHASES = """
select supplier, reference, min(purchased_on) as purchased_on,
       iif(count(received_on) = count(*), max(received_on), null) as received_on,
       count(*) as lines, sum(quantity) as units, euros(gross) as gross, euros(cost) as cost
from lines
group by supplier, reference
order by supplier, reference
"""
_MART_PURCHASES = """
select supplier_name as supplier, purchase_ref as reference, purchased_on, received_on,
       line_count as lines, unit_count as units, gross_total_eur as gross, landed_cost_eur as cost
from supplier.purchase
order by supplier_name collate "C", purchase_ref collate "C"
"""
_SUPPLIERS = """
select supplier, count(distinct reference) as purchases, count(*) as lines,
       sum(quantity) as units, euros(cost) as cost, min(purchased_on) as first_on,
       max(purchased_on) as last_on
from lines
group by supplier
order by supplier
"""
_MART_SUPPLIERS = """
select name as supplier, purchase_count as purchases, line_count as lines, unit_count as units,
       landed_cost_eur as cost, first_purchased_on as first_on, last_purchased_on as last_on
from supplier.supplier
order by name collate "C"
"""
# The profit of a sale whose payout was not shown is an estimate that the truth has no word on.
_PERFORMANCE = """
with bought as (
    select supplier, count(distinct reference) as purchases, euros(cost) as landed,
           max(purchased_on) as last_on
    from lines group by supplier
),
told as (
    select supplier, count(*) as units, sum(status = 'incoming') as incoming,
           sum(status = 'sold') as sold,
           percentile(julianday(received_on) - julianday(purchased_on), 0.5, 1) as days_to_come,
           percentile(julianday(sold_on) - julianday(available_on), 0.5, 1) as days_to_sell,
           euros(iif(is_owned, cost, null)) as stock_cost, sum(gross) as gross,
           sum(net_profit) as profit, euros(iif(net_profit is not null, cost, null)) as sold_cost,
           sum(not is_seen) as unseen
    from units group by supplier
)
select supplier, purchases, units, incoming, sold, ratio(sold, units) as sell_through, landed,
       stock_cost, divided(round(gross, 6), 1) as gross,
       iif(unseen > 0, '?', divided(round(profit, 6), 1)) as profit,
       iif(unseen > 0, '?', ratio(profit, sold_cost)) as roi, days_to_come, days_to_sell, last_on
from bought join told using (supplier)
order by supplier
"""
_MART_PERFORMANCE = """
select supplier_name as supplier, purchase_count as purchases, unit_count as units,
       incoming_count as incoming, sold_count as sold, sell_through, landed_cost_eur as landed,
       stock_cost_eur as stock_cost, gross_sale_eur as gross, net_profit_eur as profit, roi,
       median_delivery_days as days_to_come, median_days_to_sell as days_to_sell,
       last_purchased_on as last_on
from analytics.supplier_performance_summary
order by supplier_name collate "C"
"""
_INVENTORY = """
with held as (
    select coalesce(product_id, '') as product_id, status, cost, is_owned as is_here,
           max(0, julianday(:today) - julianday(available_on)) as days
    from units
),
summed as (
    select product_id, count(*) as units, sum(is_here) as on_hand,
           sum(status = 'incoming') as incoming, sum(status = 'on_hand') as in_house,
           sum(status = 'sold') as sold,
           coalesce(euros(iif(is_here, cost, null)), '0') as stock_cost,
           max(iif(is_here, days, null)) as oldest_days,
           euros(iif(is_here, times(cost, days), null)) as cost_days
    from held group by product_id
)
select s.product_id, coalesce(p.title, '(not matched)') as title, units, on_hand, incoming,
       in_house, sold, stock_cost, 0 as cost_unknown, oldest_days,
       ratio1(cost_days, stock_cost) as age, ratio(sold, units) as sell_through,
       times(on_hand, m.lowest_ask) as at_lowest_ask,
       times(on_hand, m.highest_bid) as at_highest_bid
from summed s
left join served.product p on p.product_id = s.product_id
left join product_market m on m.product_id = s.product_id
order by s.product_id
"""
_MART_INVENTORY = """
select coalesce(p.stockx_product_id, '') as product_id, s.product_name as title,
       s.unit_count as units, s.on_hand_count as on_hand, s.incoming_count as incoming,
       s.available_count + s.listed_count as in_house, s.sold_count as sold,
       s.stock_cost_eur as stock_cost, s.cost_unknown_count as cost_unknown,
       s.oldest_days::numeric as oldest_days, s.cost_weighted_age_days as age, s.sell_through,
       s.value_at_lowest_ask_eur as at_lowest_ask, s.value_at_highest_bid_eur as at_highest_bid
from analytics.inventory_status_summary s
left join catalog.product p on p.id = s.product_id
order by coalesce(p.stockx_product_id, '') collate "C"
"""

COMPARISONS = (
    Comparison("inventory.stock", ("line_key", "unit_no"), _UNITS, _MART_UNITS),
    Comparison("supplier.purchase_item", ("line_key",), _ITEMS, _MART_ITEMS),
    Comparison("supplier.purchase", ("supplier", "reference"), _PURCHASES, _MART_PURCHASES),
    Comparison("supplier.supplier", ("supplier",), _SUPPLIERS, _MART_SUPPLIERS),
    Comparison(
        "analytics.supplier_performance_summary", ("supplier",), _PERFORMANCE, _MART_PERFORMANCE
    ),
    Comparison("analytics.inventory_status_summary", ("product_id",), _INVENTORY, _MART_INVENTORY),
)
