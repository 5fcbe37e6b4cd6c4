"""StockX's orders, their details and the own listings into `raw_stockx`.

StockX has no "changed since": active orders are read whole, past ones over a trailing window of
creation dates (and whole once a week), and what left both lists is asked for by number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta

import psycopg

from soleflip_pipelines.clients.redaction import without_query
from soleflip_pipelines.clients.stockx import Json, StockXClient
from soleflip_pipelines.ingestion.access import open_stockx
from soleflip_pipelines.ingestion.chunks import Fetched, fetch_in_chunks
from soleflip_pipelines.ingestion.fields import (
    DocumentForm,
    is_amount,
    is_moment,
    is_text,
    refused,
)
from soleflip_pipelines.ingestion.steps import Log, missing_row, select_keys, stockx_workers
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse import loader_sql
from soleflip_pipelines.warehouse.loader import (
    BatchResult,
    BatchSource,
    RawTable,
    Record,
    Rejection,
    canonical_json,
    load_batch,
    read_cursor,
)

ORDERS = RawTable("raw_stockx", "orders", ("order_number",))
ORDER_DETAILS = RawTable("raw_stockx", "order_details", ("order_number",))
LISTINGS = RawTable("raw_stockx", "listings", ("listing_id",))

LOOK_BACK = timedelta(days=120)
FULL_READ_EVERY = timedelta(days=7)
UNSEEN_STREAM = "raw_stockx.orders/unseen"
FINAL_STATUSES = ["AUTHFAILED", "DIDNOTSHIP", "CANCELED", "CANCELLED", "COMPLETED", "RETURNED"]
SIGNED_LINKS = ("shippingLabelUrl", "shippingDocumentUrl")
PROGRESS_PAGES = 25

PAYOUT = {
    "payout.totalPayout": is_amount,
    "payout.salePrice": is_amount,
    "payout.totalAdjustments": is_amount,
}
ORDER_FORM = DocumentForm(
    key="orderNumber",
    required={
        "orderNumber": is_text,
        "status": is_text,
        "amount": is_amount,
        "createdAt": is_moment,
    },
    optional={"updatedAt": is_moment, "shipment.shipByDate": is_moment, **PAYOUT},
)
LISTING_FORM = DocumentForm(
    key="listingId",
    required={"listingId": is_text, "status": is_text},
    optional={"amount": is_amount, "createdAt": is_moment, "updatedAt": is_moment},
)

# Open orders that neither list showed: gone from "active", too old for the window of "history".
UNSEEN_SQL = """
    select o.order_number
    from raw_stockx.orders o
    left join raw_stockx.order_details d using (order_number)
    where upper(coalesce(d.payload, o.payload) ->> 'status') <> all(%(final)s)
      and not exists (select from incoming i where i.order_number = o.order_number)
    order by o.order_number
