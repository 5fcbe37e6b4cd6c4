"""Awin's feeds into `raw_awin` and, change-only, the offers' history into `history.offer_change`.

A feed is downloaded only when Awin imported it anew. An offer that a whole feed no longer holds is
closed in the history, unless the feed shrank so much, or holds so much less than declared, that it
is rather the feed that is broken. A count that stays under the declared one is believed in the end;
a feed that shrank is believed when the owner says so.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

import psycopg

from soleflip_pipelines.clients.awin import FEED_KEY, LIST_KEY, AwinClient, FeedRow, named
from soleflip_pipelines.clients.errors import BrokenFeed, PartnerDeferred, PermanentPartnerError
from soleflip_pipelines.ingestion.access import open_awin
from soleflip_pipelines.ingestion.fields import Money, is_amount
from soleflip_pipelines.ingestion.steps import Log
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

FEEDS = RawTable("raw_awin", "feeds", ("feed_id",))
OFFERS = RawTable("raw_awin", "offers", ("feed_id", "aw_product_id"))
JOINED = frozenset({"joined", "active"})
PRICE = "search_price"
# What costs nothing is no offer; one without a price may still get it.
MONEY = {
    PRICE: Money("currency", "above zero"),
    "rrp_price": Money("currency"),
    "delivery_cost": Money("currency"),
}
LEAST_SHARE_KEPT = 0.5

KNOWN_SQL = """
    create temporary table known_offers on commit drop as
    select distinct on (aw_product_id)
        aw_product_id, price, currency_code, stock_quantity, is_in_stock, is_listed
    from history.offer_change
    where feed_id = %(feed)s
    order by aw_product_id, changed_at desc
"""
CHANGED_SQL = """
    insert into history.offer_change (
        feed_id, aw_product_id, changed_at, price, currency_code, stock_quantity, is_in_stock,
        is_listed, batch_id
    )
    select %(feed)s, n.aw_product_id, now(), n.price, n.currency_code, n.stock_quantity,
           n.is_in_stock, true, %(batch)s
    from (
        select
            aw_product_id,
            round((payload ->> 'search_price')::numeric, 2) as price,
            upper(payload ->> 'currency') as currency_code,
            case
                when payload ->> 'stock_quantity' ~ '^\\d{1,9}$'
                then (payload ->> 'stock_quantity')::integer
            end as stock_quantity,
            lower(payload ->> 'in_stock') in ('1', 'yes', 'true') as is_in_stock
        from incoming
        where feed_id = %(feed)s
    ) n
    left join known_offers k using (aw_product_id)
    where k.aw_product_id is null
       or not k.is_listed
       or (n.price, n.currency_code, n.stock_quantity, n.is_in_stock)
          is distinct from (k.price, k.currency_code, k.stock_quantity, k.is_in_stock)
"""
COUNTS_SQL = """
    select (select count(*) from incoming), (select count(*) from known_offers where is_listed)
"""
GONE_SQL = """
    insert into history.offer_change (
        feed_id, aw_product_id, changed_at, price, currency_code, stock_quantity, is_in_stock,
        is_listed, batch_id
    )
    select %(feed)s, k.aw_product_id, now(), k.price, k.currency_code, k.stock_quantity,
           k.is_in_stock, false, %(batch)s
    from known_offers k
    where k.is_listed
      and not exists (select from incoming i where i.aw_product_id = k.aw_product_id)
      and k.aw_product_id <> all(%(rejected)s::text[])
