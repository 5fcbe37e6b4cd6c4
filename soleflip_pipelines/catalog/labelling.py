"""Labels of products and sizes: reads staging, asks the detectors, writes `enrichment`.

Only what is new, changed or was decided by other rules is labelled again; the owner's overrides
win over everything. How a text is read belongs to the detectors.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

import psycopg

from soleflip_pipelines.catalog.brand import BrandDetector, BrandResult
from soleflip_pipelines.catalog.bulk import Target, merge, stage
from soleflip_pipelines.catalog.category import CategoryDetector, CategoryResult
from soleflip_pipelines.catalog.rules import Rules, load_rules
from soleflip_pipelines.catalog.size import SizeParser, audience_of
from soleflip_pipelines.catalog.style_code import (
    StyleCode,
    StyleCodeExtractor,
    StyleCodes,
    code_key,
)
from soleflip_pipelines.catalog.text import is_blank

PRODUCT_LABEL = Target(
    table="product_label",
    keys=("platform", "partner_product_id"),
    values=(
        "title", "brand", "parent_brand", "collaborators", "brand_rule", "brand_evidence",
        "brand_confidence", "category", "product_type", "category_rule", "category_confidence",
        "style_code", "style_key", "style_keys", "style_rule", "input_hash", "rule_version",
    ),
    stamp="labelled_at",
)  # fmt: skip
SIZE_LABEL = Target(
    table="size_label",
    keys=("size_raw", "brand", "audience_hint", "category"),
    values=(
        "size_system", "audience", "size_value", "size_key", "us_size", "eu_size", "confidence",
        "rule_version",
    ),
    stamp="labelled_at",
)  # fmt: skip

# One row per product of a partner, with the hash of all that its label depends on.
_PRODUCTS = """
create temp table product_input on commit drop as
with product as (
    select
        'stockx' as platform,
        partner_product_id,
        coalesce(title, url_key, '') as title,
        brand_raw,
        product_type_raw as type_raw,
        style_id_raw as code_raw,
        null::text as description
    from staging.stg_stockx__products
    union all
    select
        'awin', feed_id || ':' || aw_product_id, coalesce(product_name, ''), brand_raw,
        category_raw, mpn, description
    from staging.stg_awin__offers
)
select
    product.*,
    override.brand as own_brand,
    override.category as own_category,
    override.style_code as own_code,
    md5(jsonb_build_array(
        title, brand_raw, type_raw, code_raw, description,
        override.brand, override.category, override.style_code
    )::text) as input_hash
from product
left join owner.product_override as override using (platform, partner_product_id)
"""
_CHANGED = """
select
    product_input.platform, product_input.partner_product_id, product_input.title, brand_raw,
    type_raw, code_raw, description, own_brand, own_category, own_code, product_input.input_hash
from product_input
left join enrichment.product_label as label using (platform, partner_product_id)
where
    label.input_hash is distinct from product_input.input_hash
    or label.rule_version is distinct from %s
"""
_GONE = """
delete from enrichment.product_label as label
where not exists (
    select from product_input
    where
        product_input.platform = label.platform
        and product_input.partner_product_id = label.partner_product_id
)
"""
_TOTALS = """
select count(*), count(brand), count(category), count(style_code) from enrichment.product_label
"""

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
    size.platform
from size
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


class ProductInput(NamedTuple):
    """What is known of a product before it is labelled; all texts as the partner wrote them."""

    platform: str
    partner_product_id: str
    title: str
    brand_raw: str | None
    type_raw: str | None
    code_raw: str | None
    description: str | None
    own_brand: str | None
    own_category: str | None
    own_code: str | None
    input_hash: str


@dataclass(frozen=True, slots=True)
class LabelReport:
    """What a labelling did and how much of the table now has an answer."""

    labelled: int
    removed: int
    total: int
    with_brand: int
    with_category: int
    with_style_code: int
    rule_version: str

    def as_metadata(self) -> dict[str, Any]:
        """Flat figures for a run's metadata; shares are of all rows, None for an empty table."""
        return {
            "labelled_now": self.labelled,
            "removed": self.removed,
            "brand_share": _share(self.with_brand, self.total),
            "category_share": _share(self.with_category, self.total),
            "style_code_share": _share(self.with_style_code, self.total),
            "rule_version": self.rule_version,
        }


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


@dataclass(frozen=True, slots=True)
class ProductLabel:
    """Brand, category and codes of one product."""

    brand: BrandResult
    category: CategoryResult
    codes: StyleCodes


_Question = tuple[str, str | None, str | None, str | None, str | None, bool]


class ProductLabeller:
    """The three detectors in the order in which they help one another."""

    def __init__(self, rules: Rules) -> None:
        """Build the detectors of one set of rules."""
        self.brands = BrandDetector(rules)
        self.categories = CategoryDetector(rules)
        self.codes = StyleCodeExtractor(rules)
        self._memory: dict[_Question, ProductLabel] = {}

    def label(
        self,
        title: str,
        *,
        brand_raw: str | None = None,
        type_raw: str | None = None,
        code_raw: str | None = None,
        description: str | None = None,
        is_code_field_kept: bool = False,
    ) -> ProductLabel:
        """The label of one product; equal inputs (the sizes of an offer) are asked once.

        Args:
            title: the product's name.
            brand_raw: the partner's brand field.
            type_raw: the partner's product type or category path.
            code_raw: the partner's field for the maker's code.
            description: a longer text in which a code may stand.
            is_code_field_kept: the partner fills its code field wherever there is a code, so the
                texts are not searched for one.
        """
        key = (title, brand_raw, type_raw, code_raw, description, is_code_field_kept)
        label = self._memory.get(key)
        if label is None:
            label = self._memory[key] = self._label(*key)
        return label

    def _label(
        self,
        title: str,
        brand_raw: str | None,
        type_raw: str | None,
        code_raw: str | None,
        description: str | None,
        is_code_field_kept: bool,
    ) -> ProductLabel:
        witnesses = self.codes.parse_field(code_raw).witnesses
        brand = self.brands.detect(title, brand_raw, witnesses)
        codes = self.codes.parse_field(code_raw, brand.brand)
        for text in () if is_code_field_kept else (title, description or ""):
            codes = codes if codes.codes else self.codes.extract(text, brand.brand)
        category = self.categories.detect(title, brand=brand, product_type=type_raw)
        return ProductLabel(brand, category, codes)


