"""Loads one batch into one raw table: rows, quarantine, ledger and cursor in one transaction.

A rerun changes nothing, an unchanged row is not rewritten, and a kill at any moment leaves nothing
half done. Where rows come from and what they mean is the business of `ingestion`.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import asdict, fields
from itertools import accumulate, compress
from typing import Any

import psycopg
from psycopg.errors import InvalidTextRepresentation, UniqueViolation
from psycopg.pq import TransactionStatus

from soleflip_pipelines.warehouse import loader_sql
from soleflip_pipelines.warehouse.batch import (
    BatchResult,
    BatchSource,
    LoadError,
    Page,
    RawTable,
    Record,
    Rejection,
)
from soleflip_pipelines.warehouse.loader_rows import (
    Chunk,
    Chunks,
    FieldPaths,
    Key,
    KnownPage,
    Prepared,
    array_text,
    canonical_json,
    copy_line,
    storable,
)

__all__ = [
    "BatchResult",
    "BatchSource",
    "LoadError",
    "Page",
    "RawTable",
    "Record",
    "Rejection",
    "canonical_json",
    "load_batch",
    "read_cursor",
]

RETRYABLE_CLASSES = ("08", "25P03", "25P04", "40", "53", "57P")
DISK_FULL = "53100"
PIECE_ROWS = 50
# What the kinds of source owe to a person's own headers is no drift.
DRIFTING_KINDS = ("api", "feed")
After = Callable[[psycopg.Cursor, int], None]


def load_batch(
    conn: psycopg.Connection,
    table: RawTable,
    rows: Iterable[Record | Rejection | Page],
    origin: BatchSource,
    *,
    cursor: tuple[str, dict[str, Any]] | None = None,
    declared: Callable[[], int | None] | None = None,
    after: After | None = None,
) -> BatchResult:
    """Load a batch, all or nothing; of equal keys in it the last one wins.

    The rows are streamed: memory does not grow with the batch. Whatever transaction the connection
    has open is committed first, since a batch is a transaction of its own. With `table.newer_by` a
    version that is older than the stored one counts as unchanged, and of equal keys the newest
    version wins.

    Args:
        conn: a connection of the loader role.
        table: the target, as in `sql/`.
        rows: what was read, good and bad; it must not use `conn`.
        origin: for the ledger.
        cursor: stream and new cursor, saved with the rows it covers.
        declared: asked after the last row for the number of rows that the source declares.
        after: called before the commit with a cursor and the batch id. The temporary view
            `incoming(<keys>, payload, payload_hash, outcome)` then shows the batch without
            duplicates and rejections; outcome is inserted, updated or unchanged.

    Raises:
        LoadError: the database refused the batch. Errors of `rows` and `after` pass through.
    """
    if conn.info.transaction_status == TransactionStatus.INTRANS:
        conn.commit()
    try:
        with conn.transaction(), conn.cursor() as cur:
            loader_sql.lock(cur, table.address)
            known = _loaded_before(cur, table, origin)
            if known is not None:
                return known
            batch = _Batch(cur, table, origin, is_shown=after is not None)
            batch.write_all(rows)
            result = batch.close(declared() if declared is not None else None)
            if cursor is not None:
                loader_sql.save_cursor(cur, cursor[0], canonical_json(cursor[1]), result.batch_id)
            if after is not None:
                batch.show_incoming()
                after(cur, result.batch_id)
            # A later batch of this transaction's owner brings its own tables.
            cur.execute(loader_sql.DROP_ALL)
            return result
    except psycopg.Error as error:
        raise _load_error(table, error) from None


def read_cursor(conn: psycopg.Connection, stream: str) -> dict[str, Any] | None:
    """The cursor that the stream's last committed batch saved, or None before the first."""
    row = conn.execute(
        "select cursor from integration.sync_state where stream = %s", [stream]
    ).fetchone()
    return dict(row[0]) if row else None


def is_transient_state(sqlstate: str) -> bool:
    """Whether an SQLSTATE speaks of the moment (connection, lock, deadlock) and not of the data."""
    return sqlstate.startswith(RETRYABLE_CLASSES) and sqlstate != DISK_FULL


