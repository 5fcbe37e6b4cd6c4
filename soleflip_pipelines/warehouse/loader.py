"""Loads one batch into one raw table: rows, quarantine, ledger and cursor in one transaction.

A rerun changes nothing, an unchanged row is not rewritten, and a kill at any moment leaves nothing
half done. Where rows come from and what they mean is the business of `ingestion`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
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
    canonical_json,
    chunks,
    payload_hash,
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
    "payload_hash",
    "read_cursor",
]

RETRYABLE_CLASSES = ("08", "25P03", "25P04", "40", "53", "55", "57")
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


class _Batch:
    """A batch under way: chunk by chunk, only what the table does not hold yet is sent to it."""

    def __init__(self, cur: psycopg.Cursor, table: RawTable, origin: BatchSource) -> None:
        self._cur = cur
        self._table = table
        self._origin = origin
        self._sql = loader_sql.statements(table)
        self._fields = FieldPaths()
        self._counts = dict.fromkeys(("read", "inserted", "updated", "duplicate", "rejected"), 0)
        self._chunks = 0
        self._id = loader_sql.open_ledger(cur, {"asset": table.address, **asdict(origin)})
        cur.execute(self._sql.create)

    def write_all(self, rows: Iterable[Record | Rejection]) -> None:
        self._cur.execute(loader_sql.BY_KEY)
        for chunk in chunks(self._table, rows, self._fields):
            self._write(chunk)
        self._cur.execute(loader_sql.AS_PLANNED)

    def _write(self, chunk: Chunk) -> None:
        self._chunks += 1
        self._counts["read"] += chunk.read
        self._counts["duplicate"] += chunk.duplicate
        self._counts["rejected"] += len(chunk.rejections)
        if chunk.rejections:
            with self._cur.copy(loader_sql.COPY_REFUSED) as copy:
                for line, rejection in chunk.rejections:
                    copy.write_row((line, *storable(rejection)))
        if not chunk.rows:
            return
        keys, rows = list(chunk.rows), list(chunk.rows.values())
        with self._cur.copy(self._sql.copy_staged) as copy:
            for place, (key, row) in enumerate(chunk.rows.items()):
                copy.write_row((place, row.line, *key, row.digest, row.version))
        self._cur.execute(self._sql.judge, {"batch": self._id})
        new, changed, updated, repeated = self._cur.fetchone() or ([], [], 0, 0)
        with self._cur.copy(self._sql.copy_new) as copy:
            for place in new:
                copy.write_row((*keys[place], rows[place].text, rows[place].digest, self._id))
        if changed:
            with self._cur.copy(self._sql.copy_changed) as copy:
                for place in changed:
                    copy.write_row((*keys[place], rows[place].text, rows[place].digest))
            self._cur.execute(self._sql.update, [self._id])
        self._cur.execute(loader_sql.CLEAR_CHUNK)
        self._counts["inserted"] += len(new)
        self._counts["updated"] += updated
        self._counts["duplicate"] += repeated

    def close(self, declared: int | None) -> BatchResult:
        """Settle repeats over chunks, write quarantine, fields and ledger."""
        counts, asset = self._counts, self._table.address
        if self._chunks > 1 and self._unchanged():
            self._cur.execute(self._sql.drop_repeats)
            counts["duplicate"] += self._cur.rowcount
        if counts["rejected"]:
            loader_sql.quarantine(self._cur, asset, self._origin.source, self._id)
        if self._origin.kind in DRIFTING_KINDS:
            loader_sql.remember_fields(self._cur, asset, self._fields.paths, self._id)
        result = BatchResult(
            asset=asset, batch_id=self._id, unchanged=self._unchanged(), **counts
        )
        loader_sql.close_ledger(self._cur, {**asdict(result), "declared": declared})
        return result

    def show_incoming(self) -> None:
        self._cur.execute("analyze pg_temp.arrived")
        self._cur.execute(self._sql.show_incoming)

    def _unchanged(self) -> int:
        return 2 * self._counts["read"] - sum(self._counts.values())


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
            is_transient=True,
        )
    if state == "53100":
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
        is_transient=state.startswith(RETRYABLE_CLASSES),
    )