def label_products(conn: psycopg.Connection) -> LabelReport:
    """Label what is new, changed or was decided by other rules; one transaction."""
    with conn.transaction(), conn.cursor() as cur:
        rules = load_rules(conn)
        cur.execute("drop table if exists pg_temp.product_input")
        cur.execute(_PRODUCTS)
        cur.execute("analyze product_input")
        cur.execute(_GONE)
        removed = cur.rowcount
        cur.execute(_CHANGED, [rules.version])
        changed = [ProductInput(*row) for row in cur]
        labelled = stage(cur, PRODUCT_LABEL, _label_rows(changed, rules))
        merge(cur, PRODUCT_LABEL, replace_all=False)
        total, with_brand, with_category, with_code = _row(cur.execute(_TOTALS))
    return LabelReport(
        labelled, removed, total, with_brand, with_category, with_code, rules.version
    )


def label_sizes(conn: psycopg.Connection) -> SizeReport:
    """Read every size text once per brand, audience and category that it occurs with."""
    with conn.transaction(), conn.cursor() as cur:
        rules = load_rules(conn)
        contexts = set(_size_contexts(cur, rules))
        stage(cur, SIZE_LABEL, _size_rows(sorted(contexts), rules))
        written = merge(cur, SIZE_LABEL, replace_all=True)
        (unknown,) = _row(
            cur.execute("select count(*) from enrichment.size_label where size_system = 'OTHER'")
        )
    return SizeReport(
        contexts=len(contexts),
        written=written.inserted + written.updated,
        removed=written.deleted,
        unknown=unknown,
        rule_version=rules.version,
    )


def _label_rows(products: Iterable[ProductInput], rules: Rules) -> Iterator[tuple[Any, ...]]:
    labeller = ProductLabeller(rules)
    parents = {rule.brand: rule.parent_brand for rule in rules.brand_rules}
    for product in products:
        label = labeller.label(
            product.title,
            brand_raw=product.brand_raw,
            type_raw=product.type_raw,
            code_raw=product.code_raw,
            description=product.description,
            is_code_field_kept=product.platform == "stockx",
        )
        yield (
            product.platform,
            product.partner_product_id,
            product.title,
            *_brand_columns(label.brand, product.own_brand, parents),
            *_category_columns(label.category, product.own_category),
            *_code_columns(label.codes, product.own_code),
            product.input_hash,
            rules.version,
        )


def _brand_columns(
    brand: BrandResult, own: str | None, parents: dict[str, str | None]
) -> tuple[Any, ...]:
    # A line under its house (Yeezy under adidas) is listed with those the title names beside it.
    partners = [name for name in (brand.sub_brand, *brand.collaborators) if name]
    if not is_blank(own):
        known = parents.get(own or "")
        return own, known, partners, "owner:override", "decided by the owner", Decimal(1)
    return (
        brand.brand,
        brand.parent_brand,
        partners,
        brand.rule,
        brand.evidence,
        Decimal(str(round(brand.confidence, 3))),
    )


def _category_columns(category: CategoryResult, own: str | None) -> tuple[Any, ...]:
    if not is_blank(own):
        return own, None, "owner:override", Decimal(1)
    confidence = Decimal(str(round(category.confidence, 3)))
    return category.category, category.product_type, category.rule, confidence


def _code_columns(codes: StyleCodes, own: str | None) -> tuple[Any, ...]:
    if not is_blank(own):
        key = code_key(own or "")
        return own, key, [key], "owner:override"
    first: StyleCode | None = codes.first
    if first is None:
        return None, None, [], None
    return first.code, first.key, list(codes.keys), first.rule


SizeContext = tuple[str, str, str, str]


def _size_contexts(cur: psycopg.Cursor[Any], rules: Rules) -> Iterator[SizeContext]:
    for size, brand, audience, category, platform in cur.execute(_SIZES).fetchall():
        # A marketplace's gender field is the hint itself; an offer's texts only hold one.
        hint = audience if platform == "stockx" else audience_of(audience)
        yield size, brand, hint, category
    labeller = ProductLabeller(rules)
    for size, name, brand_raw in cur.execute(_PURCHASES).fetchall():
        label = labeller.label(name, brand_raw=brand_raw)
        yield size, label.brand.brand or "", audience_of(name), label.category.category or ""


def _size_rows(contexts: Iterable[SizeContext], rules: Rules) -> Iterator[tuple[Any, ...]]:
    parser = SizeParser(rules)
    for size, brand, audience, category in contexts:
        found = parser.parse(size, brand=brand or None, audience=audience, category=category)
        yield (
            size,
            brand,
            audience,
            category,
            found.system,
            found.audience,
            found.value,
            found.size_key,
            found.us_size,
            found.eu_size,
            Decimal(str(round(found.confidence, 3))),
            rules.version,
        )


def _row(cur: psycopg.Cursor[Any]) -> tuple[Any, ...]:
    row = cur.fetchone()
    if row is None:
        raise LookupError("the query gave no row")
    return tuple(row)


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
