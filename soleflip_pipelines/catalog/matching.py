"""Matches of purchase lines and affiliate offers with known variants, written to `enrichment`.

How a line is recognised belongs to `finder`; this module reads staging and labels and merges what
is new or different.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import psycopg

from soleflip_pipelines.catalog.bulk import Target, merge, stage
from soleflip_pipelines.catalog.finder import Line, Match, Product, ProductFinder, Variant
from soleflip_pipelines.catalog.labeller import ProductLabeller
from soleflip_pipelines.catalog.rules import load_rules

PURCHASE_MATCH = Target(
    table="purchase_match",
    keys=("line_key",),
    values=(
        "platform", "partner_product_id", "partner_variant_id", "match_method", "match_score",
        "style_code", "size_key",
    ),
    stamp="matched_at",
)  # fmt: skip
OFFER_MATCH = Target(
    table="offer_match",
    keys=("feed_id", "aw_product_id"),
    values=(
        "platform", "partner_product_id", "partner_variant_id", "match_method", "match_score"
    ),
    stamp="matched_at",
)  # fmt: skip

# Products the marketplace still has, and those that only an order names any more.
_PRODUCTS = """
select
    product.partner_product_id, coalesce(product.title, product.url_key, ''), label.brand,
    label.category, product.gender_raw, coalesce(label.style_keys, '{}'), product.style_id_raw
from staging.stg_stockx__products as product
left join enrichment.product_label as label
    on label.platform = 'stockx' and label.partner_product_id = product.partner_product_id
union all
select distinct on (orders.partner_product_id)
    orders.partner_product_id, coalesce(orders.product_name, ''), null, null, null, '{}'::text[],
    orders.style_id
from staging.stg_stockx__orders as orders
where
    orders.partner_product_id is not null
    and not exists (
        select from staging.stg_stockx__products as product
        where product.partner_product_id = orders.partner_product_id
    )
"""
_VARIANTS = """
select
    variant.partner_product_id, variant.partner_variant_id, variant.size_raw,
    jsonb_object_agg(size.size_type, size.size_value) filter (where size.size_type is not null)
from staging.stg_stockx__variants as variant
left join staging.stg_stockx__variant_sizes as size using (partner_variant_id)
group by variant.partner_product_id, variant.partner_variant_id, variant.size_raw
union all
select
    max(orders.partner_product_id), orders.partner_variant_id, max(orders.variant_value), null
from staging.stg_stockx__orders as orders
where
    orders.partner_variant_id is not null
    and not exists (
        select from staging.stg_stockx__variants as variant
        where variant.partner_variant_id = orders.partner_variant_id
    )
group by orders.partner_variant_id
"""
_LINES = """
select line_key, coalesce(product_name, ''), brand_raw, style_code_raw, size_raw
from staging.stg_csv__purchases
"""
# A number that two variants claim proves neither.
_OFFERS = """
with gtin as (
    select
        number,
        -- As a value and not as a `having`: the planner would expect one row of that, and loop.
        case when count(distinct partner_variant_id) = 1 then min(partner_variant_id) end
            as partner_variant_id,
        min(partner_product_id) as partner_product_id
    from staging.stg_stockx__variants cross join unnest(gtins) as number
    group by number
)
select
    offer.feed_id, offer.aw_product_id, 'stockx', gtin.partner_product_id,
    gtin.partner_variant_id, 'gtin', 0.990
from staging.stg_awin__offers as offer
inner join gtin on offer.gtin = gtin.number and gtin.partner_variant_id is not null
"""


@dataclass(frozen=True, slots=True)
class MatchReport:
    """What a matching found; `methods` counts the rows by how they were recognised."""

    total: int
    matched: int
    written: int
    removed: int
    methods: dict[str, int] = field(default_factory=dict)

    def as_metadata(self) -> dict[str, Any]:
        """Flat figures for a run's metadata; the share is None where there is nothing to match."""
        return {
            "considered": self.total,
            "matched": self.matched,
            "matched_share": round(self.matched / self.total, 4) if self.total else None,
            "written_now": self.written,
            "removed": self.removed,
            **{f"by_{method}": count for method, count in sorted(self.methods.items())},
        }


def match_purchases(conn: psycopg.Connection) -> MatchReport:
    """Find the product and variant of every purchase line; one transaction.

    A line whose product is known and whose size is not has no variant and half the score.
    """
    methods: Counter[str] = Counter()
    with conn.transaction(), conn.cursor() as cur:
        rules = load_rules(conn)
        labeller = ProductLabeller(rules)
        finder = ProductFinder(known_products(cur, labeller), rules)
        lines = cur.execute(_LINES).fetchall()
        total = stage(cur, PURCHASE_MATCH, _purchase_rows(lines, labeller, finder, methods))
        written = merge(cur, PURCHASE_MATCH, replace_all=True)
        cur.execute("select count(*) from decided where partner_variant_id is not null")
        matched = (cur.fetchone() or (0,))[0]
    return MatchReport(
        total, matched, written.inserted + written.updated, written.deleted, dict(methods)
    )


def match_offers(conn: psycopg.Connection) -> MatchReport:
    """Find the variant of every affiliate offer by its GTIN; one transaction."""
    with conn.transaction(), conn.cursor() as cur:
        found = cur.execute(_OFFERS).fetchall()
        matched = stage(cur, OFFER_MATCH, found)
        written = merge(cur, OFFER_MATCH, replace_all=True)
        cur.execute("select count(*) from staging.stg_awin__offers")
        total = (cur.fetchone() or (0,))[0]
    return MatchReport(
        total, matched, written.inserted + written.updated, written.deleted, {"gtin": matched}
    )


def known_products(cur: psycopg.Cursor[Any], labeller: ProductLabeller) -> Iterator[Product]:
    """Every product of the marketplace with its variants, labelled where no label is stored."""
    variants: dict[str, list[Variant]] = {}
    for product_id, variant_id, size_raw, sizes in cur.execute(_VARIANTS).fetchall():
        variants.setdefault(product_id, []).append(Variant(variant_id, size_raw, sizes or {}))
    for product_id, title, brand, category, gender, keys, code in cur.execute(_PRODUCTS).fetchall():
        known = brand, category, tuple(keys)
        if not keys or category is None:
            label = labeller.label(title, code_raw=code, is_code_field_kept=True)
            known = (
                brand or label.brand.brand,
                category or label.category.category,
                tuple(keys) or label.codes.keys,
            )
        yield Product(
            partner_product_id=product_id,
            title=title,
            brand=known[0],
            category=known[1],
            gender=gender,
            style_keys=known[2],
            variants=tuple(variants.get(product_id, ())),
        )


def _purchase_rows(
    lines: list[tuple[Any, ...]],
    labeller: ProductLabeller,
    finder: ProductFinder,
    methods: Counter[str],
) -> Iterator[tuple[Any, ...]]:
    memory: dict[tuple[Any, ...], tuple[Match, str | None]] = {}
    for line_key, *told in lines:
        known = memory.get(tuple(told))
        if known is None:
            known = memory[tuple(told)] = _recognise(labeller, finder, *told)
        match, style_code = known
        methods[match.method] += 1
        yield (
            line_key,
            "stockx" if match.product else None,
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
    name: str,
    brand_raw: str | None,
    style_code_raw: str | None,
    size_raw: str | None,
) -> tuple[Match, str | None]:
    label = labeller.label(name, brand_raw=brand_raw, code_raw=style_code_raw)
    match = finder.find(Line(name, size_raw, label.brand.brand, label.codes.keys))
    return match, label.codes.first.code if label.codes.first else None
