"""Loads one batch into one raw table: rows, quarantine, ledger and cursor in one transaction.

A rerun changes nothing, an unchanged row is not rewritten, and a kill at any moment leaves nothing
half done. Where rows come from and what they mean is the business of `ingestion`.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import asdict, fields
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

from soleflip_pipelines.warehouse import loader_sql
from soleflip_pipelines.warehouse.batch import (
    BatchResult,
    BatchSource,
    LoadError,
    RawTable,
    Record,
    Rejection,
)
from soleflip_pipelines.warehouse.loader_rows import (
    Chunk,
    FieldPaths,
    array_text,
    canonical_json,
    chunks,
    copy_line,
    storable,
)

__all__ = [
    "BatchResult",
    "BatchSource",
    "LoadError",
    "RawTable",
    "Record",
    "Rejection",
    "canonical_json",
    "load_batch",
    "read_cursor",
]

RETRYABLE_CLASSES = ("08", "25P03", "25P04", "40", "53", "57P")
DISK_FULL = "53100"
# What the kinds of source owe to a person's own headers is no drift.
DRIFTING_KINDS = ("api", "feed")
After = Callable[[psycopg.Cursor, int], None]


def load_batch(
    conn: psycopg.Connection,
    table: RawTable,
    rows: Iterable[Record | Rejection],
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
            batch = _Batch(cur, table, origin)
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

    def __init__(self, cur: psycopg.Cursor, table: RawTable, origin: BatchSource) -> None:
        self._cur = cur
        self._table = table
        self._origin = origin
        self._sql = loader_sql.statements(table, loader_sql.key_types(cur, table))
        self._fields = FieldPaths()
        self._counts = dict.fromkeys(("read", "inserted", "updated", "duplicate", "rejected"), 0)
        self._sending = ExitStack()
        self._equal = array("q")
        self._chunks = 0
        self._id = loader_sql.open_ledger(cur, {"asset": table.address, **asdict(origin)})
        cur.execute(self._sql.create)

    def write_all(self, rows: Iterable[Record | Rejection]) -> None:
        self._cur.execute(loader_sql.BY_KEY)
        with self._sending:
            for chunk in chunks(self._table, rows, self._fields):
                self._write(chunk)
        self._cur.execute(loader_sql.AS_PLANNED)

    def _write(self, chunk: Chunk) -> None:
        self._sending.close()
        self._chunks += 1
        self._counts["read"] += chunk.read
        self._counts["duplicate"] += chunk.duplicate
        self._counts["rejected"] += len(chunk.rejections)
        if chunk.rejections:
            with self._cur.copy(loader_sql.COPY_REFUSED) as copy:
                for line, rejection in chunk.rejections:
                    copy.write_row((line, *storable(rejection)))
        if chunk.read > len(chunk.rejections):
            self._merge(chunk)

    def _merge(self, chunk: Chunk) -> None:
        """Ask which rows are new or differ, and send those alone."""
        rows = chunk.lines()
        arrays = {
            "lines": "{" + ",".join([str(line) for line, _ in rows]) + "}",
            "digests": array_text([row[2] for _, row in rows]),
            "versions": array_text([row[3] or "" for _, row in rows]),
        }
        for place in range(len(self._table.key_columns)):
            arrays[f"key{place}"] = array_text([row[0][place] for _, row in rows])
        self._cur.execute(self._sql.judge, {**arrays, "batch": self._id})
        new, changed, updated, repeated = self._cur.fetchone() or ([], [], 0, 0)
        if changed:
            with self._cur.copy(self._sql.copy_changed) as copy:
                for line, (key, text, digest, _) in chunk.picked(changed):
                    copy.write(f"{line}\t{copy_line(key, text, digest)}")
            updated -= self._update()
        if new:
            # The server works on these while the next chunk is made ready; `_write` collects it.
            copy = self._sending.enter_context(self._cur.copy(self._sql.copy_new))
            batch = str(self._id)
            copy.write(
                "".join([
                    copy_line(key, text, digest, batch)
                    for _, (key, text, digest, _) in chunk.picked(new)
                ])
            )  # fmt: skip
        self._counts["inserted"] += len(new)
        self._counts["updated"] += updated
        self._counts["duplicate"] += repeated

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
        if self._chunks > 1 and self._unchanged():
            self._cur.execute(self._sql.drop_repeats)
            counts["duplicate"] += self._cur.rowcount
        if counts["rejected"]:
            loader_sql.quarantine(self._cur, asset, self._origin.source, self._id)
        if self._origin.kind in DRIFTING_KINDS:
            loader_sql.remember_fields(self._cur, asset, self._fields.paths(), self._id)
        result = BatchResult(
            asset, self._id, unchanged=self._unchanged(), is_repeat=False, **counts
        )
        loader_sql.close_ledger(self._cur, {**asdict(result), "declared": declared})
        return result

    def show_incoming(self) -> None:
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
