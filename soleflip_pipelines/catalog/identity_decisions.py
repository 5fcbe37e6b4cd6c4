"""What the owner decides about identity: products merged, items split off or assigned.

Decisions are rows of schema `owner`, which no rebuild touches; `catalogue` and `matching` give them
precedence over every rule at the next run. What would contradict another decision is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, LiteralString, NamedTuple

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from soleflip_pipelines.catalog.decisions import DecisionError
from soleflip_pipelines.catalog.style_code import code_key

_PRODUCT = """
with known as (
    select partner_product_id as id, title from staging.stg_stockx__products
    union
    select orders.partner_product_id, max(orders.product_name)
    from staging.stg_stockx__orders as orders
    where
        orders.partner_product_id is not null
        and not exists (
            select from staging.stg_stockx__products as product
            where product.partner_product_id = orders.partner_product_id
        )
    group by orders.partner_product_id
    union all
    select product_id, name from owner.split_product
)
select known.id, coalesce(known.title, known.id), label.brand, label.category
from known
left join enrichment.product_label as label
    on label.platform = 'stockx' and known.id = label.partner_product_id
where
    lower(%(name)s) in (
        lower(known.id), lower('STOCKX-' || known.id),
        md5('product|stockx|' || known.id)::uuid::text,
        lower(label.style_code || '-' || left(replace(known.id, '-', ''), 8))
    )
    or (%(key)s <> '' and (%(key)s = label.style_key or %(key)s = any(label.style_keys)))
order by known.id
"""
_VARIANTS = """
select
    variant.partner_variant_id, variant.size_raw,
    coalesce(own.our_product_id, merged.our_product_id, variant.partner_product_id) as product_id
from staging.stg_stockx__variants as variant
left join enrichment.stockx_identity as own
    on own.kind = 'variant' and own.partner_id = variant.partner_variant_id
left join enrichment.stockx_identity as merged
    on merged.kind = 'product' and merged.partner_id = variant.partner_product_id
where
    coalesce(own.our_product_id, merged.our_product_id, variant.partner_product_id) = %s
"""
# Where an item of a kind says what it was taken for.
_TAKEN_FOR: dict[str, LiteralString] = {
    "purchase": "select partner_product_id from enrichment.purchase_match where line_key = %s",
    "sale": "select partner_product_id from enrichment.sale_match"
    " where concat_ws(' ', platform, order_number, order_line) = %s",
    "offer": "select partner_product_id from enrichment.offer_match"
    " where feed_id || ':' || aw_product_id = %s",
    "listing": "select partner_product_id from enrichment.item_match"
    " where kind = 'listing' and item_key = %s",
    "count": "select partner_product_id from enrichment.item_match"
    " where kind = 'count' and item_key = %s",
    "list": "select partner_product_id from enrichment.item_match"
    " where kind = 'product' and item_key = %s",
}
_UNDECIDED = """
select 'purchase:' || line_key as item, candidates from enrichment.purchase_match
where candidates <> '[]'
union all
select 'sale:' || concat_ws(' ', platform, order_number, order_line), candidates
from enrichment.sale_match where candidates <> '[]'
union all
select case kind when 'product' then 'list' else kind end || ':' || item_key, candidates
from enrichment.item_match where candidates <> '[]'
union all
select 'offer:' || feed_id || ':' || aw_product_id, candidates
from enrichment.offer_match where candidates <> '[]'
order by 1
"""
_DECIDE = """
insert into owner.identity_decision (kind, item_key, product_id, previous_product_id, note)
values (%s, %s, %s, %s, %s)
"""
# What one command decides is of one transaction, so of one moment.
_UNDO = """
delete from owner.identity_decision as said
where
    %(about)s in (said.item_key, said.kind || ':' || said.item_key)
    or (said.product_id = %(about)s and said.product_id like 'own-%%')
    or (%(group)s and said.decided_at in (
        select decided_at from owner.identity_decision
        where %(about)s in (item_key, kind || ':' || item_key)
    ))
"""
_DECISIONS = """
select
    kind, case kind when 'product' then item_key else kind || ':' || item_key end as about,
    case
        when product_id is null then 'none of ours'
        when kind = 'product' then 'merged into ' || product_id
        when kind = 'variant' then 'split off to ' || product_id
        else 'assigned to ' || product_id
    end as decision,
    null as brand, null as category, null as style_code, note, decided_at
from owner.identity_decision
"""


class KnownProduct(NamedTuple):
    """A product that a name of the owner's means."""

    product_id: str
    title: str
    brand: str | None
    category: str | None


class Split(NamedTuple):
    """What a split did; `product_id` is None where the items are now none of ours."""

    product_id: str | None
    is_new: bool
    items: list[tuple[str, str]]


