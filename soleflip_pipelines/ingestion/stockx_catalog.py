"""StockX's products and their variants into `raw_stockx`, as far as the business meets them.

Which products those are is decided here, from the raw orders and listings; what a product is
called and how its sizes compare is the catalog's business.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import psycopg

from soleflip_pipelines.clients.stockx import Json
from soleflip_pipelines.ingestion.access import open_stockx
from soleflip_pipelines.ingestion.chunks import Fetched, fetch_in_chunks
from soleflip_pipelines.ingestion.fields import (
    DocumentForm,
    Money,
    is_day,
    is_text,
    refused,
)
from soleflip_pipelines.ingestion.steps import Log, missing_row, select_keys, stockx_workers
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.loader import (
    BatchResult,
    BatchSource,
    RawTable,
    Record,
    Rejection,
    load_batch,
)

PRODUCTS = RawTable("raw_stockx", "products", ("product_id",))
VARIANTS = RawTable("raw_stockx", "variants", ("variant_id",))
MISSING_AGAIN_AFTER = "7 days"

PRODUCT_FORM = DocumentForm(
    key="productId",
    required={"productId": is_text},
    optional={
        "productAttributes.releaseDate": is_day,
        "productAttributes.retailPrice": Money("USD", "not below zero"),
    },
)
VARIANT_FORM = DocumentForm(
    key="variantId", required={"variantId": is_text, "productId": is_text}, optional={}
)

# What was not found lately is not asked for each night again.
NAMED_PRODUCTS_SQL = """
    select distinct named.product_id
    from (
        select payload #>> '{product,productId}' as product_id from raw_stockx.orders
        union select payload #>> '{product,productId}' from raw_stockx.listings
        union select partner_product_id from owner.watch_item where platform = 'stockx'
    ) named
    where named.product_id <> ''
      and not exists (select from raw_stockx.products p where p.product_id = named.product_id)
      and not exists (
          select from integration.rejected_rows r
          where r.asset = %(asset)s and r.position = named.product_id
            and r.last_seen_at > now() - %(again_after)s::interval
      )
    order by 1
"""
# Products without variants, and those of which an order or a listing names one that is unknown:
# sizes are added to a product while it is sold.
LACKING_PRODUCTS_SQL = """
    with named as (
        select payload #>> '{product,productId}' as product_id,
               payload #>> '{variant,variantId}' as variant_id
        from raw_stockx.orders
        union
        select payload #>> '{product,productId}', payload #>> '{variant,variantId}'
        from raw_stockx.listings
    ),
    unknown as (
        select product_id, array_agg(variant_id) as variant_ids
        from named
        where variant_id <> ''
          and not exists (select from raw_stockx.variants v where v.variant_id = named.variant_id)
        group by product_id
    )
    select p.product_id, coalesce(unknown.variant_ids, '{}')
    from raw_stockx.products p
    left join unknown using (product_id)
    where (
        unknown.product_id is not null
        or not exists (
            select from raw_stockx.variants v where v.payload ->> 'productId' = p.product_id
        )
    )
      and not exists (
          select from integration.rejected_rows r
          where r.asset = %(asset)s and r.position = p.product_id
            and r.last_seen_at > now() - %(again_after)s::interval
      )
    order by 1
"""


def sync_products(
    settings: Settings, conn: psycopg.Connection, *, run_id: str | None = None, log: Log = print
) -> list[BatchResult]:
    """Fetch the products that an order, a listing or the watch list names and nobody knows yet.

    Args:
        settings: addresses, credentials and pace.
        conn: a connection of the loader role.
        run_id: Dagster's run, for the ledger.
        log: told about the progress.

    Raises:
        PartnerError: StockX cannot be read; finished chunks are kept.
    """

    def rows(item: Fetched[Json]) -> Sequence[Record | Rejection]:
        if item.reply is None:
            return missing_row(item, log)
        if item.reply.get("productId") != item.key:
            return [refused(item.key, "wrong_document", "StockX sent another product")]
        return [PRODUCT_FORM.record(item.reply, item.key)]

    params = {"asset": PRODUCTS.address, "again_after": MISSING_AGAIN_AFTER}
    with open_stockx(settings) as client:
        return _load_each(
            settings,
            conn,
            PRODUCTS,
            select_keys(conn, NAMED_PRODUCTS_SQL, params),
            lambda product_id: client.product(product_id=product_id),
            rows,
            run_id=run_id,
            log=log,
        )


def sync_variants(
    settings: Settings, conn: psycopg.Connection, *, run_id: str | None = None, log: Log = print
) -> list[BatchResult]:
    """Fetch the variants of products that lack some; otherwise as `sync_products`."""
    params = {"asset": VARIANTS.address, "again_after": MISSING_AGAIN_AFTER}
    lacking = {key: set(ids) for key, ids in conn.execute(LACKING_PRODUCTS_SQL, params)}
    conn.commit()

    def rows(item: Fetched[list[Json]]) -> Sequence[Record | Rejection]:
        if item.reply is None:
            return missing_row(item, log)
        if not item.reply:
            return [refused(item.key, "no_variants", "StockX lists no variant of this product")]
        found: list[Record | Rejection] = [VARIANT_FORM.record(v, item.key) for v in item.reply]
        if absent := lacking[item.key] - {str(v.get("variantId")) for v in item.reply}:
            reason = f"StockX no longer lists {', '.join(sorted(absent))}, which an order names"
            found.append(refused(item.key, "no_such_variant", reason))
        return found

    with open_stockx(settings) as client:
        return _load_each(
            settings,
            conn,
            VARIANTS,
            list(lacking),
            lambda product_id: client.variants(product_id=product_id),
            rows,
            run_id=run_id,
            log=log,
        )


def _load_each(
    settings: Settings,
    conn: psycopg.Connection,
    table: RawTable,
    product_ids: Sequence[str],
    fetch: Callable[[str], Any],
    rows: Callable[[Fetched[Any]], Sequence[Record | Rejection]],
    *,
    run_id: str | None,
    log: Log,
) -> list[BatchResult]:
    if product_ids:
        log(f"{table.name}: {len(product_ids):,} products to ask for")
    results: list[BatchResult] = []
    asked = 0
    for chunk in fetch_in_chunks(product_ids, fetch, workers=stockx_workers(settings)):
        origin = BatchSource("stockx", "api", dagster_run_id=run_id)
        found = (row for item in chunk for row in rows(item))
        results.append(load_batch(conn, table, found, origin))
        asked += len(chunk)
        log(f"{table.name}: {asked:,} of {len(product_ids):,} products asked for")
    return results
