"""Refused rows and what a person decides on them: look, try again from where they lie, discard.

A retried row is judged by the rules of today, the same that its source's sync uses, and loaded as a
batch of its own; why it had been refused is the judges' business.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from itertools import groupby
from typing import Any

import psycopg
from psycopg.rows import class_row

from soleflip_pipelines.errors import SoleflipError
from soleflip_pipelines.imports.again import corrected, judge_again
from soleflip_pipelines.imports.kinds import load_kinds
from soleflip_pipelines.ingestion import (
    alias,
    awin,
    ebay,
    stockx_catalog,
    stockx_listings,
    stockx_market,
    stockx_orders,
)
from soleflip_pipelines.ingestion.fields import DocumentForm
from soleflip_pipelines.warehouse.loader import (
    BatchResult,
    BatchSource,
    RawTable,
    Record,
    Rejection,
    load_batch,
)

FORMS: Sequence[tuple[RawTable, DocumentForm]] = (
    (stockx_orders.ORDERS, stockx_orders.ORDER_FORM),
    (stockx_orders.ORDER_DETAILS, stockx_orders.ORDER_FORM),
    (stockx_listings.LISTINGS, stockx_listings.LISTING_FORM),
    (stockx_catalog.PRODUCTS, stockx_catalog.PRODUCT_FORM),
    (stockx_catalog.VARIANTS, stockx_catalog.VARIANT_FORM),
    (stockx_market.MARKET_DATA, stockx_market.MARKET_FORM),
    (ebay.ORDERS, ebay.ORDER_FORM),
    (alias.ORDERS, alias.ORDER_FORM),
    (alias.LISTINGS, alias.LISTING_FORM),
)
# Only a person can tell which of two rows that contradict each other is the right one.
NAMED_ONLY = "conflicting_duplicate"
COLUMNS = (
    "rejected_id, batch_id, asset, source, position, field, reason_code, reason, raw_row, context,"
    " status, note, rejected_at, last_seen_at, settled_at"
)
OPEN_SQL = f"""
    select {COLUMNS} from integration.rejected_rows
    where status = 'open' and (%(asset)s::text is null or asset = %(asset)s)
      and reason_code <> '{NAMED_ONLY}'
    order by asset, source, rejected_id
"""  # noqa: S608
SETTLE_SQL = """
    update integration.rejected_rows set status = %(status)s, note = %(note)s, settled_at = now()
    where rejected_id = any(%(ids)s)
"""
STILL_SQL = """
    update integration.rejected_rows
    set status = 'open', settled_at = null, field = %s, reason_code = %s, reason = %s,
        last_seen_at = now()
    where rejected_id = %s
