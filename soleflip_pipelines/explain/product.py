"""Why a product is what the catalogue says, and where its units came from and went to.

The rules themselves belong to `catalog`; what they decided last stands in `enrichment`.
"""

from __future__ import annotations

from decimal import Decimal
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
# What partners and files name is this product because of this evidence.
MATCHES_SQL = """
    select kind as items, platform, match_method as because_of, count(*) as rows,
           min(match_score) as least_score, min(item_key) as for_example
    from catalog.item_identity where product_id = %(id)s
    group by kind, platform, match_method order by kind, platform, match_method
"""
MAYBE_SQL = """
    select kind || ' ' || item_key as item, found ->> 'why' as because_of,
           found ->> 'score' as score
    from catalog.item_identity cross join jsonb_array_elements(candidates) as found
    where found ->> 'product_id' = %(partner_id)s order by item
"""
DECIDED_SQL = """
    select case kind when 'product' then 'merged: ' else kind || ': ' end || item_key as item,
           product_id as is_product, previous_product_id as was, note, decided_at
    from owner.identity_decision
    where %(partner_id)s in (product_id, previous_product_id) order by decided_at, item
"""
SIZES_SQL = """
    select size_raw as size, size_key, stockx_variant_id as stockx_variant, gtins
    from catalog.variant where product_id = %(id)s order by us_size, size_raw
"""
LOTS_SQL = """
    select lot.line_key as purchase_line, lot.size_raw as size, lot.available_on as there_since,
           lot.location, lot.quantity as bought, lot.sold_count as sold, lot.lost_count as lost,
           lot.remaining_count as left, lot.unit_cost_eur, lot.remaining_cost_eur,
           '#' || lot.batch_id as batch
    from inventory.lot as lot
    where lot.product_id = %(id)s
    order by lot.available_on desc, lot.line_key
"""
MOVEMENTS_SQL = """
    select move.occurred_on as day, move.kind, stock.line_key || ' #' || stock.unit_no as unit,
           stock.size_raw as size, move.quantity, move.cost_eur, move.reason,
           case when move.order_id is not null then move.reference end as order
    from inventory.movement as move
    inner join inventory.stock as stock on move.stock_id = stock.id
    where move.product_id = %(id)s
    order by move.occurred_on desc, move.quantity, unit
"""
STOCK_SQL = """
    select count(*) filter (where is_in_house) as units,
           sum(cost_eur) filter (where is_in_house) as cost_eur
    from inventory.stock where product_id = %(id)s
"""
ROWS_SHOWN = 30
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
    matches = book.rows(MATCHES_SQL, id=product["id"])
    story.tell("What is taken for it", [" · ".join(ids)], matches)
    for title, query in (("What may be it", MAYBE_SQL), ("What you said of it", DECIDED_SQL)):
        rows = book.rows(query, partner_id=partner_id)
        if rows:
            story.tell(title, [], rows[:ROWS_SHOWN])
    story.tell("Sizes", [], book.rows(SIZES_SQL, id=product["id"]))
    _tell_stock(story, book, product)
    story.tell("Built", [f"Marts of build {product['build_id']}."])
    return story


def _tell_stock(story: Story, book: Book, product: Row) -> None:
    lots = book.rows(LOTS_SQL, id=product["id"])
    moves = book.rows(MOVEMENTS_SQL, id=product["id"])
    held = book.row(STOCK_SQL, id=product["id"]) or {}
    story.tell("Lots", _left_out(lots), lots[:ROWS_SHOWN])
    says = [
        f"They add up to {sum(move['quantity'] for move in moves)} in the house, at a cost of"
        f" {shown(_total(moves))} EUR."
    ]  # fmt: skip
    story.tell("Movements", [*says, *_left_out(moves)], moves[:ROWS_SHOWN])
    units = Decimal(sum(move["quantity"] for move in moves))
    story.check("the number of units in the house", units, Decimal(held["units"]))
    story.check("their cost", _total(moves), held["cost_eur"] or Decimal(0))


def _total(moves: list[Row]) -> Decimal:
    return sum((move["cost_eur"] for move in moves if move["cost_eur"] is not None), Decimal(0))


def _left_out(rows: list[Row]) -> list[str]:
    return [f"The newest {ROWS_SHOWN} of {len(rows)}."] if len(rows) > ROWS_SHOWN else []


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
