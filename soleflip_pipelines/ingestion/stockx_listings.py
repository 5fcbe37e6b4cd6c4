"""The own StockX listings into `raw_stockx`: the list, and one by one those that left it.

What a listing's state means for a unit on hand is decided in the marts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import psycopg

from soleflip_pipelines.clients.stockx import Json, StockXClient
from soleflip_pipelines.ingestion.access import open_stockx
from soleflip_pipelines.ingestion.chunks import Fetched, fetch_in_chunks
from soleflip_pipelines.ingestion.fields import (
    DocumentForm,
    Money,
    is_moment,
    is_text,
    refused,
)
from soleflip_pipelines.ingestion.steps import Log, missing_row, stockx_workers
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.loader import (
    BatchResult,
    BatchSource,
    Page,
    RawTable,
    Record,
    Rejection,
    load_batch,
)

LISTINGS = RawTable("raw_stockx", "listings", ("listing_id",), newer_by="updatedAt")
LISTING_FORM = DocumentForm(
    key="listingId",
    required={"listingId": is_text, "status": is_text},
    optional={
        "amount": Money("currencyCode", "not below zero"),
        "createdAt": is_moment,
        "updatedAt": is_moment,
    },
)
MISSING_AGAIN_AFTER = "7 days"
NOT_FOUND = 404
DELETED = "DELETED"

# The list leaves out what has expired: a listing must not stay active because nobody hears of it.
UNSEEN_SQL = """
    select l.listing_id, l.payload
    from raw_stockx.listings l
    where upper(l.payload ->> 'status') in ('ACTIVE', 'MATCHED')
      and not exists (select from incoming i where i.listing_id = l.listing_id)
      and not exists (
          select from integration.rejected_rows r
          where r.asset = %(asset)s and r.position = l.listing_id
            and r.last_seen_at > now() - %(again_after)s::interval
      )
    order by 1
"""


def sync_listings(
    settings: Settings, conn: psycopg.Connection, *, run_id: str | None = None, log: Log = print
) -> list[BatchResult]:
    """Read all own listings, and ask for each that was active and is in the list no more.

    Args:
        settings: addresses, credentials and pace.
        conn: a connection of the loader role.
        run_id: Dagster's run, for the ledger.
        log: told about the progress.

    Raises:
        PartnerError: StockX cannot be read; finished batches are kept.
    """
    unseen: dict[str, Json] = {}

    def note_unseen(cur: psycopg.Cursor, _: int) -> None:
        params = {"asset": LISTINGS.address, "again_after": MISSING_AGAIN_AFTER}
        unseen.update(cur.execute(UNSEEN_SQL, params).fetchall())

    origin = BatchSource("stockx", "api", dagster_run_id=run_id)
    with open_stockx(settings) as client:
        listed = _listed(client, log)
        results = [load_batch(conn, LISTINGS, listed, origin, after=note_unseen)]

        def fetch(listing_id: str) -> Json:
            return client.listing(listing_id=listing_id)

        for chunk in fetch_in_chunks(list(unseen), fetch, workers=stockx_workers(settings)):
            rows = [row for item in chunk for row in _detail_rows(item, unseen[item.key], log)]
            results.append(load_batch(conn, LISTINGS, rows, origin))
    read, new, changed = (
        sum(getattr(result, name) for result in results) for name in ("read", "inserted", "updated")
    )
    log(f"listings: {read:,} read, {new:,} new, {changed:,} changed")
    return results


def _listed(client: StockXClient, log: Log) -> Iterator[Page]:
    for number, page in enumerate(client.listing_pages(warn=log), start=1):
        yield LISTING_FORM.page(page, f"listings, page {number}")


def _detail_rows(item: Fetched[Json], known: Json, log: Log) -> Sequence[Record | Rejection]:
    if item.error is not None and item.error.status == NOT_FOUND:
        # In neither the list nor on its own: StockX has deleted it, and has no other way to say so.
        return [Record((item.key,), {**known, "status": DELETED})]
    if item.reply is None:
        return missing_row(item, log)
    if item.reply.get("listingId") != item.key:
        return [refused(item.key, "wrong_document", "StockX sent another listing than asked for")]
    return [LISTING_FORM.record(item.reply, item.key)]