def find_product(conn: psycopg.Connection, name: str) -> KnownProduct:
    """The one product that a style code, SKU, id of ours or of StockX means.

    Raises:
        DecisionError: none, or several.
    """
    found = conn.execute(_PRODUCT, {"name": name.strip(), "key": code_key(name)}).fetchall()
    if len(found) == 1:
        return KnownProduct(*found[0])
    if not found:
        raise DecisionError(
            f"there is no product {name}: name it by its style code, SKU or StockX id, as"
            " catalog.product has them"
        )
    ids = ", ".join(f"{row[0]} ({row[1]})" for row in found)
    raise DecisionError(f"{name} is {len(found)} products: name one by its id: {ids}")


def merge_products(
    conn: psycopg.Connection, keep: str, other: str, *, note: str | None = None, yes: bool = False
) -> tuple[KnownProduct, KnownProduct]:
    """Make two products one: the other's sizes, sales, units and titles become the kept one's.

    Raises:
        DecisionError: it would contradict another decision, or brand or category (without `yes`).
    """
    with conn.transaction():
        kept, gone = find_product(conn, keep), find_product(conn, other)
        if kept.product_id == gone.product_id:
            raise DecisionError(f"{keep} and {other} are one product already: {kept.title}")
        if gone.product_id.startswith("own-"):
            raise DecisionError(
                f"{gone.product_id} was split off: `soleflip catalog undo {gone.product_id}` takes"
                " that back"
            )
        for product in (kept, gone):
            _refuse_merged(conn, product)
        given = conn.execute(
            "select kind, item_key from owner.identity_decision where product_id = %s limit 1",
            [gone.product_id],
        ).fetchone()
        if given is not None:
            raise DecisionError(
                f"{given[0]} {given[1]} was given to {gone.title}: merge the other way round, or"
                f" `soleflip catalog undo {given[1]}` first"
            )
        label = kept.brand, kept.category
        if None not in (*label, gone.brand, gone.category) and not yes:
            other_label = gone.brand, gone.category
            if label != other_label:
                raise DecisionError(
                    f"{kept.title} is {' '.join(filter(None, label))} and {gone.title} is"
                    f" {' '.join(filter(None, other_label))}: --yes merges them all the same"
                )
        conn.execute(_DECIDE, ["product", gone.product_id, kept.product_id, gone.product_id, note])
    return kept, gone


def split_items(
    conn: psycopg.Connection,
    product: str,
    items: Sequence[str],
    *,
    to: str | None = None,
    name: str | None = None,
    style_code: str | None = None,
    note: str | None = None,
) -> Split:
    """Say of items that they are not what they were taken for.

    They are the product `to`; else sizes become a product of their own (with the other items named
    beside them), and without a size they are none of ours.

    Raises:
        DecisionError: an item is not taken for the product, or is decided already; nothing would be
            left of the product; or there is no size to make a new product of.
    """
    with conn.transaction():
        source = find_product(conn, product)
        _refuse_merged(conn, source)
        variants = conn.execute(_VARIANTS, [source.product_id]).fetchall()
        chosen = [_item(conn, source, text, variants) for text in dict.fromkeys(items)]
        if not chosen:
            raise DecisionError("say what to split off: --item SIZE, --item purchase:KEY …")
        sizes = [key for kind, key in chosen if kind == "variant"]
        target = find_product(conn, to) if to else None
        if target is not None:
            if target.product_id == source.product_id:
                raise DecisionError(f"{to} is the very product that the items are to leave")
            _refuse_merged(conn, target)
        elif len(sizes) == len(variants) and sizes:
            raise DecisionError(
                f"these are all sizes of {source.title}: nothing would be left of it"
            )
        elif not sizes and (name or style_code):
            raise DecisionError(
                "a new product is made of sizes: name one (--item 10.5), or a product with --to"
            )
        is_new = target is None and bool(sizes)
        product_id = target.product_id if target else None
        if is_new:
            product_id = _new_product(conn, source, sizes, name, style_code)
        for kind, key in chosen:
            conn.execute(_DECIDE, [kind, key, product_id, source.product_id, note])
    return Split(product_id, is_new, chosen)


def assign_item(
    conn: psycopg.Connection, item: str, product: str, *, note: str | None = None
) -> KnownProduct:
    """Say which product an item is that the rules leave undecided or take for another.

    Raises:
        DecisionError: there is no such item or product, or the item is decided already.
    """
    with conn.transaction():
        target = find_product(conn, product)
        _refuse_merged(conn, target)
        kind, key = _split_key(item)
        taken = _taken_for(conn, kind, key)
        _refuse_decided(conn, kind, key)
        previous = next(iter(taken), None)
        conn.execute(_DECIDE, [kind, key, target.product_id, previous, note])
    return target


def undecided_items(conn: psycopg.Connection) -> list[dict[str, Any]]:
    """Items that may be several products or are but like one: kind:key and the candidates."""
    with conn.cursor(row_factory=dict_row) as cur:
        return cur.execute(_UNDECIDED).fetchall()


