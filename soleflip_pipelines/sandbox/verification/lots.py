"""The marts of lots: what is left of them, what open orders hold, what is offered too often."""

from __future__ import annotations

from soleflip_pipelines.sandbox.verification.comparison import Comparison

_LOTS = """
select l.line_key, l.supplier, l.title, p.product_id, l.variant_id, l.purchased_on, l.received_on,
       coalesce(l.received_on, l.purchased_on) as available_on, l.vat_scheme, l.quantity,
       divided(l.cost, l.quantity) as unit_cost, l.cost as lot_cost, u.remaining, u.sold, u.lost,
       u.remaining_cost, u.first_sold_on, u.last_sold_on
from lines l
join (
    select line_key, sum(is_owned) as remaining, sum(status = 'sold') as sold,
           sum(status = 'lost') as lost, euros(iif(is_owned, cost, '0')) as remaining_cost,
           min(sold_on) as first_sold_on, max(sold_on) as last_sold_on
    from units group by line_key
) u using (line_key)
left join served.product p on p.position = l.product_position
order by l.line_key
"""
_MART_LOTS = """
select t.line_key, s.name as supplier, t.product_name as title, p.stockx_product_id as product_id,
       v.stockx_variant_id as variant_id, t.purchased_on, t.received_on, t.available_on,
       t.vat_scheme, t.quantity, t.unit_cost_eur as unit_cost, t.lot_cost_eur as lot_cost,
       t.remaining_count as remaining, t.sold_count as sold, t.lost_count as lost,
       t.remaining_cost_eur as remaining_cost, t.first_sold_on, t.last_sold_on
from inventory.lot t
left join supplier.supplier s on s.id = t.supplier_id
left join catalog.product p on p.id = t.product_id
left join catalog.variant v on v.id = t.variant_id
order by t.line_key collate "C"
"""
_RESERVED = """
select o.platform, o.order_number, o.order_line, o.quantity as pieces, o.sold_on as reserved_on,
       (select group_concat(line_key || '#' || unit_no, ' ') from (
           select t.line_key, t.unit_no from main.taking t
           where t.order_number = o.order_number and t.platform = o.platform
             and t.order_line = o.order_line
           order by t.line_key, t.unit_no)) as units,
       case when o.cost is null then 'no unit' when w.order_number is null then 'on its way'
            else 'to ship' end as reason
from orders o
left join to_ship w using (platform, order_number, order_line)
where o.status = 'open'
order by o.platform, o.order_number, o.order_line
"""
_MART_RESERVED = """
select r.platform, r.order_number, r.order_line, count(*) as pieces,
       max(r.reserved_on) as reserved_on,
       string_agg(s.line_key || '#' || s.unit_no, ' '
                  order by s.line_key collate "C", s.unit_no) as units,
       max(r.reason) as reason
from inventory.reservation r
left join inventory.stock s on s.id = r.stock_id
group by r.platform, r.order_number, r.order_line
order by r.platform collate "C", r.order_number collate "C", r.order_line collate "C"
"""
_OFFERED = """
with asked as (
    select variant_id, sum(platform = 'stockx') as on_stockx, sum(platform = 'alias') as on_alias
    from asks group by variant_id
),
there as (
    select variant_id, sum(status = 'on_hand') as here, sum(status = 'incoming') as incoming
    from units where variant_id is not null group by variant_id
)
select variant_id, on_stockx, on_alias, coalesce(here, 0) as here,
       coalesce(incoming, 0) as incoming, on_stockx + on_alias - coalesce(here, 0) as most
from asked left join there using (variant_id)
where on_stockx + on_alias > coalesce(here, 0)
order by variant_id
"""
_MART_OFFERED = """
select v.stockx_variant_id as variant_id, r.stockx_ask_count as on_stockx,
       r.alias_ask_count as on_alias, r.in_house_count as here, r.incoming_count as incoming,
       r.most_oversold_count as most
from inventory.oversell_risk r
left join catalog.variant v on v.id = r.variant_id
order by v.stockx_variant_id collate "C"
"""

COMPARISONS = (
    Comparison("inventory.lot", ("line_key",), _LOTS, _MART_LOTS),
    Comparison(
        "inventory.reservation",
        ("platform", "order_number", "order_line"),
        _RESERVED,
        _MART_RESERVED,
    ),
    Comparison("inventory.oversell_risk", ("variant_id",), _OFFERED, _MART_OFFERED),
)
