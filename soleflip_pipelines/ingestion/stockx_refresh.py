"""Reads known StockX products and their variants again, a few each day, as titles and codes change.

Only calls that nothing else needs are spent: what orders, new products and the market want of the
day's quota comes first. New products are `stockx_catalog`'s business.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg

from soleflip_pipelines.clients.stockx import StockXClient
from soleflip_pipelines.ingestion.access import open_stockx
from soleflip_pipelines.ingestion.chunks import fetch_in_chunks
from soleflip_pipelines.ingestion.market_plan import calls_to_spend
from soleflip_pipelines.ingestion.steps import Log, stockx_workers
from soleflip_pipelines.ingestion.stockx_catalog import (
    PRODUCT_FORM,
    PRODUCTS,
    VARIANT_FORM,
    VARIANTS,
)
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.loader import (
    BatchResult,
    BatchSource,
    Record,
    Rejection,
    load_batch,
    read_cursor,
)

STREAM = "raw_stockx.products/again"
ROUND_DAYS = 30
CALLS_EACH = 2  # a product and its variants

DUE_SQL = """
    with known as (
        select product_id from raw_stockx.products
        where first_seen_at < now() - make_interval(days => %(days)s)
    )
    select product_id from known
    order by product_id <= %(after)s, product_id
    limit greatest(0, least(
        %(most)s, ceil((select count(*) from known)::numeric / %(days)s) - %(asked)s
    ))
"""
MARKET_SQL = """
    select count(*) from integration.fetch_plan
    where partner = 'stockx' and decision not in ('dropped', 'refused')
"""


def sync_known_products(
    settings: Settings, conn: psycopg.Connection, *, run_id: str | None = None, log: Log = print
) -> list[BatchResult]:
    """Read those products again whose turn it is: each once in a month, by id, round and round.

    Args:
        settings: addresses, credentials, quota and pace.
        conn: a connection of the loader role.
        run_id: Dagster's run, for the ledger.
        log: told about the progress.

    Raises:
        PartnerError: StockX cannot be read; finished chunks are kept, and the next run goes on.
    """
    today = datetime.now(UTC).date().isoformat()
    cursor = read_cursor(conn, STREAM) or {}
    asked = int(cursor.get("asked", 0)) if cursor.get("day") == today else 0
    (market,) = conn.execute(MARKET_SQL).fetchone() or (0,)
    spare = calls_to_spend(settings, conn) - market
    due = {
        "days": ROUND_DAYS,
        "after": cursor.get("after", ""),
        "most": max(0, math.floor(spare / CALLS_EACH)),
        "asked": asked,
    }
    product_ids = [row[0] for row in conn.execute(DUE_SQL, due).fetchall()]
    conn.commit()
    results: list[BatchResult] = []
    if not product_ids:
        return results
    with open_stockx(settings) as client:
        origin = BatchSource("stockx", "api", dagster_run_id=run_id)
        chunks = fetch_in_chunks(
            product_ids, lambda key: _read(client, key), workers=stockx_workers(settings)
        )
        for chunk in chunks:
            # One that StockX does not give out any more is kept as it was known.
            rows = [item.reply for item in chunk if item.reply is not None]
            asked += len(chunk)
            after = {"after": chunk[-1].key, "day": today, "asked": asked}
            variants = (row for _, found in rows for row in found)
            products = (product for product, _ in rows)
            results.append(load_batch(conn, VARIANTS, variants, origin))
            results.append(load_batch(conn, PRODUCTS, products, origin, cursor=(STREAM, after)))
    changed = sum(result.updated for result in results)
    log(f"known products: {len(product_ids):,} read again, {changed:,} rows changed")
    return results


def _read(client: StockXClient, key: str) -> tuple[Record | Rejection, list[Record | Rejection]]:
    product = PRODUCT_FORM.record(client.product(product_id=key), key)
    return product, list(_variants(client, key))


def _variants(client: StockXClient, key: str) -> Iterator[Record | Rejection]:
    for variant in client.variants(product_id=key):
        yield VARIANT_FORM.record(variant, key)
