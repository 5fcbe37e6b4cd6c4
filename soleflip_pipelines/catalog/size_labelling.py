"""Labels of sizes: reads every size text in its contexts, writes `enrichment.size_label`.

A context is what decides a size beside its text: brand, audience and category, so the products'
labels come first. What a size text means belongs to `size`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg

from soleflip_pipelines.catalog.audience import audience_of
from soleflip_pipelines.catalog.bulk import Target, merge, only_row, stage
from soleflip_pipelines.catalog.labeller import ProductLabeller
from soleflip_pipelines.catalog.rules import Rules, load_rules
from soleflip_pipelines.catalog.size import SizeParser

SIZE_LABEL = Target(
    table="size_label",
    keys=("size_raw", "brand", "audience_hint", "category", "partner_product_id"),
    values=(
        "size_system", "audience", "size_value", "size_key", "us_size", "eu_size", "confidence",
        "rule_version",
    ),
    stamp="labelled_at",
)  # fmt: skip
# The sizes of variants, those of sold variants that the marketplace no longer has, and offers.
_SIZES = """
with size as (
    select 'stockx' as platform, partner_product_id, size_raw from staging.stg_stockx__variants
    union
    select 'stockx', partner_product_id, variant_value from staging.stg_stockx__orders
    union
    select 'awin', feed_id || ':' || aw_product_id, size_raw from staging.stg_awin__offers
)
select distinct
    size.size_raw,
    coalesce(label.brand, ''),
    case
        when size.platform = 'stockx' then coalesce(product.gender_raw, '')
        else coalesce(offer.category_raw, '') || ' ' || coalesce(offer.product_name, '')
    end,
    coalesce(label.category, ''),
    size.platform,
    -- Products of their own only where the owner said something of them alone.
    coalesce(corrected.product_id, '')
from size
left join (select distinct product_id from owner.size_correction where product_id <> '')
    as corrected on size.platform = 'stockx' and size.partner_product_id = corrected.product_id
left join enrichment.product_label as label using (platform, partner_product_id)
left join staging.stg_stockx__products as product
    on size.platform = 'stockx' and size.partner_product_id = product.partner_product_id
left join staging.stg_awin__offers as offer
    on
        size.platform = 'awin'
        and size.partner_product_id = offer.feed_id || ':' || offer.aw_product_id
where size.size_raw is not null
"""
_PURCHASES = """
select distinct coalesce(size_raw, ''), coalesce(product_name, ''), brand_raw
from staging.stg_csv__purchases
"""
LabelledSize = tuple[str, str, str, str, str]


@dataclass(frozen=True, slots=True)
class SizeReport:
    """What a labelling of sizes did; `unknown` are texts that nobody understands."""

    contexts: int
    written: int
    removed: int
    unknown: int
    rule_version: str

    def as_metadata(self) -> dict[str, Any]:
        """Flat figures for a run's metadata."""
        return {
            "contexts": self.contexts,
            "written_now": self.written,
            "removed": self.removed,
            "unknown_sizes": self.unknown,
            "rule_version": self.rule_version,
        }


def label_sizes(conn: psycopg.Connection) -> SizeReport:
    """Read every size text once per brand, audience and category that it occurs with."""
    with conn.transaction(), conn.cursor() as cur:
        rules = load_rules(conn)
        contexts = set(_size_contexts(cur, rules))
        stage(cur, SIZE_LABEL, _size_rows(sorted(contexts), rules))
        written = merge(cur, SIZE_LABEL, replace_all=True)
        (unknown,) = only_row(
            cur.execute("select count(*) from enrichment.size_label where size_system = 'OTHER'")
        )
    return SizeReport(
        contexts=len(contexts),
        written=written.inserted + written.updated,
        removed=written.deleted,
        unknown=unknown,
        rule_version=rules.version,
    )


def _size_contexts(cur: psycopg.Cursor[Any], rules: Rules) -> Iterator[LabelledSize]:
    for size, brand, audience, category, platform, product in cur.execute(_SIZES).fetchall():
        # A marketplace's gender field is the hint itself; an offer's texts only hold one.
        hint = audience if platform == "stockx" else audience_of(audience)
        yield size, brand, hint, category, product
    labeller = ProductLabeller(rules)
    for size, name, brand_raw in cur.execute(_PURCHASES).fetchall():
        label = labeller.label(name, brand_raw=brand_raw)
        yield size, label.brand.brand or "", audience_of(name), label.category.category or "", ""


def _size_rows(contexts: Iterable[LabelledSize], rules: Rules) -> Iterator[tuple[Any, ...]]:
    parser = SizeParser(rules)
    for size, brand, audience, category, product in contexts:
        found = parser.parse(
            size, brand=brand or None, audience=audience, category=category, product=product
        )
        yield (
            size,
            brand,
            audience,
            category,
            product,
            found.system,
            found.audience,
            found.value,
            found.size_key,
            found.us_size,
            found.eu_size,
            Decimal(str(round(found.confidence, 3))),
            rules.version,
        )
