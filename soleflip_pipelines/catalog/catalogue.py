"""The known products with their variants, as the owner's merges and splits make them.

What StockX and its orders name is read here and given the owner's word on what is one product; who
asks what an article is goes on with `finder`. The word itself is taken in `identity_decisions`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

import psycopg

from soleflip_pipelines.catalog.bulk import Target, Written, merge, stage
from soleflip_pipelines.catalog.labeller import ProductLabeller
from soleflip_pipelines.catalog.style_code import code_key
from soleflip_pipelines.catalog.variant_finder import Product, Variant

STOCKX_IDENTITY = Target(
    table="stockx_identity",
    keys=("kind", "partner_id"),
    values=("our_product_id", "our_variant_id"),
    stamp="decided_at",
)
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
    variant.partner_product_id, variant.partner_variant_id, variant.size_raw, variant.gtins,
    jsonb_object_agg(size.size_type, size.size_value) filter (where size.size_type is not null)
from staging.stg_stockx__variants as variant
left join staging.stg_stockx__variant_sizes as size using (partner_variant_id)
group by
    variant.partner_product_id, variant.partner_variant_id, variant.size_raw, variant.gtins
union all
select
    max(orders.partner_product_id), orders.partner_variant_id, max(orders.variant_value), '{}', null
from staging.stg_stockx__orders as orders
where
    orders.partner_variant_id is not null
    and not exists (
        select from staging.stg_stockx__variants as variant
        where variant.partner_variant_id = orders.partner_variant_id
    )
group by orders.partner_variant_id
"""
# A size that both of two merged products have is one variant: the kept product's own. Sizes of one
# marketplace are written alike, so that their texts can be compared.
_IDENTITY = """
with variant as (
    select partner_variant_id, partner_product_id, size_raw from staging.stg_stockx__variants
    union all
    select orders.partner_variant_id, max(orders.partner_product_id), max(orders.variant_value)
    from staging.stg_stockx__orders as orders
    where
        orders.partner_variant_id is not null
        and not exists (
            select from staging.stg_stockx__variants as known
            where known.partner_variant_id = orders.partner_variant_id
        )
    group by orders.partner_variant_id
),
placed as (
    select
        variant.*, coalesce(split.product_id, merged.product_id, variant.partner_product_id)
            as our_product_id
    from variant
    left join owner.identity_decision as split
        on split.kind = 'variant' and split.item_key = variant.partner_variant_id
    left join owner.identity_decision as merged
        on merged.kind = 'product' and merged.item_key = variant.partner_product_id
    where coalesce(split.product_id, merged.product_id, variant.partner_product_id) in (
        select product_id from owner.identity_decision where kind in ('product', 'variant')
    )
),
twinned as (
    select
        *, first_value(partner_variant_id) over (
            partition by our_product_id, coalesce(upper(btrim(size_raw)), partner_variant_id)
            order by (partner_product_id = our_product_id) desc, partner_variant_id collate "C"
        ) as our_variant_id
    from placed
)
select 'product', item_key, product_id, null
from owner.identity_decision where kind = 'product'
union all
select 'variant', partner_variant_id, our_product_id, our_variant_id
from twinned
where our_product_id <> partner_product_id or our_variant_id <> partner_variant_id
"""


# What was split off, with the owner's word on it; what nothing is said of is as it was.
_SPLIT = """
select split.product_id, split.name, split.like_product_id, word.brand, word.category,
    coalesce(word.style_code, split.style_code)
from owner.split_product as split
left join owner.product_override as word
    on word.platform = 'stockx' and word.partner_product_id = split.product_id
"""


class _Known(NamedTuple):
    partner_product_id: str
    title: str
    brand: str | None
    category: str | None
    gender: str | None
    style_keys: tuple[str, ...]


def resolve_stockx(conn: psycopg.Connection) -> Written:
    """Write what the owner's merges and splits make of StockX's products and variants.

    A decision about what StockX does not name any more waits and changes nothing.
    """
    with conn.transaction(), conn.cursor() as cur:
        stage(cur, STOCKX_IDENTITY, cur.execute(_IDENTITY).fetchall())
        return merge(cur, STOCKX_IDENTITY, replace_all=True)


def known_products(cur: psycopg.Cursor[Any], labeller: ProductLabeller) -> Iterator[Product]:
    """Every product that is one of ours, with the variants, titles and codes of what it took in.

    Labels are made on the spot where none is stored.
    """
    products = {row.partner_product_id: row for row in _labelled(cur, labeller)}
    cur.execute("select partner_id, our_product_id from enrichment.stockx_identity"
                " where kind = 'product'")  # fmt: skip
    merged: dict[str, str] = dict(cur.fetchall())
    taken_in: dict[str, list[_Known]] = defaultdict(list)
    for other, kept in merged.items():
        if other in products:
            taken_in[kept].append(products[other])
    variants = _variants(cur, merged)
    for split_id, name, like, brand, category, code in cur.execute(_SPLIT).fetchall():
        parent = products.get(like)
        if parent is not None and split_id in variants:
            products[split_id] = _Known(
                split_id,
                name,
                brand or parent.brand,
                category or parent.category,
                parent.gender,
                (code_key(code),) if code else parent.style_keys,
            )
    for product_id, own in products.items():
        if product_id in merged:
            continue
        others = taken_in.get(product_id, [])
        keys = [key for known in (own, *others) for key in known.style_keys]
        yield Product(
            partner_product_id=product_id,
            title=own.title,
            brand=own.brand,
            category=own.category,
            gender=own.gender,
            style_keys=tuple(dict.fromkeys(keys)),
            variants=tuple(variants.get(product_id, ())),
            other_titles=tuple(other.title for other in others),
        )


def _labelled(cur: psycopg.Cursor[Any], labeller: ProductLabeller) -> Iterator[_Known]:
    for product_id, title, brand, category, gender, keys, code in cur.execute(_PRODUCTS).fetchall():
        if not keys or category is None:
            label = labeller.label(title, code_raw=code, is_code_field_kept=True)
            brand, category = brand or label.brand.brand, category or label.category.category
            keys = keys or label.codes.keys
        yield _Known(product_id, title, brand, category, gender, tuple(keys))


def _variants(cur: psycopg.Cursor[Any], merged: dict[str, str]) -> dict[str, list[Variant]]:
    """Variants by the product of ours that they belong to; twins are one, with all barcodes."""
    cur.execute("select partner_id, our_product_id, our_variant_id from enrichment.stockx_identity"
                " where kind = 'variant'")  # fmt: skip
    ours = {variant_id: (product, variant) for variant_id, product, variant in cur.fetchall()}
    barcodes: dict[str, list[str]] = defaultdict(list)
    found: dict[str, list[tuple[str, str | None, dict[str, str] | None]]] = defaultdict(list)
    for product_id, variant_id, size_raw, gtins, sizes in cur.execute(_VARIANTS).fetchall():
        own_product = merged.get(product_id, product_id)
        our_product, our_variant = ours.get(variant_id, (own_product, variant_id))
        barcodes[our_variant].extend(gtins or ())
        if our_variant == variant_id:
            found[our_product].append((variant_id, size_raw, sizes))
    return {
        product_id: [
            Variant(variant_id, size_raw, sizes or {}, tuple(barcodes[variant_id]))
            for variant_id, size_raw, sizes in rows
        ]
        for product_id, rows in found.items()
    }
