"""Labels of products: reads staging, asks the labeller, writes `enrichment.product_label`.

Only what is new, changed or was decided by other rules is labelled again, and what the rules left
open when another model may fill it; the owner's overrides win over everything. Each change of a
brand or category is kept in `history.product_label_change`. How a label is found belongs to
`labeller` and `fallback`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, NamedTuple

import psycopg

from soleflip_pipelines.catalog.brand import BrandResult
from soleflip_pipelines.catalog.bulk import Target, merge, only_row, stage
from soleflip_pipelines.catalog.category import CategoryResult
from soleflip_pipelines.catalog.fallback import Trial
from soleflip_pipelines.catalog.fallback_trial import Fallback, Kind, fallback_in_force
from soleflip_pipelines.catalog.labeller import ProductLabel, ProductLabeller
from soleflip_pipelines.catalog.review import UNKNOWN_FIELD, Reviewer
from soleflip_pipelines.catalog.rules import Rules, load_rules
from soleflip_pipelines.catalog.style_code import StyleCode, StyleCodes, code_key
from soleflip_pipelines.catalog.text import is_blank

# A model guesses many titles at once about as fast as one.
FILLED_AT_ONCE = 2_000
PRODUCT_LABEL = Target(
    table="product_label",
    keys=("platform", "partner_product_id"),
    values=(
        "title", "brand", "parent_brand", "collaborators", "brand_rule", "brand_evidence",
        "brand_confidence", "category", "product_type", "category_rule", "category_confidence",
        "style_code", "style_key", "style_keys", "style_rule", "proposed_brand", "review_reason",
        "input_hash", "rule_version", "fallback_version",
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
    -- Only what the rules left open depends on the model.
    or (
        (
            label.brand is null
            or label.category is null
            or label.fallback_version is not null
        )
        and label.fallback_version is distinct from %s
    )
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
select count(*), count(brand), count(category), count(style_code), count(review_reason)
from enrichment.product_label
"""
_BRAND_MIX = """
select platform, coalesce(brand, '(none)'), count(*) from enrichment.product_label group by 1, 2
"""
# Before the merge and after it alike: it compares with the history alone.
_HISTORY = """
insert into history.product_label_change (
    platform, partner_product_id, valid_from, brand, parent_brand, category, brand_rule,
    brand_confidence, category_rule, category_confidence, rule_version
)
select
    new.platform, new.partner_product_id, statement_timestamp(), new.brand, new.parent_brand,
    new.category, new.brand_rule, new.brand_confidence, new.category_rule, new.category_confidence,
    new.rule_version
from decided as new
left join lateral (
    select true as is_known, brand, parent_brand, category
    from history.product_label_change as old
    where old.platform = new.platform and old.partner_product_id = new.partner_product_id
    order by valid_from desc
    limit 1
) as last on true
where
    last.is_known is null
    or (last.brand, last.parent_brand, last.category)
    is distinct from (new.brand, new.parent_brand, new.category)
"""
BrandMix = Mapping[str, Mapping[str, int]]


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
    """What a labelling did and how much of the table now has an answer.

    `changed` are the rows added to the history; the mixes are products by platform and brand, as
    the run found and left them.
    """

    labelled: int
    removed: int
    total: int
    with_brand: int
    with_category: int
    with_style_code: int
    to_review: int
    changed: int
    rule_version: str
    trials: Mapping[Kind, Trial] = field(default_factory=dict, repr=False)
    mix_before: BrandMix = field(default_factory=dict, repr=False)
    mix_after: BrandMix = field(default_factory=dict, repr=False)

    def as_metadata(self) -> dict[str, Any]:
        """Flat figures for a run's metadata; shares are of all rows, None for an empty table."""
        return {
            "labelled_now": self.labelled,
            "removed": self.removed,
            "brand_or_category_changed": self.changed,
            "to_review": self.to_review,
            "brand_share": _share(self.with_brand, self.total),
            "category_share": _share(self.with_category, self.total),
            "style_code_share": _share(self.with_style_code, self.total),
            "rule_version": self.rule_version,
            **{f"model for {kind}": _shown(trial) for kind, trial in self.trials.items()},
        }


