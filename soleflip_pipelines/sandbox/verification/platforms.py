"""The marts of the marketplaces and shops: what they charge, what was sold there, what shops offer.

The feeds are read from the sandbox's own files, not from what was loaded of them.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator

from soleflip_pipelines.sandbox import payouts
from soleflip_pipelines.sandbox.codes import stable_number
from soleflip_pipelines.sandbox.verification.comparison import Comparison, Row
from soleflip_pipelines.sandbox.verification.sides import Sides

_MARKETPLACES = """
with sold as (
    select platform, count(*) as orders, sum(is_sale) as sales,
           coalesce(euros(gross), '0') as gross, max(sold_on) as last_on
    from orders group by platform
)
select * from sold order by platform
"""
# A marketplace that nothing was sold on must not claim anything.
_MART_MARKETPLACES = """
select platform, order_count as orders, sale_count as sales, gross_sale_eur as gross,
       last_sold_on as last_on
from platform.marketplace
where order_count <> 0 or sale_count <> 0 or gross_sale_eur <> 0 or last_sold_on is not null
order by platform collate "C"
"""
# What the generator charges at the end; of older rules and further channels it knows nothing.
_MART_FEES = """
select platform, currency_code as currency, seller_level as level,
       transaction_fee_rate as transaction_rate, processing_fee_rate as processing_rate,
       minimum_fee, shipping_fee
from platform.fee_schedule
where valid_to is null and category = 'any'
order by platform collate "C", currency_code collate "C", seller_level
"""
_OFFERS = """
select o.feed_id, o.aw_product_id, o.merchant, p.product_id, v.variant_id, o.name, o.size, o.price,
       o.delivery, o.currency, in_euros(plus(o.price, o.delivery), o.currency, today) as delivered,
       o.is_in_stock, o.stock, o.link
from offer o
join offered f using (feed_id, aw_product_id)
join served.variant v on v.variant_id = f.variant_id
join served.product p on p.position = v.product_position
join main.product t on t.product_id = p.product_id
join clock
order by o.feed_id, o.aw_product_id
"""
_MART_OFFERS = """
select o.feed_id, o.aw_product_id, o.merchant_name as merchant, p.stockx_product_id as product_id,
       v.stockx_variant_id as variant_id, o.product_name as name, o.size_raw as size,
       o.shop_price as price, coalesce(o.delivery_cost, 0) as delivery,
       o.currency_code as currency, o.delivered_price_eur as delivered,
       o.is_in_stock, o.stock_quantity::text as stock, o.deep_link as link
from supplier.offer o
left join catalog.product p on p.id = o.product_id
left join catalog.variant v on v.id = o.variant_id
order by o.feed_id collate "C", o.aw_product_id collate "C"
"""
# Which offers are there at all, and for which size: without a barcode or code a few stay unknown.
FOUND_FLOOR = 0.99
_MART_FOUND = """
select o.feed_id, o.aw_product_id, p.stockx_product_id as product_id,
       v.stockx_variant_id as variant_id
from supplier.offer o
left join catalog.product p on p.id = o.product_id
left join catalog.variant v on v.id = o.variant_id
order by o.feed_id collate "C", o.aw_product_id collate "C"
"""


def _fee_rules(_: Sides) -> Iterator[Row]:
    for currency in sorted(payouts.MINIMUM_FEE):
        for level, rate in enumerate(payouts.LEVEL_RATES, 1):
            yield {
                "platform": "stockx",
                "currency": currency,
                "level": level,
                "transaction_rate": rate,
                "processing_rate": payouts.PROCESSING_RATE,
                "minimum_fee": payouts.MINIMUM_FEE[currency],
                "shipping_fee": payouts.SHIPPING[currency],
            }


def _feed_rows(sides: Sides) -> Iterator[tuple[str | None, ...]]:
    """The offers of every feed file, whatever its delimiter."""
    for feed_id, content in sides.truth.execute(
        "select f.feed_id, b.content from served.feed f "
        "join served.blob b on b.name = 'feed-' || f.feed_id"
    ).fetchall():
        with gzip.open(io.BytesIO(content), "rt", encoding="utf-8", newline="") as text:
            header = text.readline()
            delimiter = max(",|", key=header.count)
            names = next(csv.reader([header], delimiter=delimiter))
            for row in csv.DictReader(text, names, delimiter=delimiter):
                yield (
                    feed_id, row["aw_product_id"], row["merchant_name"],
                    row["product_name"], row["Fashion:size"], row["search_price"],
                    row.get("delivery_cost") or "0", row["currency"], row["in_stock"],
                    row.get("stock_quantity") or None, row["aw_deep_link"],
                )  # fmt: skip


def _offers(sides: Sides) -> Iterator[Row]:
    """The offers of sizes that the marketplace has, by whatever evidence they can be recognised."""
    sides.truth.execute("drop table if exists temp.offer")
    sides.truth.execute(
        "create temp table offer (feed_id, aw_product_id, merchant, name, size, price,"
        " delivery, currency, is_in_stock integer, stock, link)"
    )
    marks = ",".join("?" * 11)
    sides.truth.executemany(f"insert into offer values ({marks})", _feed_rows(sides))
    sides.truth.execute("drop table if exists temp.offered")
    sides.truth.execute("create temp table offered (feed_id, aw_product_id, variant_id)")
    pairs = sides.truth.execute("select feed_id, variant_id from served.feed, served.variant")
    sides.truth.executemany(
        "insert into offered values (?, ?, ?)",
        [(feed, stable_number(11, feed, variant), variant) for feed, variant in pairs.fetchall()],
    )
    yield from map(dict, sides.truth.execute(_OFFERS))


COMPARISONS = (
    Comparison("platform.marketplace", ("platform",), _MARKETPLACES, _MART_MARKETPLACES),
    Comparison(
        "platform.fee_schedule",
        ("platform", "currency", "level"),
        _fee_rules,
        _MART_FEES,
        is_overlap=True,
    ),
    Comparison(
        "supplier.offer", ("feed_id", "aw_product_id"), _offers, _MART_OFFERS, is_overlap=True
    ),
    Comparison(
        "supplier.offer",
        ("feed_id", "aw_product_id"),
        _offers,
        _MART_FOUND,
        floor=FOUND_FLOOR,
        about="(found)",
    ),
)