def undo_identity(conn: psycopg.Connection, about: str, *, group: bool = False) -> int:
    """Take back what was decided about an item, or about a product made by a split.

    With `group` also what was decided by the same command. Returns how many decisions that were; 0
    where there was none.

    Raises:
        DecisionError: another decision stands on it.
    """
    with conn.transaction():
        resting = conn.execute(
            "select item_key from owner.identity_decision"
            " where kind = 'product' and product_id = %s and product_id like 'own-%%'",
            [about],
        ).fetchone()
        if resting is not None:
            raise DecisionError(
                f"{resting[0]} is merged into {about}: `soleflip catalog undo {resting[0]}` first"
            )
        done = conn.execute(_UNDO, {"about": about, "group": group}).rowcount
        # A product of the owner's own is nothing without the sizes that it was made of.
        conn.execute(
            "delete from owner.split_product as made where not exists"
            " (select from owner.identity_decision as item"
            " where item.product_id = made.product_id and item.kind = 'variant')"
        )
        for table, its_id in (("identity_decision", "product_id"),
                              ("product_override", "partner_product_id")):  # fmt: skip
            conn.execute(
                sql.SQL(
                    "delete from owner.{} as said where {its_id} like 'own-%' and not exists"
                    " (select from owner.split_product as made where made.product_id = {its_id})"
                ).format(sql.Identifier(table), its_id=sql.Identifier("said", its_id))
            )
    return done


def identity_decisions(conn: psycopg.Connection) -> list[dict[str, Any]]:
    """All that the owner decided about identity, in the form of `decisions.decisions`."""
    with conn.cursor(row_factory=dict_row) as cur:
        return cur.execute(_DECISIONS).fetchall()


def _refuse_merged(conn: psycopg.Connection, product: KnownProduct) -> None:
    found = conn.execute(
        "select product_id from owner.identity_decision where kind = 'product' and item_key = %s",
        [product.product_id],
    ).fetchone()
    if found is not None:
        raise DecisionError(
            f"{product.title} is merged into {found[0]}: name that one, or take it back with"
            f" `soleflip catalog undo {product.product_id}`"
        )


def _item(
    conn: psycopg.Connection, source: KnownProduct, text: str, variants: list[tuple[Any, ...]]
) -> tuple[str, str]:
    """The kind and key that the owner's words mean: a size or variant, else `kind:key`."""
    kind, _, key = text.partition(":")
    if kind not in _TAKEN_FOR:
        wanted = key if kind in ("variant", "size") else text
        sizes = [v for v in variants if wanted in (v[0], v[1])]
        if len(sizes) != 1:
            known = ", ".join(str(v[1]) for v in variants)
            raise DecisionError(f"{source.title} has no one size {wanted}: its sizes are {known}")
        kind, key = "variant", str(sizes[0][0])
    else:
        taken = _taken_for(conn, kind, key)
        if source.product_id not in taken:
            said = taken.pop() or "no product"
            raise DecisionError(f"{kind} {key} is not taken for {source.title} but for {said}")
    _refuse_decided(conn, kind, key)
    return kind, key


def _split_key(item: str) -> tuple[str, str]:
    kind, _, key = item.partition(":")
    if kind not in _TAKEN_FOR:
        kinds = ", ".join(f"{name}:…" for name in _TAKEN_FOR)
        raise DecisionError(f"{item} names no item: write {kinds}")
    return kind, key


def _taken_for(conn: psycopg.Connection, kind: str, key: str) -> set[str | None]:
    """The products, or None, that the doors of an item took it for in the last run."""
    taken = {row[0] for row in conn.execute(_TAKEN_FOR[kind], [key])}
    if not taken and kind != "offer":
        raise DecisionError(f"there is no {kind} {key}: it is not known to the last run")
    return taken or {None}


def _refuse_decided(conn: psycopg.Connection, kind: str, key: str) -> None:
    decided = conn.execute(
        "select 1 from owner.identity_decision where kind = %s and item_key = %s", [kind, key]
    ).fetchone()
    if decided is not None:
        raise DecisionError(
            f"{kind} {key} is decided already: `soleflip catalog undo {kind}:{key}` takes that back"
        )


def _new_product(
    conn: psycopg.Connection,
    source: KnownProduct,
    sizes: list[str],
    name: str | None,
    style_code: str | None,
) -> str:
    digest = hashlib.sha256("|".join(sorted(sizes)).encode()).hexdigest()
    product_id = f"own-{digest[:12]}"
    like = conn.execute(
        "select like_product_id from owner.split_product where product_id = %s", [source.product_id]
    ).fetchone()
    conn.execute(
        "insert into owner.split_product (product_id, name, like_product_id, style_code)"
        " values (%s, %s, %s, %s)",
        [
            product_id, name or f"{source.title} (split off)",
            like[0] if like else source.product_id, style_code,
        ],
    )  # fmt: skip
    return product_id