def _shown(trial: Trial) -> str:
    """What a person should know of a model that may fill gaps."""
    return (
        f"{'used' if trial.is_better else 'off'}: of {trial.label_count:,} labels of the owner the "
        f"rules get {trial.rules_right_count:,} right, with the model "
        f"{trial.with_model_right_count:,}; {trial.filled_right_count:,} of the "
        f"{trial.filled_count:,} gaps that it filled are right"
    )


def label_products(conn: psycopg.Connection, *, creates_brands: bool = True) -> LabelReport:
    """Label what is new, changed or was decided by other rules; one transaction.

    Args:
        conn: a connection of the loader role.
        creates_brands: use a brand that only a marketplace's brand field names; else it is but
            proposed. It waits for the owner's look either way.
    """
    with conn.transaction(), conn.cursor() as cur:
        rules = load_rules(conn)
        if not creates_brands:
            rules = replace(rules, version=f"{rules.version}-proposed")
        cur.execute("drop table if exists pg_temp.product_input")
        cur.execute(_PRODUCTS)
        cur.execute("analyze product_input")
        mix_before = _brand_mix(cur)
        cur.execute(_GONE)
        removed = cur.rowcount
        labeller = ProductLabeller(rules)
        fallback = fallback_in_force(cur, labeller)
        cur.execute(_CHANGED, [rules.version, fallback.version])
        changed = [ProductInput(*row) for row in cur]
        rows = _label_rows(changed, rules, labeller, fallback, creates_brands)
        labelled = stage(cur, PRODUCT_LABEL, rows)
        merge(cur, PRODUCT_LABEL, replace_all=False)
        cur.execute(_HISTORY)
        changes = cur.rowcount
        total, with_brand, with_category, with_code, to_review = only_row(cur.execute(_TOTALS))
        mix_after = _brand_mix(cur)
    return LabelReport(
        labelled, removed, total, with_brand, with_category, with_code, to_review, changes,
        rules.version, fallback.trials, mix_before, mix_after,
    )  # fmt: skip


def _brand_mix(cur: psycopg.Cursor[Any]) -> BrandMix:
    mix: dict[str, dict[str, int]] = defaultdict(dict)
    for platform, brand, count in cur.execute(_BRAND_MIX):
        mix[platform][brand] = count
    return dict(mix)


def _label_rows(
    products: Sequence[ProductInput],
    rules: Rules,
    labeller: ProductLabeller,
    fallback: Fallback,
    creates_brands: bool,
) -> Iterator[tuple[Any, ...]]:
    reviewer = Reviewer(rules)
    parents = {rule.brand: rule.parent_brand for rule in rules.brand_rules}
    for at in range(0, len(products), FILLED_AT_ONCE):
        some = products[at : at + FILLED_AT_ONCE]
        by_rules = [_by_rules(product, labeller) for product in some]
        labels = fallback.fill([product.title for product in some], by_rules)
        for product, first, label in zip(some, by_rules, labels, strict=True):
            is_proposed = label.brand.rule == UNKNOWN_FIELD and not creates_brands
            brand = replace(label.brand, brand=None) if is_proposed else label.brand
            is_open = first.brand.brand is None or first.category.category is None
            yield (
                product.platform,
                product.partner_product_id,
                product.title,
                *_brand_columns(brand, product.own_brand, parents),
                *_category_columns(label.category, product.own_category),
                *_code_columns(label.codes, product.own_code),
                *reviewer.judge(label, product.own_brand, product.own_category),
                product.input_hash,
                rules.version,
                fallback.version if is_open or is_proposed else None,
            )


def _by_rules(product: ProductInput, labeller: ProductLabeller) -> ProductLabel:
    return labeller.label(
        product.title,
        brand_raw=product.brand_raw,
        type_raw=product.type_raw,
        code_raw=product.code_raw,
        description=product.description,
        is_code_field_kept=product.platform == "stockx",
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


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