"""


def sync_feeds(
    settings: Settings,
    conn: psycopg.Connection,
    *,
    whole_feeds: Collection[str] = (),
    run_id: str | None = None,
    log: Log = print,
) -> list[BatchResult]:
    """Read the feed list, then each joined feed that Awin imported since it was last loaded.

    Args:
        settings: address and credential.
        conn: a connection of the loader role.
        whole_feeds: ids of feeds that are whole, however few offers they hold.
        run_id: Dagster's run, for the ledger.
        log: told about each feed.

    Raises:
        BrokenFeed: at the end, if a feed could not be loaded; the others were, and what was known
            of the broken one is unchanged.
        PartnerDeferred: at the end, if a feed shrank so much that none of its offers was closed.
        PartnerError: Awin cannot be read, or does not offer one of `whole_feeds`.
    """
    with open_awin(settings) as client:
        feeds = list(client.feeds())
        unknown = set(whole_feeds) - {feed.get(LIST_KEY, "").strip() for feed in feeds}
        if unknown:
            text = f"Awin's list has no feed {', '.join(sorted(unknown))}: nothing was read"
            raise PermanentPartnerError(text, partner="Awin")
        origin = BatchSource("awin", "feed", dagster_run_id=run_id)
        results = [load_batch(conn, FEEDS, _feed_rows(feeds), origin)]
        broken: list[BrokenFeed] = []
        shrunk: list[str] = []
        for feed in feeds:
            if feed.get("Membership Status", "").strip().lower() not in JOINED:
                continue
            try:
                reading = _reading(conn, feed, whole_feeds)
                results += _sync_feed(conn, client, reading, run_id, log)
                shrunk += [reading.warning] if reading.has_shrunk else []
            except BrokenFeed as error:
                log(str(error))
                broken.append(error)
    if broken:
        raise broken[0]
    if shrunk:
        raise PartnerDeferred("; ".join(shrunk), partner="Awin", resumes_at=datetime.now(UTC))
    return results


def _feed_rows(feeds: list[dict[str, str]]) -> Iterator[Record]:
    for feed in feeds:
        yield Record((feed.get(LIST_KEY, "").strip(),), dict(feed))


@dataclass
class _Reading:
    """One download of a feed: what the list said of it, and what is found while it is read."""

    feed_id: str
    imported: str
    declared: int | None
    known: dict[str, Any]
    is_whole: bool = False
    has_shrunk: bool = False
    sha256: str = ""
    read: int = 0
    rejected_keys: list[str] = field(default_factory=list)
    warning: str = ""

    @property
    def stream(self) -> str:
        return f"{OFFERS.address}/{self.feed_id}"

    @property
    def cursor(self) -> dict[str, Any]:
        """What the next run needs to know of a whole feed."""
        return {"last_imported": self.imported, "sha256": self.sha256}

    @property
    def short(self) -> dict[str, Any]:
        """What the next run needs to know of a feed that held less than it should.

        What was loaded before it is forgotten: should it come again, it has to replace this.
        """
        return {"short": {"imported": self.imported, "read": self.read}}

    @property
    def is_short(self) -> bool:
        """Whether rows are missing of those declared, and it is not the second time in a row."""
        is_less = self.declared is not None and self.read < self.declared
        return is_less and self.known.get("short") != self.short["short"]


def _reading(
    conn: psycopg.Connection, feed: dict[str, str], whole_feeds: Collection[str]
) -> _Reading:
    feed_id = feed.get(LIST_KEY, "").strip()
    reading = _Reading(
        feed_id=feed_id,
        imported=feed.get("Last Imported", ""),
        declared=_whole_number(feed.get("No of products", "")),
        known={},
        is_whole=feed_id in whole_feeds,
    )
    reading.known = read_cursor(conn, reading.stream) or {}
    conn.commit()
    return reading


def _sync_feed(
    conn: psycopg.Connection, client: AwinClient, reading: _Reading, run_id: str | None, log: Log
) -> list[BatchResult]:
    feed_id, imported = reading.feed_id, reading.imported
    if not feed_id or (imported and reading.known.get("last_imported") == imported):
        log(f"feed {feed_id or '?'}: not imported anew, not downloaded")
        return []
    with client.feed(feed_id=feed_id) as file:
        reading.sha256 = file.sha256
        if file.sha256 == reading.known.get("sha256"):
            log(f"feed {feed_id}: imported anew, with the content that is known")
            origin = BatchSource("awin", "feed", dagster_run_id=run_id)
            cursor = (reading.stream, reading.cursor)
            return [load_batch(conn, OFFERS, (), origin, cursor=cursor)]
        result = load_batch(
            conn,
            OFFERS,
            _offers(reading, file.rows),
            BatchSource("awin", "feed", rows_declared=reading.declared, dagster_run_id=run_id),
            after=partial(_record_changes, reading),
        )
    log(
        f"feed {feed_id}: {result.read:,} offers read, {result.inserted:,} new, "
        f"{result.updated:,} changed, {result.rejected:,} rejected"
    )
    if reading.warning:
        log(reading.warning)
    return [result]


def _offers(reading: _Reading, rows: Iterator[FeedRow]) -> Iterator[Record | Rejection]:
    """Feed rows as records; the ids of refused ones are noted, since they are not gone."""
    for reading.read, row in enumerate(rows, start=1):
        judged = judge_offer(reading.feed_id, row, f"feed {reading.feed_id}, line {row.line}")
        if isinstance(judged, Rejection):
            # PostgreSQL takes no NUL: the id without it is the likeliest.
            key = (row.cells or {}).get(FEED_KEY, "").replace("\0", "").strip()
            reading.rejected_keys += [key] if key else []
        yield judged


def _problem(row: FeedRow) -> tuple[str, str, str | None] | None:
    """Why a row cannot be loaded: code, reason and column."""
    cells = row.cells
    # The quarantine shows the character as these letters: judged again, it still is none.
    if "\0" in (text := "".join(row.raw)) or "\\u0000" in text:
        return "nul_character", "it holds a NUL character: it comes again with its feed", None
    if cells is None:
        return "row_shape", "it has more or fewer cells than the header", None
    if not cells.get(FEED_KEY, "").strip():
        return "missing_value", f"{FEED_KEY} is needed", FEED_KEY
    for name, fits in MONEY.items():
        cell = cells.get(name)
        # Beside the price itself, words are no mistake: they are left out later.
        if not cell or fits(cell) or not (name == PRICE or is_amount(cell)):
            continue
        if problem := fits.problem(cells, name, cell):
            return *problem, name
    return None


def judge_offer(feed_id: str, row: FeedRow, position: str) -> Record | Rejection:
    """A feed's row as a record, or why it is refused, with what a later retry needs of its feed."""
    problem = _problem(row)
    if problem is None:
        cells = dict(row.cells or {})
        return Record((feed_id, cells[FEED_KEY].strip()), cells)
    code, reason, name = problem
    context = {"feed_id": feed_id, "header": row.header}
    return Rejection(position, code, reason, _as_csv(row.raw), name, context)


