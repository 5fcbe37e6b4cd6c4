"""The marts of the owner's own lists: the product list, and what a stock count found.

The count was of all that the marketplace knows and that was on hand on the day before the
generation's; it found everything but what the truth says was lost.
"""

from __future__ import annotations

from soleflip_pipelines.sandbox.verification.comparison import Comparison

_LISTED = """
select t.product_id, t.title, t.brand, t.style_code, t.category, p.retail_price,
       iif(exists (select 1 from served.variant v where v.product_position = p.position
                   and v.gtins <> ''), 'gtin', '?') as method
from main.product t
join served.product p using (product_id)
order by t.product_id
"""
_MART_LISTED = """
select p.stockx_product_id as product_id, l.product_name as title, l.brand_raw as brand,
       l.style_code_raw as style_code, l.category_raw as category, l.retail_price,
       l.match_method as method
from catalog.listed_product l
left join catalog.product p on p.id = l.product_id
order by p.stockx_product_id collate "C"
"""
_COUNTED = """
with counted (day) as (select date(value, '-1 day') from main.meta where key = 'until')
select day, variant_id, product_id, sum(lost_on is null) as counted, count(*) as expected,
       -sum(lost_on is not null) as difference, euros(cost) as cost
from units, counted
where variant_id is not null and received_on is not null and (sold_on is null or sold_on > day)
group by day, variant_id
order by variant_id
"""
# What was never shown by the marketplace was not counted either.
_MART_COUNTED = """
select c.counted_on as day, v.stockx_variant_id as variant_id, p.stockx_product_id as product_id,
       c.counted_count as counted, c.expected_count as expected, c.difference_count as difference,
       c.expected_cost_eur as cost
from inventory.stock_count_difference c
left join catalog.variant v on v.id = c.variant_id
left join catalog.product p on p.id = c.product_id
where c.variant_id is not null
order by v.stockx_variant_id collate "C"
"""

COMPARISONS = (
    Comparison("catalog.listed_product", ("product_id",), _LISTED, _MART_LISTED),
    Comparison("inventory.stock_count_difference", ("variant_id",), _COUNTED, _MART_COUNTED),
)