"""


class NoSuchRejection(SoleflipError):
    """No refused row fits what was asked for, or it cannot be tried again; the text says which."""


@dataclass(frozen=True)
class RejectedRow:
    """A row of `integration.rejected_rows`."""

    rejected_id: int
    batch_id: int
    asset: str
    source: str
    position: str
    field: str | None
    reason_code: str
    reason: str
    raw_row: str
    context: dict[str, Any] | None
    status: str
    note: str | None
    rejected_at: datetime
    last_seen_at: datetime
    settled_at: datetime | None

    def as_json(self) -> dict[str, Any]:
        """The row for a script."""
        return asdict(self)


@dataclass(frozen=True)
class Retry:
    """What a retry did: the batches it loaded, and the rows that are still refused, with why."""

    batches: list[BatchResult]
    refused: list[tuple[int, str]]


def find_rejected(
    conn: psycopg.Connection, *, asset: str | None = None, status: str | None = "open"
) -> list[RejectedRow]:
    """Refused rows, the newest first; None stands for any asset or status."""
    with conn.cursor(row_factory=class_row(RejectedRow)) as cur:
        return cur.execute(
            f"select {COLUMNS} from integration.rejected_rows"  # noqa: S608
            " where (%(asset)s::text is null or asset = %(asset)s)"
            " and (%(status)s::text is null or status = %(status)s) order by rejected_id desc",
            {"asset": asset, "status": status},
        ).fetchall()


def read_rejected(conn: psycopg.Connection, rejected_id: int) -> RejectedRow:
    """One refused row.

    Raises:
        NoSuchRejection: there is none of this number.
    """
    with conn.cursor(row_factory=class_row(RejectedRow)) as cur:
        row = cur.execute(
            f"select {COLUMNS} from integration.rejected_rows where rejected_id = %s",  # noqa: S608
            [rejected_id],
        ).fetchone()
    if row is None:
        raise NoSuchRejection(
            f"there is no refused row {rejected_id}: see `soleflip rejected list`"
        )
    return row


def retry_open(conn: psycopg.Connection, asset: str | None = None) -> Retry:
    """Try all open rows again, or those of one asset; see `retry_row` for what that means.

    Rows that contradict another row of their file are left for a person to name.
    """
    with conn.cursor(row_factory=class_row(RejectedRow)) as cur:
        return _retry(conn, cur.execute(OPEN_SQL, {"asset": asset}).fetchall())


def retry_row(
    conn: psycopg.Connection,
    rejected_id: int,
    *,
    text: str | None = None,
    cells: Mapping[str, str] | None = None,
) -> Retry:
    """Judge a refused row again and load it if it is good now.

    Loading it and marking it as retried are one transaction, with a ledger line of its own.

    Args:
        conn: a connection of the loader role.
        rejected_id: which row.
        text: a corrected row to load instead, in the form of the refused one.
        cells: corrected cells of a file's row, by their titles.

    Raises:
        NoSuchRejection: there is no such row, or no column of such a title.
    """
    row = read_rejected(conn, rejected_id)
    if cells:
        if row.context is None:
            raise NoSuchRejection(f"refused row {rejected_id} is no row of a file: it has no cells")
        correct = awin.corrected_offer if row.asset == awin.OFFERS.address else corrected
        try:
            text = correct(text or row.raw_row, row.context, cells)
        except ValueError as error:
            raise NoSuchRejection(f"refused row {rejected_id}: {error}") from None
    return _retry(conn, [row], text)


def discard_row(conn: psycopg.Connection, rejected_id: int, note: str | None = None) -> None:
    """Settle a refused row for good: it stays where it is and is never reported again.

    Raises:
        NoSuchRejection: there is none of this number.
    """
    read_rejected(conn, rejected_id)
    conn.execute(SETTLE_SQL, {"status": "discarded", "note": note, "ids": [rejected_id]})
    conn.commit()


def _retry(conn: psycopg.Connection, rows: list[RejectedRow], text: str | None = None) -> Retry:
    batches: list[BatchResult] = []
    refused: list[tuple[int, str]] = []
    for (asset, source), group in groupby(rows, key=lambda row: (row.asset, row.source)):
        table, judge = _judge_of(asset)
        good: dict[int, Record] = {}
        seen: dict[str, datetime] = {}
        for row in group:
            judged = judge(text or row.raw_row, row)
            if isinstance(judged, Record):
                good[row.rejected_id] = judged
                seen[_partner_key(judged)] = row.last_seen_at
                continue
            refused.append((row.rejected_id, judged.reason))
            if text is None:
                reasons = (judged.field, judged.reason_code, judged.reason)
                conn.execute(STILL_SQL, [*reasons, row.rejected_id])
        conn.commit()
        if good:
            origin = BatchSource(source, "retry")
            after = _after(table, list(good), seen)
            batches.append(load_batch(conn, table, good.values(), origin, after=after))
    return Retry(batches, refused)


def _after(
    table: RawTable, ids: list[int], seen: Mapping[str, datetime]
) -> Callable[[psycopg.Cursor, int], None]:
    """What belongs into the transaction that loads the rows: their history, and that they are."""

    def after(cur: psycopg.Cursor, batch_id: int) -> None:
        if table is stockx_market.MARKET_DATA:
            stockx_market.observe_retried(seen, cur, batch_id)
        elif table is awin.OFFERS:
            for feed_id in seen:
                awin.record_retried(feed_id, cur, batch_id)
        note = f"loaded by batch {batch_id}"
        cur.execute(SETTLE_SQL, {"status": "retried", "note": note, "ids": ids})

    return after


def _partner_key(record: Record) -> str:
    """The feed of an offer, or the product whose market or whatever else was asked for."""
    product = record.payload.get("productId") if isinstance(record.payload, dict) else None
    return str(product or record.key[0])


Judge = Callable[[str, RejectedRow], Record | Rejection]


def _judge_of(asset: str) -> tuple[RawTable, Judge]:
    for table, form in FORMS:
        if table.address == asset:
            return table, partial(_document, table, form)
    if asset == awin.OFFERS.address:
        return awin.OFFERS, lambda text, row: awin.judge_offer_again(
            text, row.context, row.position
        )
    for kind in load_kinds().values():
        if kind.table.address == asset:
            return kind.table, lambda text, row: judge_again(text, row.context, row.position)
    raise NoSuchRejection(
        f"rows of {asset} come again with its next sync: correct them at their source"
    )


def _document(
    table: RawTable, form: DocumentForm, text: str, row: RejectedRow
) -> Record | Rejection:
    """A document judged by its form; its key may go on with further columns of the table."""
    try:
        document = json.loads(text)
    except ValueError:
        return _still(row, "not_json", "it is no JSON")
    if isinstance(document, dict) and set(document) == {"key", "payload"}:
        document = document["payload"]  # what the loader itself refused
    if isinstance(document, dict) and set(document) == {"key"}:
        reason = "the partner never sent it: the next sync that needs it asks again"
        return _still(row, row.reason_code, reason)
    judged = form.record(document, row.position)
    if isinstance(judged, Record) and table is stockx_market.MARKET_DATA:
        judged = Record((*judged.key, str(document["currencyCode"])), judged.payload)
    return judged


def _still(row: RejectedRow, code: str, reason: str) -> Rejection:
    return Rejection(row.position, code, reason, row.raw_row, row.field, row.context)
