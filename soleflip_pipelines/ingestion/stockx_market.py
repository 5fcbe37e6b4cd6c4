"""StockX's market into `raw_stockx.market_data` and, append-only, `history.market_observation`.

One call answers for all sizes of a product; `market_plan` decides for which. The body carries no
time: an observation is dated by the moment its reply was there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial

import psycopg

from soleflip_pipelines.clients.stockx import Json
from soleflip_pipelines.ingestion.access import open_stockx
from soleflip_pipelines.ingestion.chunks import Fetched, fetch_in_chunks
from soleflip_pipelines.ingestion.fields import DocumentForm, Money, is_text
from soleflip_pipelines.ingestion.market_plan import Noted, note_calls, plan_market
from soleflip_pipelines.ingestion.steps import Log, missing_row, stockx_workers
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.loader import (
    BatchResult,
    BatchSource,
    RawTable,
    Record,
    Rejection,
    load_batch,
)

MARKET_DATA = RawTable("raw_stockx", "market_data", ("variant_id", "currency_code"))
CURRENCY = "EUR"
SOURCE_CALL = "product"
DEFAULT_MAX_AGE_HOURS = 6.0

FIGURES = (
    "lowestAskAmount",
    "highestBidAmount",
    "sellFasterAmount",
    "earnMoreAmount",
    "flexLowestAskAmount",
)
MARKET_FORM = DocumentForm(
    key="variantId",
    required={"variantId": is_text, "productId": is_text, "currencyCode": is_text},
    optional=dict.fromkeys(FIGURES, Money("currencyCode", "above zero")),
)

OBSERVE_SQL = """
    insert into history.market_observation (
        platform, partner_variant_id, currency_code, observed_at, partner_product_id, lowest_ask,
        highest_bid, sell_faster, earn_more, flex_lowest_ask, source_call, batch_id
    )
    select 'stockx', i.variant_id, i.currency_code, seen.at, seen.product_id,
           nullif(i.payload ->> 'lowestAskAmount', '')::numeric,
           nullif(i.payload ->> 'highestBidAmount', '')::numeric,
           nullif(i.payload ->> 'sellFasterAmount', '')::numeric,
           nullif(i.payload ->> 'earnMoreAmount', '')::numeric,
           nullif(i.payload ->> 'flexLowestAskAmount', '')::numeric,
           %s, %s
    from incoming i
    join unnest(%s::text[], %s::timestamptz[]) as seen (product_id, at)
        on seen.product_id = i.payload ->> 'productId'
    on conflict do nothing
"""


def sync_market_data(
    settings: Settings,
    conn: psycopg.Connection,
    *,
    run_id: str | None = None,
    log: Log = print,
    max_age_hours: float = DEFAULT_MAX_AGE_HOURS,
) -> list[BatchResult]:
    """Observe the market of what matters most and was not seen lately, as far as the quota goes.

    Args:
        settings: addresses, credentials and pace.
        conn: a connection of the loader role.
        run_id: Dagster's run, for the ledger.
        log: told about the progress.
        max_age_hours: a product seen within this time is left alone.

    Raises:
        PartnerError: StockX cannot be read; finished chunks are kept.
    """
    product_ids, deferred = plan_market(
        settings,
        conn,
        today_utc=datetime.now(UTC).date(),
        max_age=timedelta(hours=max_age_hours),
    )
    left = f", {deferred:,} left for tomorrow's quota" if deferred else ""
    log(f"market data: {len(product_ids):,} products to ask for{left}")
    results: list[BatchResult] = []
    asked = 0
    with open_stockx(settings) as client:

        def fetch(product_id: str) -> list[Json]:
            return client.market_data(product_id=product_id, currency_code=CURRENCY)

        for chunk in fetch_in_chunks(product_ids, fetch, workers=stockx_workers(settings)):
            results.append(
                load_batch(
                    conn,
                    MARKET_DATA,
                    _rows(chunk, log),
                    BatchSource("stockx", "api", dagster_run_id=run_id),
                    after=partial(_observe, chunk),
                )
            )
            asked += len(chunk)
            log(f"market data: {asked:,} of {len(product_ids):,} products asked for")
    return results


def _rows(chunk: list[Fetched[list[Json]]], log: Log) -> Iterator[Record | Rejection]:
    for item in chunk:
        if item.reply is None:
            yield from missing_row(item, log)
        for variant in item.reply or ():
            row = MARKET_FORM.record(variant, item.key)
            if isinstance(row, Record):
                row = Record((*row.key, str(variant["currencyCode"])), row.payload)
            yield row


def observe_retried(seen: Mapping[str, datetime], cur: psycopg.Cursor, batch_id: int) -> None:
    """Write into the history what rows say that were loaded out of the quarantine.

    Args:
        seen: when (UTC) the reply with a product's row was there, by product.
        cur: within the transaction that loads the rows.
        batch_id: of these rows.
    """
    cur.execute(OBSERVE_SQL, [SOURCE_CALL, batch_id, list(seen), list(seen.values())])


def _observe(chunk: list[Fetched[list[Json]]], cur: psycopg.Cursor, batch_id: int) -> None:
    answered = [item for item in chunk if item.reply is not None]
    cur.execute(
        OBSERVE_SQL,
        [SOURCE_CALL, batch_id, [i.key for i in answered], [i.at for i in answered]],
    )
    settled = [item for item in chunk if item.reply is not None or item.is_gone]
    note_calls(cur, [Noted(item.key, item.at, item.is_gone) for item in settled])