class _Batch:
    """A batch under way: chunk by chunk, only what the table does not hold yet is sent to it."""

    def __init__(
        self, cur: psycopg.Cursor, table: RawTable, origin: BatchSource, *, is_shown: bool
    ) -> None:
        self._cur = cur
        self._table = table
        self._origin = origin
        self._sql = loader_sql.statements(cur, table)
        self._fields = FieldPaths()
        self._is_drifting = origin.kind in DRIFTING_KINDS
        self._is_mostly_new = True
        self._is_shown = is_shown
        self._is_all_new = self._is_any_unasked = False
        self._counts = dict.fromkeys(("read", "inserted", "updated", "duplicate", "rejected"), 0)
        self._writing: Generator[None] | None = None
        self._equal = array("q")
        self._parts = 0
        self._id = loader_sql.open_ledger(cur, {"asset": table.address, **asdict(origin)})
        cur.execute(self._sql.create)

    def write_all(self, rows: Iterable[Record | Rejection | Page]) -> None:
        known = loader_sql.known_pages(self._cur, self._table.address)
        self._cur.execute(loader_sql.BY_KEY)
        is_empty = self._cur.execute(self._sql.is_empty).fetchone() == (True,)
        self._is_all_new = is_empty
        try:
            chunks = Chunks(self._table, self._fields, known, self._keep_pages, self._go_on)
            chunks.is_noting = self._is_drifting
            for chunk in chunks.of(rows):
                self._finish()
                self._writing = self._written(chunk)
                self._go_on()
                chunks.is_noting = self._is_drifting and self._is_mostly_new
            self._finish()
        finally:
            if self._writing is not None:
                self._writing.close()
        self._cur.execute(loader_sql.AS_PLANNED)

    def _go_on(self) -> None:
        """Write a piece: the server works on it while the next rows are made ready."""
        next(self._writing or iter(()), None)

    def _finish(self) -> None:
        for _ in self._writing or ():
            pass

    def _written(self, chunk: Chunk) -> Generator[None]:
        """Write a chunk, piece by piece."""
        self._parts += 1
        if chunk.pages:
            loader_sql.remember_pages(self._cur, self._table.address, chunk.pages)
        # After nothing but new rows more of them are likely: the table's key tells if they are not,
        # and its payload if a number in one is none.
        is_written = False
        if chunk.rows and self._is_all_new:
            try:
                with self._cur.connection.transaction():
                    yield from self._inserted(chunk, list(chunk.rows.values()))
                is_written = self._is_any_unasked = True
            except (UniqueViolation, InvalidTextRepresentation):
                self._is_all_new = False
        if not is_written:
            chunk.refuse_infinite()
        if chunk.rows and not is_written:
            yield from self._merged(chunk, list(chunk.rows.values()))
        if chunk.rejections:
            with self._cur.copy(loader_sql.COPY_REFUSED) as copy:
                for line, rejection in chunk.rejections:
                    copy.write_row((line, *storable(rejection)))
        self._counts["read"] += chunk.read
        self._counts["duplicate"] += chunk.duplicate
        self._counts["rejected"] += len(chunk.rejections)

    def _keep_pages(self, pages: Sequence[KnownPage]) -> bool:
        """Count known pages' rows as unchanged, if all of them are stored as they made them."""
        self._finish()
        keys = [key for page in pages for key in page.keys]
        given = self._given(keys, self._counts["read"])
        given["lasts"] = list(accumulate(len(page.keys) for page in pages))
        given["rows_digests"] = "".join(page.rows_digest for page in pages)
        if self._cur.execute(self._sql.keep_pages, given).rowcount != len(keys):
            return False
        self._parts += len(pages)
        self._counts["read"] += len(keys)
        return True

    def _merged(self, chunk: Chunk, rows: list[Prepared]) -> Generator[None]:
        """Ask which rows are new or differ, and send those alone."""
        given = self._given([row[0] for row in rows], chunk.before)
        given["digests"] = array_text([row[2] for row in rows])
        if self._table.newer_by is not None:
            given["versions"] = array_text([row[3] or "" for row in rows])
        outcomes = (self._cur.execute(self._sql.judge, given).fetchone() or [""])[0]
        new = list(compress(rows, map("i".__eq__, outcomes)))
        changed = [place for place, outcome in enumerate(outcomes) if outcome in "wx"]
        self._is_all_new = len(new) == len(rows)
        # The fields of a row that is stored are known. Where most are, the few others are parsed.
        self._is_mostly_new = len(new) > len(rows) // 2
        if changed:
            self._note(chunk, (rows[place] for place in changed))
            with self._cur.copy(self._sql.copy_changed) as copy:
                for place in changed:
                    copy.write(f"{chunk.before + place + 1}\t{copy_line(rows[place])}")
            self._counts["updated"] += outcomes.count("w") - self._update()
        self._counts["duplicate"] += outcomes.count("r") + outcomes.count("x")
        if new:
            yield from self._inserted(chunk, new)

    def _inserted(self, chunk: Chunk, rows: list[Prepared]) -> Generator[None]:
        end = f"\t{self._id}\n"
        with self._cur.copy(self._sql.copy_new) as copy:
            for start in range(0, len(rows), PIECE_ROWS):
                copy.write("".join([copy_line(r, end) for r in rows[start : start + PIECE_ROWS]]))
                yield
        self._note(chunk, rows)
        self._counts["inserted"] += len(rows)

    def _note(self, chunk: Chunk, rows: Iterable[Prepared]) -> None:
        if self._is_drifting and not chunk.is_noted:
            for row in rows:
                self._fields.note(json.loads(row[1]))

    def _given(self, keys: Iterable[Key], before: int) -> dict[str, Any]:
        """What a statement on keys needs; the first stands for the line after `before`."""
        columns = {f"key{n}": array_text(c) for n, c in enumerate(zip(*keys, strict=True))}
        given = {"batch": self._id, "before": before, "is_shown": self._is_shown}
        return given | columns

    def _update(self) -> int:
        """Write the changed rows; returns how many were the same after all, in another order."""
        self._cur.execute(self._sql.drop_equal, [self._id])
        equal = [line for line, is_of_this_batch in self._cur.fetchall() if not is_of_this_batch]
        self._equal.extend(equal)
        self._cur.execute(self._sql.update, [self._id])
        self._cur.execute("truncate pg_temp.changed")
        return len(equal)

    def close(self, declared: int | None) -> BatchResult:
        """Settle repeats over chunks, write quarantine, fields and ledger."""
        counts, asset = self._counts, self._table.address
        if self._equal:
            self._cur.execute(loader_sql.MARK_EQUAL, [list(self._equal)])
        if self._parts > 1 and self._unchanged():
            self._cur.execute(self._sql.drop_repeats)
            counts["duplicate"] += self._cur.rowcount
        if counts["rejected"]:
            loader_sql.quarantine(self._cur, asset, self._origin.source, self._id)
        if self._is_drifting:
            loader_sql.remember_fields(self._cur, asset, self._fields.paths(), self._id)
        result = BatchResult(
            asset, self._id, unchanged=self._unchanged(), is_repeat=False, **counts
        )
        loader_sql.close_ledger(self._cur, {**asdict(result), "declared": declared})
        return result

    def show_incoming(self) -> None:
        if self._is_any_unasked:
            self._cur.execute(self._sql.add_unasked, [self._id])
        self._cur.execute("analyze pg_temp.arrived")
        self._cur.execute(self._sql.show_incoming)

    def _unchanged(self) -> int:
        return self._counts["read"] - sum(n for name, n in self._counts.items() if name != "read")


