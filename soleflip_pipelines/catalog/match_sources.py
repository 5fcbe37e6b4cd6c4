"""What `matching` reads: every item of a partner in one form, by the table of its match.

Each query selects the keys of its table; the kind and key by which the owner decides about the
item; then what `matching.Told` names: label, code, name, brand field, size, barcode, a text that
may tell the audience, colour, and brand, category and style keys where the item has a label.
"""

from __future__ import annotations

from typing import LiteralString

PURCHASES: LiteralString = """
select
    line_key, 'purchase', line_key, null, style_code_raw, product_name, brand_raw, size_raw, null,
    null, null, null, null, null::text[]
from staging.stg_csv__purchases
"""
OFFERS: LiteralString = """
select
    offer.feed_id, offer.aw_product_id, 'offer', offer.feed_id || ':' || offer.aw_product_id,
    offer.description, null, offer.product_name, null, offer.size_raw, offer.gtin,
    offer.category_raw, offer.colour, label.brand, label.category, coalesce(label.style_keys, '{}')
from staging.stg_awin__offers as offer
left join enrichment.product_label as label
    on
        label.platform = 'awin'
        and label.partner_product_id = offer.feed_id || ':' || offer.aw_product_id
"""
# An order of StockX's own API names its variant itself.
SALES: LiteralString = """
with line as (
    select 'api' as source, 'ebay' as platform, order_id as order_number,
        line_item_id as order_line, sku as label, null as code, product_name, size_raw
    from staging.stg_ebay__order_lines
    union all
    select 'api', 'alias', order_number, '1', null, style_code_raw, product_name, size_raw
    from staging.stg_alias__orders
    union all
    select 'report', 'ebay', order_number, line_id, sku, null, product_name, size_raw
    from staging.stg_csv__ebay_report
    union all
    select 'report', 'alias', order_number, '1', null, style_code_raw, product_name, size_raw
    from staging.stg_csv__alias_report
    union all
    select 'report', 'stockx', order_number, '1', null, style_code_raw,
        coalesce(product_name, sku_name), size_raw
    from staging.stg_csv__stockx_report
    union all
    select 'sheet', platform, order_number, '1', null, style_code_raw, product_name, size_raw
    from staging.stg_csv__sales
)
select
    source, platform, order_number, order_line, 'sale',
    concat_ws(' ', platform, order_number, order_line), label, code, product_name, null, size_raw,
    null, null, null, null, null, null::text[]
from line
where
    platform <> 'stockx'
    or not exists (
        select from staging.stg_stockx__orders as known
        where known.order_number = line.order_number and known.partner_variant_id is not null
    )
"""
ITEMS: LiteralString = """
select
    'listing', listing_id, 'listing', listing_id, null, coalesce(style_code_raw, catalog_id),
    product_name, null, size_raw, null, null, null, null, null, null::text[]
from staging.stg_alias__listings
union all
select
    'count', count_key, 'count', count_key, null, style_code_raw, product_name, null, size_raw,
    null, null, null, null, null, null
from staging.stg_csv__stock_counts
union all
select
    'product', product_key, 'list', product_key, null, style_code_raw, product_name, brand_raw,
    null, gtin, null, null, null, null, null
from staging.stg_csv__products
"""