"""
# Times are compared to the second, as text: both come from StockX, in ISO 8601 UTC.
WANTED_SQL = """
    select o.order_number
    from raw_stockx.orders o
    left join raw_stockx.order_details d using (order_number)
    where case
        when d.order_number is null then
            coalesce(o.payload #>> '{payout,totalPayout}', '') = ''
            or upper(o.payload ->> 'status') <> all(%(final)s)
        else left(o.payload ->> 'updatedAt', 19) > left(d.payload ->> 'updatedAt', 19)
    end
    order by o.payload ->> 'createdAt' desc, o.order_number
"""


def sync_orders(
    settings: Settings, conn: psycopg.Connection, *, run_id: str | None = None, log: Log = print
) -> list[BatchResult]:
    """Read the order lists into `raw_stockx.orders`, in one batch.

    Args:
        settings: addresses, credentials and pace.
        conn: a connection of the loader role.
        run_id: Dagster's run, for the ledger.
        log: told about the progress.

    Raises:
        PartnerError: StockX cannot be read; nothing of the batch is kept.
    """
    now = datetime.now(UTC)
    cursor = read_cursor(conn, ORDERS.address) or {}
    conn.commit()
    created_from = _window_start(settings, cursor, now)
    following = dict(cursor)
    if created_from is None:
        following["last_full_read"] = now.isoformat()

    def warn(text: str) -> None:
        log(text)
        following.pop("last_full_read", None)  # a list that moved is read whole next time

    def note_unseen(cur: psycopg.Cursor, batch_id: int) -> None:
        cur.execute(UNSEEN_SQL, {"final": FINAL_STATUSES})
        numbers = [row[0] for row in cur.fetchall()]
        unseen = canonical_json({"order_numbers": numbers})
        loader_sql.save_cursor(cur, UNSEEN_STREAM, unseen, batch_id)

    window_from = (
        datetime.combine(created_from, time.min, UTC) if created_from is not None else None
    )
    with open_stockx(settings) as client:
        result = load_batch(
            conn,
            ORDERS,
            _listed_orders(client, created_from, warn, log),
            BatchSource(
                "stockx", "api", window_from=window_from, window_to=now, dagster_run_id=run_id
            ),
            cursor=(ORDERS.address, following),
            after=note_unseen,
        )
    return [result]


def sync_order_details(
    settings: Settings, conn: psycopg.Connection, *, run_id: str | None = None, log: Log = print
) -> list[BatchResult]:
    """Ask for the orders whose payout or status the lists do not settle, newest first.

    An order whose list entry has not changed since its detail was read is not asked for again.
    Arguments and errors as in `sync_orders`; finished chunks are kept.
    """
    unseen = (read_cursor(conn, UNSEEN_STREAM) or {}).get("order_numbers", [])
    wanted = select_keys(conn, WANTED_SQL, {"final": FINAL_STATUSES})
    numbers = list(dict.fromkeys([*wanted, *unseen]))
    log(f"order details: {len(numbers):,} to ask for")
    results: list[BatchResult] = []
    with open_stockx(settings) as client:

        def fetch(number: str) -> Json:
            return client.order(order_number=number)

        for chunk in fetch_in_chunks(numbers, fetch, workers=stockx_workers(settings)):
            rows = [row for item in chunk for row in _detail_rows(item, log)]
            origin = BatchSource("stockx", "api", dagster_run_id=run_id)
            results.append(load_batch(conn, ORDER_DETAILS, rows, origin))
            log(f"order details: {sum(r.read for r in results):,} of {len(numbers):,}")
    return results


def sync_listings(
    settings: Settings, conn: psycopg.Connection, *, run_id: str | None = None, log: Log = print
) -> list[BatchResult]:
    """Read all own listings; arguments and errors as in `sync_orders`."""

    def rows(client: StockXClient) -> Iterator[Record | Rejection]:
        for number, page in enumerate(client.listing_pages(warn=log), start=1):
            for place, item in enumerate(page, start=1):
                yield LISTING_FORM.record(item, f"listings, page {number}, item {place}")

    with open_stockx(settings) as client:
        origin = BatchSource("stockx", "api", dagster_run_id=run_id)
        result = load_batch(conn, LISTINGS, rows(client), origin)
    log(f"listings: {result.read:,} read, {result.inserted:,} new, {result.updated:,} changed")
    return [result]


def _window_start(settings: Settings, cursor: Json, now: datetime) -> date | None:
    last_full_read = cursor.get("last_full_read")
    if last_full_read is None or now - datetime.fromisoformat(last_full_read) > FULL_READ_EVERY:
        return None
    return settings.today() - LOOK_BACK


def _listed_orders(
    client: StockXClient, created_from: date | None, warn: Log, log: Log
) -> Iterator[Record | Rejection]:
    """Active orders first: one that moves on meanwhile is then read twice, not never."""
    read = pages = 0
    for name, found in (
        ("active", client.active_order_pages(warn=warn)),
        ("past", client.past_order_pages(created_from=created_from, warn=warn)),
    ):
        for number, page in enumerate(found, start=1):
            for place, item in enumerate(page, start=1):
                yield ORDER_FORM.record(item, f"{name} orders, page {number}, item {place}")
            read, pages = read + len(page), pages + 1
            if pages % PROGRESS_PAGES == 0:
                log(f"orders: {read:,} read, {pages:,} pages")
    log(f"orders: {read:,} read, {pages:,} pages")


def _detail_rows(item: Fetched[Json], log: Log) -> Sequence[Record | Rejection]:
    if item.reply is None:
        return missing_row(item, log)
    if item.reply.get("orderNumber") != item.key:
        return [refused(item.key, "wrong_document", "StockX sent another order than asked for")]
    return [ORDER_FORM.record(_unsigned(item.reply), item.key)]


def _unsigned(order: Json) -> Json:
    """The order with its short-lived signed links cut down to what does not open anything."""
    shipment = order.get("shipment")
    if not isinstance(shipment, dict):
        return order
    cut = {
        name: without_query(value) if name in SIGNED_LINKS and isinstance(value, str) else value
        for name, value in shipment.items()
    }
    return {**order, "shipment": cut}
