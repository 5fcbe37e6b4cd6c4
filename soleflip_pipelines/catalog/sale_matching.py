"""Matches of sales, listings, counted and listed articles with the marketplace's variants.

Of what names no StockX variant itself, the code decides the product and StockX's own conversions
the size; a title only where it is a product's own. How an article is recognised belongs to
`finder`; purchases and offers are matched in `matching`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, LiteralString

import psycopg

from soleflip_pipelines.catalog.bulk import Target, merge, only_row, stage
from soleflip_pipelines.catalog.finder import NO_MATCH, Line, Match, ProductFinder
from soleflip_pipelines.catalog.labeller import ProductLabeller
from soleflip_pipelines.catalog.matching import MatchReport, known_products
from soleflip_pipelines.catalog.rules import load_rules
from soleflip_pipelines.catalog.seller_words import known_codes, named_size, read_label
from soleflip_pipelines.catalog.style_code import StyleCodes, code_key

_VALUES = (
    "partner_product_id", "partner_variant_id", "match_method", "match_score", "style_code",
    "size_key", "rule_version",
)  # fmt: skip
SALE_MATCH = Target(
    table="sale_match",
    keys=("source", "platform", "order_number", "order_line"),
    values=_VALUES,
    stamp="matched_at",
)
ITEM_MATCH = Target(
    table="item_match", keys=("kind", "item_key"), values=_VALUES, stamp="matched_at"
)
# Keys, then label (free words of the seller), code (a field for codes), name, brand and size.
_SALES: LiteralString = """
select 'api', 'ebay', order_id, line_item_id, sku, null, product_name, null, size_raw
from staging.stg_ebay__order_lines
union all
select 'api', 'alias', order_number, '1', null, style_code_raw, product_name, null, size_raw
from staging.stg_alias__orders
union all
select 'report', 'ebay', order_number, line_id, sku, null, product_name, null, size_raw
from staging.stg_csv__ebay_report
union all
select 'report', 'alias', order_number, '1', null, style_code_raw, product_name, null, size_raw
from staging.stg_csv__alias_report
union all
select
    'report', 'stockx', report.order_number, '1', null, report.style_code_raw,
    coalesce(report.product_name, report.sku_name), null, report.size_raw
from staging.stg_csv__stockx_report as report
where not exists (
    select from staging.stg_stockx__orders as known
    where known.order_number = report.order_number and known.partner_variant_id is not null
)
union all
select
    'sheet', sheet.platform, sheet.order_number, '1', null, sheet.style_code_raw,
    sheet.product_name, null, sheet.size_raw
from staging.stg_csv__sales as sheet
where
    sheet.platform <> 'stockx'
    or not exists (
        select from staging.stg_stockx__orders as known
        where known.order_number = sheet.order_number and known.partner_variant_id is not null
    )
"""
_ITEMS: LiteralString = """
select 'listing', listing_id, null, coalesce(style_code_raw, catalog_id), product_name, null,
    size_raw
from staging.stg_alias__listings
union all
select 'count', count_key, null, style_code_raw, product_name, null, size_raw
from staging.stg_csv__stock_counts
union all
select 'product', product_key, null, style_code_raw, product_name, brand_raw, null
from staging.stg_csv__products
"""


def match_sales(conn: psycopg.Connection) -> MatchReport:
    """Find the product and variant of every sale that names no StockX variant; one transaction.

    A sale whose product is known and whose size is not has no variant and half the score.
    """
    return _match(conn, SALE_MATCH, _SALES)


def match_items(conn: psycopg.Connection) -> MatchReport:
    """Find the product and variant of every listing, counted and listed article."""
    return _match(conn, ITEM_MATCH, _ITEMS)


def _match(conn: psycopg.Connection, target: Target, query: LiteralString) -> MatchReport:
    methods: Counter[str] = Counter()
    with conn.transaction(), conn.cursor() as cur:
        rules = load_rules(conn)
        labeller = ProductLabeller(rules)
        lines = cur.execute(query).fetchall()
        products = known_products(cur, labeller) if lines else ()
        finder = ProductFinder(products, rules)
        rows = _rows(lines, len(target.keys), labeller, finder, methods)
        total = stage(cur, target, ((*row, rules.version) for row in rows))
        written = merge(cur, target, replace_all=True)
        (matched,) = only_row(
            cur.execute("select count(*) from decided where partner_variant_id is not null")
        )
    return MatchReport(
        total, matched, written.inserted + written.updated, written.deleted, dict(methods)
    )


def _rows(
    lines: list[tuple[Any, ...]],
    key_count: int,
    labeller: ProductLabeller,
    finder: ProductFinder,
    methods: Counter[str],
) -> Iterator[tuple[Any, ...]]:
    memory: dict[tuple[Any, ...], tuple[Match, str | None]] = {}
    for line in lines:
        told = line[key_count:]
        known = memory.get(told)
        if known is None:
            known = memory[told] = _recognise(labeller, finder, *told)
        match, style_code = known
        methods[match.method] += 1
        yield (
            *line[:key_count],
            match.product.partner_product_id if match.product else None,
            match.variant.partner_variant_id if match.variant else None,
            match.method,
            Decimal(str(match.score)),
            style_code,
            match.size.size_key if match.size else None,
        )


def _recognise(
    labeller: ProductLabeller,
    finder: ProductFinder,
    label_raw: str | None,
    code_raw: str | None,
    name: str | None,
    brand_raw: str | None,
    size_raw: str | None,
) -> tuple[Match, str | None]:
    """The first reading that means a variant, else the first that means a product.

    The code's field or label goes before the title, the size's field before the label and title.
    """
    name = name or ""
    words = read_label(label_raw, finder.knows, labeller.codes)
    sizes = dict.fromkeys((size_raw, words.size, named_size(name)))
    best: tuple[Match, str | None] = NO_MATCH, None
    codes = dict.fromkeys((code_raw or words.code, *known_codes(name, finder.knows), None))
    for code in codes:
        label = labeller.label(name, brand_raw=brand_raw, code_raw=code)
        key = code_key(code or "")
        keys = (key,) if finder.knows(key) else label.codes.keys
        style_code = code if finder.knows(key) else _first(label.codes)
        for size in sizes:
            line = Line(name, size, label.brand.brand, keys)
            match = finder.find(line, allow_similar=False)
            if match.variant is not None:
                return match, style_code
            if best[0].product is None and (match.product is not None or best[1] is None):
                best = match, style_code
    return best


def _first(codes: StyleCodes) -> str | None:
    return codes.first.code if codes.first else None