def judge_offer_again(
    text: str, context: Mapping[str, Any] | None, position: str
) -> Record | Rejection:
    """A refused row of a feed, judged once more from what the quarantine holds of it.

    Args:
        text: the row as it came, or corrected, as comma-separated cells.
        context: what was kept beside it; rows refused by older versions have none.
        position: where it stood, for a new rejection.
    """
    if context is None or "header" not in context:
        reason = "too little of it was kept: it comes again with its feed"
        return Rejection(position, "not_readable", reason, text, None, context)
    try:
        cells = next(csv.reader([text], strict=True), [])
    except csv.Error:
        cells = []
    header = list(context["header"])
    return judge_offer(
        context["feed_id"], FeedRow(0, named(header, cells), cells, header), position
    )


def corrected_offer(text: str, context: Mapping[str, Any], cells: Mapping[str, str]) -> str:
    """A refused row with some cells rewritten, by their column.

    Raises:
        ValueError: there is no such column; the text lists those that are there.
    """
    header = list(context["header"])
    row = next(csv.reader([text], strict=True), [])
    row += [""] * (len(header) - len(row))
    for column, cell in cells.items():
        if column not in header:
            raise ValueError(f"there is no column {column}; write one of {', '.join(header)}")
        row[header.index(column)] = cell
    return _as_csv(row)


def record_retried(feed_id: str, cur: psycopg.Cursor, batch_id: int) -> None:
    """Write into the offers' history what rows say that were loaded out of the quarantine."""
    values = {"feed": feed_id, "batch": batch_id}
    cur.execute(KNOWN_SQL, values)
    cur.execute(CHANGED_SQL, values)
    cur.execute("drop table known_offers")


def _record_changes(reading: _Reading, cur: psycopg.Cursor, batch_id: int) -> None:
    """Write the offers' history; only a feed that is whole closes offers and moves the cursor."""
    feed_id = reading.feed_id
    values = {"feed": feed_id, "batch": batch_id, "rejected": reading.rejected_keys}
    cur.execute(KNOWN_SQL, values)
    cur.execute(CHANGED_SQL, values)
    arrived, listed = cur.execute(COUNTS_SQL).fetchone() or (0, 0)
    cursor = reading.short
    reading.has_shrunk = arrived < LEAST_SHARE_KEPT * listed and not reading.is_whole
    if reading.has_shrunk:
        reading.warning = (
            f"feed {feed_id}: only {arrived:,} of {listed:,} known offers came; none was closed: "
            f"if that is all, soleflip run sync_feeds --whole-feed {feed_id}"
        )
    elif reading.is_short and not reading.is_whole:
        reading.warning = (
            f"feed {feed_id}: {reading.read:,} of the {reading.declared:,} offers that Awin "
            "declares came; none was closed, and the next run reads the feed again"
        )
    else:
        cur.execute(GONE_SQL, values)
        cursor = reading.cursor
    loader_sql.save_cursor(cur, reading.stream, canonical_json(cursor), batch_id)
    cur.execute("drop table known_offers")


def _whole_number(text: str) -> int | None:
    digits = text.replace(",", "").replace(".", "").strip()
    return int(digits) if digits.isdecimal() else None


def _as_csv(cells: list[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(cells)
    return out.getvalue()
