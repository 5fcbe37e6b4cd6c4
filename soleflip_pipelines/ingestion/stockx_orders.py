"""StockX's orders and their details into `raw_stockx`.

StockX has no "changed since": active orders are read whole, past ones over the latest months by day
of creation (older ones once a week), and what left both lists is asked for by number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import psycopg

from soleflip_pipelines.clients.redaction import without_query
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
from soleflip_pipelines.ingestion.periods import Period
from soleflip_pipelines.ingestion.steps import Log, missing_row, select_keys, stockx_workers
from soleflip_pipelines.ingestion.stockx_windows import (
    Window,
    due_windows,
    forget_readings,
    read_states,
    windows_of,
)
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse import loader_sql
from soleflip_pipelines.warehouse.loader import (
    BatchResult,
    BatchSource,
    Page,
    RawTable,
    Record,
    Rejection,
    canonical_json,
    load_batch,
    read_cursor,
)

ORDERS = RawTable("raw_stockx", "orders", ("order_number",), newer_by="updatedAt")
ORDER_DETAILS = RawTable("raw_stockx", "order_details", ("order_number",), newer_by="updatedAt")

LOOK_BACK = timedelta(days=120)
UNSEEN_STREAM = "raw_stockx.orders/unseen"
FINAL_STATUSES = ["AUTHFAILED", "DIDNOTSHIP", "CANCELED", "CANCELLED", "COMPLETED", "RETURNED"]
SIGNED_LINKS = ("shippingLabelUrl", "shippingDocumentUrl")
PROGRESS_PAGES = 25

PAYOUT_CURRENCY = "payout.currencyCode"
ORDER_FORM = DocumentForm(
    key="orderNumber",
    required={
        "orderNumber": is_text,
        "status": is_text,
        "amount": Money("currencyCode", "above zero"),
        "createdAt": is_moment,
    },
    optional={
        "updatedAt": is_moment,
        "shipment.shipByDate": is_moment,
        "payout.totalPayout": Money(PAYOUT_CURRENCY),
        # A sale that failed has none.
        "payout.salePrice": Money(PAYOUT_CURRENCY, "not below zero"),
        "payout.totalAdjustments": Money(PAYOUT_CURRENCY),
        "payout.adjustments.amount": Money(PAYOUT_CURRENCY),
    },
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
            -- Or its status went back, or changed without a date: what was read last is news.
            or (o.payload ->> 'status' <> d.payload ->> 'status' and o.changed_at > d.changed_at)
    end
    order by upper(o.payload ->> 'status') = any(%(final)s), o.payload ->> 'createdAt' desc,
        o.order_number
"""


@dataclass
class _Account:
    """What the account said of one slice while it was read."""

    declared: int = 0
    complaints: list[str] = field(default_factory=list)

    def declare(self, count: int) -> None:
        self.declared += count


def sync_orders(
    settings: Settings,
    conn: psycopg.Connection,
    *,
    run_id: str | None = None,
    log: Log = print,
    period: Period | None = None,
    full_read: bool = False,
) -> list[BatchResult]:
    """Read the order lists into `raw_stockx.orders`: what is recent first, then what is due.

    Active and recent orders are one batch, each further stretch of the history is one of its own.

    Args:
        settings: addresses, credentials and pace.
        conn: a connection of the loader role.
        run_id: Dagster's run, for the ledger.
        log: told about the progress.
        period: read the orders created in it, whenever they were read last, and no other stretch.
        full_read: read the whole history again, now or, if that is stopped, in later runs.

    Raises:
        PartnerError: StockX cannot be read; finished batches are kept.
    """
    now = datetime.now(UTC)
    if full_read:
        forget_readings(conn)
    recent_from = settings.today() - LOOK_BACK
    results: list[BatchResult] = []
    with open_stockx(settings) as client:
        results.append(_load_recent(client, conn, Window(recent_from, None), now, run_id, log))
        windows = due_windows(
            read_states(conn),
            newest_day=recent_from,
            now=now,
            count_until=lambda day: client.past_order_count(created_to=day),
        )
        for window in windows_of(period, settings.today()) if period else windows:
            results.append(_load_window(client, conn, window, now, run_id, log))
    return results


def _load_recent(
    client: StockXClient,
    conn: psycopg.Connection,
    window: Window,
    now: datetime,
    run_id: str | None,
    log: Log,
) -> BatchResult:
    """Active orders first: one that moves on meanwhile is then read twice, not never."""
    account = _Account()

    def rows() -> Iterator[Page]:
        active = client.active_order_pages(warn=log, declare=account.declare)
        yield from _listed(active, "active orders", log)
        past = client.past_order_pages(created_from=window.first, warn=log, declare=account.declare)
        yield from _listed(past, "past orders", log)

    def note(cur: psycopg.Cursor, batch_id: int) -> None:
        cur.execute(UNSEEN_SQL, {"final": FINAL_STATUSES})
        unseen = {"order_numbers": [row[0] for row in cur.fetchall()]}
        loader_sql.save_cursor(cur, UNSEEN_STREAM, canonical_json(unseen), batch_id)
        read_at = {"read_at": now.isoformat()}
        loader_sql.save_cursor(cur, ORDERS.address, canonical_json(read_at), batch_id)

    origin = BatchSource(
        "stockx", "api", window_from=window.bounds()[0], window_to=now, dagster_run_id=run_id
    )
    return load_batch(conn, ORDERS, rows(), origin, declared=lambda: account.declared, after=note)


def _load_window(
    client: StockXClient,
    conn: psycopg.Connection,
    window: Window,
    now: datetime,
    run_id: str | None,
    log: Log,
) -> BatchResult:
    """A stretch of the history; one that would not hold still is read first by the next run."""
    account = _Account()

    def rows() -> Iterator[Page]:
        pages = client.past_order_pages(
            created_from=window.asked_from,
            created_to=window.asked_to,
            warn=account.complaints.append,
            declare=account.declare,
        )
        yield from _listed(pages, f"past orders {window}", log)

    def note(cur: psycopg.Cursor, batch_id: int) -> None:
        state = window.state(read_at=now, is_settled=not account.complaints)
        loader_sql.save_cursor(cur, window.stream, canonical_json(state), batch_id)

    since, until = window.bounds()
    origin = BatchSource("stockx", "api", window_from=since, window_to=until, dagster_run_id=run_id)
    result = load_batch(conn, ORDERS, rows(), origin, declared=lambda: account.declared, after=note)
    for complaint in account.complaints:
        log(complaint)
    return result


def sync_order_details(
    settings: Settings, conn: psycopg.Connection, *, run_id: str | None = None, log: Log = print
) -> list[BatchResult]:
    """Ask for the orders whose payout or status the lists do not settle, open ones first.

    An order whose list entry has not changed since its detail was read is not asked for again.
    Arguments and errors as in `sync_orders`; finished chunks are kept.
    """
    unseen = (read_cursor(conn, UNSEEN_STREAM) or {}).get("order_numbers", [])
    wanted = select_keys(conn, WANTED_SQL, {"final": FINAL_STATUSES})
    numbers = list(dict.fromkeys([*unseen, *wanted]))
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


def _listed(pages: Iterator[list[Json]], name: str, log: Log) -> Iterator[Page]:
    read = number = 0
    for number, page in enumerate(pages, start=1):
        yield ORDER_FORM.page(page, f"{name}, page {number}")
        read += len(page)
        if number % PROGRESS_PAGES == 0:
            log(f"{name}: {read:,} read, {number:,} pages")
    if read:
        log(f"{name}: {read:,} read, {number:,} pages")


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
