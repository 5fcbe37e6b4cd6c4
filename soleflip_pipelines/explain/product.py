"""Why a product is what the catalogue says: raw words, rules with their evidence, the owner's word.

The rules themselves belong to `catalog`; what they decided last stands in `enrichment`.
"""

from __future__ import annotations

from uuid import UUID

from soleflip_pipelines.catalog.style_code import code_key
from soleflip_pipelines.errors import SoleflipError
from soleflip_pipelines.explain.reading import CANDIDATES, Book, NotFound, nearest
from soleflip_pipelines.explain.story import Row, Story, shown

PRODUCT_SQL = """
    select product.*, label.title, label.brand as label_brand, label.brand_rule,
           label.brand_evidence, label.brand_confidence, label.category as label_category,
           label.category_rule, label.category_confidence, label.style_rule, label.style_keys,
           label.collaborators, label.parent_brand, label.rule_version, label.labelled_at
    from catalog.product as product
    left join enrichment.product_label as label
        on label.platform = 'stockx' and product.stockx_product_id = label.partner_product_id
    where product.id = %(id)s or product.stockx_product_id = %(name)s
        or lower(product.sku) = lower(%(name)s) or lower(product.style_code) = lower(%(name)s)
        or label.style_key = %(key)s or %(key)s = any(label.style_keys)
    order by product.sku
"""
RAW_SQL = """
    select 'raw_stockx.products' as raw_table, raw.product_id as key, '#' || raw.batch_id as batch,
           raw.first_seen_at as first_seen, raw.changed_at as changed,
           staged.title, staged.brand_raw, staged.product_type_raw, staged.style_id_raw
    from raw_stockx.products as raw
    inner join staging.stg_stockx__products as staged
        on raw.product_id = staged.partner_product_id
    where raw.product_id = %(partner_id)s
"""
OVERRIDE_SQL = """
    select brand, category, style_code, note, created_at from owner.product_override
    where platform = 'stockx' and partner_product_id = %(partner_id)s
"""
HISTORY_SQL = """
    select valid_from, brand, category, brand_rule as rule, brand_confidence as confidence,
           left(rule_version, 12) as rules
    from catalog.brand_history where product_id = %(id)s order by valid_from
"""
REVIEW_SQL = """
    select reason from catalog.review_queue
    where kind = 'product' and product_id = %(id)s and platform = 'stockx'
"""
# What other doors name is this product because of these matches.
MATCHES_SQL = """
    select what, match_method as how, count(*) as rows, min(match_score) as least_score
    from (
        select 'purchase lines' as what, match_method, match_score, partner_product_id
        from enrichment.purchase_match
        union all
        select 'sales: ' || platform || ' by ' || source, match_method, match_score,
               partner_product_id
        from enrichment.sale_match
        union all
        select kind || 's', match_method, match_score, partner_product_id
        from enrichment.item_match
        union all
        select 'affiliate offers', match_method, match_score, partner_product_id
        from enrichment.offer_match
    ) as matches
    where partner_product_id = %(partner_id)s
    group by what, match_method order by what, match_method
"""
SIZES_SQL = """
    select size_raw as size, size_key, stockx_variant_id as stockx_variant, gtins
    from catalog.variant where product_id = %(id)s order by us_size, size_raw
"""
ALIKE_SQL = """
    select distinct coalesce(style_code, sku) as name from catalog.product
    where left(upper(sku), 3) = left(upper(%(name)s), 3)
        or right(upper(style_code), 3) = right(upper(%(name)s), 3)
        or name ilike '%%' || %(name)s || '%%'
    order by 1 limit %(limit)s
"""


def explain_product(book: Book, name: str) -> list[Story]:
    """The story of each product that a style code, SKU or id means.

    Raises:
        NotFound: no such product; the text names the nearest ones.
    """
    name = name.strip()
    if not name:
        raise SoleflipError("say which product: its style code, SKU or id")
    found = book.rows(PRODUCT_SQL, id=_as_id(name), name=name, key=code_key(name))
    if not found:
        alike = book.rows(ALIKE_SQL, name=name, limit=CANDIDATES)
        hint = nearest(name, [row["name"] for row in alike])
        raise NotFound(f"there is no product {name}{hint}")
    return [_tell(book, product) for product in found]


def _as_id(name: str) -> UUID | None:
    try:
        return UUID(name)
    except ValueError:
        return None


def _tell(book: Book, product: Row) -> Story:
    story = Story(f"Product {product['sku']}: {product['name']}")
    partner_id = product["stockx_product_id"]
    raw = book.rows(RAW_SQL, partner_id=partner_id)
    says = (
        [f'StockX writes: "{shown(row["title"])}", brand {shown(row["brand_raw"])}, type'
         f" {shown(row['product_type_raw'])}, style {shown(row['style_id_raw'])}." for row in raw]
        or ["No raw product: only orders or listings name it."]
    )  # fmt: skip
    places = [{k: row[k] for k in ("raw_table", "key", "batch", "first_seen", "changed")}
              for row in raw]  # fmt: skip
    story.tell("Where it comes from", says, places)
    override = book.row(OVERRIDE_SQL, partner_id=partner_id)
    review = book.row(REVIEW_SQL, id=product["id"])
    _tell_labels(story, product, override, review)
    story.tell("How its labels changed", [], book.rows(HISTORY_SQL, id=product["id"]))
    ids = [f"id {product['id']}", f"StockX {shown(partner_id)}", f"SKU {product['sku']}"]
    matches = book.rows(MATCHES_SQL, partner_id=partner_id)
    story.tell("What is taken for it", [" · ".join(ids)], matches)
    story.tell("Sizes", [], book.rows(SIZES_SQL, id=product["id"]))
    story.tell("Built", [f"Marts of build {product['build_id']}."])
    return story


def _tell_labels(story: Story, product: Row, override: Row | None, review: Row | None) -> None:
    decided = override or {}
    says = []
    if override:
        note = f": {override['note']}" if override["note"] else ""
        says.append(f"You corrected it on {override['created_at']:%Y-%m-%d}{note}.")
    if product["rule_version"] is None:
        says.append("It was never labelled: no product of this id was loaded.")
    else:
        says.append(
            f"Labelled {shown(product['labelled_at'])} by rules {product['rule_version'][:12]}."
        )
    if review:
        says.append(f"It waits for your look (`soleflip catalog review`): {review['reason']}.")
    if product["collaborators"]:
        says.append(f"With: {shown(product['collaborators'])}.")
    rows = [
        {
            "label": label,
            "is": product[value],
            "rule": product[rule],
            "evidence": product[evidence] if evidence else None,
            "confidence": product[confidence] if confidence else None,
            "your_word": decided.get(value),
        }
        for label, value, rule, evidence, confidence in (
            ("brand", "brand", "brand_rule", "brand_evidence", "brand_confidence"),
            ("category", "category", "category_rule", None, "category_confidence"),
            ("style code", "style_code", "style_rule", "style_keys", None),
        )
    ]
    story.tell("Labels", says, rows)