def _loaded_before(cur: psycopg.Cursor, table: RawTable, origin: BatchSource) -> BatchResult | None:
    if origin.kind != "file" or origin.file_sha256 is None:
        return None
    row = loader_sql.find_file_batch(cur, table.address, origin.file_sha256)
    names = [f.name for f in fields(BatchResult) if f.name not in ("asset", "is_repeat")]
    counts = dict(zip(names, row, strict=True)) if row else None
    return BatchResult(table.address, **counts, is_repeat=True) if counts else None


def _load_error(table: RawTable, error: psycopg.Error) -> LoadError:
    # PostgreSQL's own text can quote the row (its DETAIL does), so it stays out.
    state = error.sqlstate
    if state is None:
        return LoadError(
            f"{table.address}: the connection to the database was lost; nothing was loaded",
            is_transient=isinstance(error, psycopg.OperationalError),
        )
    if state == "55P03":
        return LoadError(
            f"{table.address}: another load of it has been running for over "
            f"{loader_sql.LOCK_TIMEOUT}; nothing was loaded",
            is_transient=False,
        )
    if state == DISK_FULL:
        return LoadError(
            f"{table.address}: the disk of the database is full; nothing was loaded: free some "
            "space and run it again",
            is_transient=False,
        )
    place = error.diag.constraint_name or error.diag.column_name or error.diag.table_name
    name = type(error).__name__
    detail = f"SQLSTATE {state} {name}" + (f" on {place}" if place else "")
    return LoadError(
        f"{table.address}: the database refused the batch ({detail}); nothing was loaded",
        is_transient=is_transient_state(state),
    )
