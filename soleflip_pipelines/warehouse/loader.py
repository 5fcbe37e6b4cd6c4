"""Loads one batch into one raw table: rows, quarantine, ledger and cursor in one transaction.

A rerun changes nothing, an unchanged row is not rewritten, and a kill at any moment leaves nothing
half done. Where rows come from and what they mean is the business of `ingestion`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Literal

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus

from soleflip_pipelines.errors import SoleflipError
from soleflip_pipelines.warehouse import loader_sql

RETRYABLE_CLASSES = ("08", "40", "53", "55", "57")
REJECTED = "rejected"


class LoadError(SoleflipError):
    """The database refused a batch; nothing of it was kept. The text never quotes row contents.

    Attributes:
        is_transient: trying again later can help (lost connection, deadlock, lock timeout).
    """

    def __init__(self, message: str, *, is_transient: bool) -> None:
        super().__init__(message)
        self.is_transient = is_transient


@dataclass(frozen=True)
class RawTable:
    """A raw table and its natural key, in the order of the columns."""

    schema: str
    name: str
    key_columns: tuple[str, ...]

    @property
    def address(self) -> str:
        """`schema.table`: the name in the ledger, in Dagster and in dbt."""
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True, slots=True)
class Record:
    """A row to load: its natural key as text, and the payload as received."""

    key: tuple[str, ...]
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row that cannot be loaded: where it stood, why, and the row itself as it came."""

    position: str
    reason_code: str
    reason: str
    raw: str
    field: str | None = None


@dataclass(frozen=True)
class BatchSource:
    """Where a batch comes from; `file_sha256` makes a file load once and never again."""

    source: str
    kind: Literal["api", "feed", "file"]
    window_from: datetime | None = None
    window_to: datetime | None = None
    file_name: str | None = None
    file_sha256: str | None = None
    rows_declared: int | None = None
    dagster_run_id: str | None = None


@dataclass(frozen=True)
class BatchResult:
    """The ledger line of the raw table `asset`: `read` is the sum of the five outcomes.

    `is_repeat` says that this very file had been loaded before and the counts are those of then.
    """

    asset: str
    batch_id: int
    read: int
    inserted: int
    updated: int
    unchanged: int
    duplicate: int
    rejected: int
    is_repeat: bool = False


def load_batch(
    conn: psycopg.Connection,
    table: RawTable,
    rows: Iterable[Record | Rejection],
    origin: BatchSource,
    *,
    cursor: tuple[str, dict[str, Any]] | None = None,
    after: Callable[[psycopg.Cursor, int], None] | None = None,
) -> BatchResult:
    """Load a batch, all or nothing; of equal keys in it the last one wins.

    The rows are streamed: memory does not grow with the batch. Whatever transaction the connection
    has open is committed first, since a batch is a transaction of its own.

    Args:
        conn: a connection of the loader role.
        table: the target, as in `sql/`.
        rows: what was read, good and bad; it must not use `conn`.
        origin: for the ledger.
        cursor: stream and new cursor, saved with the rows it covers.
        after: called before the commit with a cursor and the batch id. The temporary table
            `incoming(<keys>, payload, payload_hash, outcome)` then holds the batch without
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
            started_at = loader_sql.clock(cur)
            read = _copy_in(cur, table, rows)
            result = _merge(cur, table, origin, read, started_at)
            if cursor is not None:
                loader_sql.save_cursor(cur, cursor[0], canonical_json(cursor[1]), result.batch_id)
            if after is not None:
                after(cur, result.batch_id)
            # A later batch of this transaction's owner brings its own table.
            cur.execute("drop table incoming")
            return result
    except psycopg.Error as error:
        raise _load_error(table, error) from None


def read_cursor(conn: psycopg.Connection, stream: str) -> dict[str, Any] | None:
    """The cursor that the stream's last committed batch saved, or None before the first."""
    row = conn.execute(
        "select cursor from integration.sync_state where stream = %s", [stream]
    ).fetchone()
    return dict(row[0]) if row else None


def canonical_json(payload: dict[str, Any]) -> str:
    """The one text of a payload: keys sorted, no blanks.

    Raises:
        ValueError: a number that JSON does not have (NaN, infinity).
    """
    return json.dumps(
        payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def payload_hash(text: str) -> str:
    """SHA-256 of a payload's canonical text, as 64 hex digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def _copy_in(cur: psycopg.Cursor, table: RawTable, rows: Iterable[Record | Rejection]) -> int:
    """Stream the rows into the temporary table; a rejection travels as the payload of its line."""
    cur.execute(loader_sql.create_incoming(table.schema, table.name, table.key_columns))
    no_key = (None,) * len(table.key_columns)
    line = 0
    with cur.copy(loader_sql.copy_incoming(table.key_columns)) as copy:
        for line, row in enumerate(rows, start=1):
            prepared = _prepared(table, row, line) if isinstance(row, Record) else row
            if isinstance(prepared, Rejection):
                text = canonical_json(_storable(prepared))
                copy.write_row((line, *no_key, text, _row_hash(prepared), REJECTED))
            else:
                copy.write_row((line, *prepared, "unchanged"))
    return line


def _prepared(table: RawTable, record: Record, line: int) -> tuple[str, ...] | Rejection:
    """Key, payload text and hash of a record, or why PostgreSQL could not hold it."""
    if len(record.key) != len(table.key_columns):
        raise ValueError(f"{table.address} has the key {table.key_columns}, not {len(record.key)}")
    problem = "missing_key", "a part of the key is missing"
    if all(record.key):
        try:
            text = canonical_json(record.payload)
            digest = payload_hash(text)
            "".join(record.key).encode()
        except UnicodeEncodeError:
            problem = "bad_unicode", "half of a character pair without its other half"
        except ValueError:
            problem = "bad_number", "a number that is not finite"
        else:
            if not _has_nul(record):
                return (*record.key, text, digest)
            problem = "nul_character", "a NUL character, which PostgreSQL cannot hold"
    raw = json.dumps({"key": record.key, "payload": record.payload}, sort_keys=True)
    return Rejection(str(line), problem[0], problem[1], raw)


def _has_nul(value: object) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, Record):
        return _has_nul(value.key) or _has_nul(value.payload)
    if isinstance(value, dict):
        return any(_has_nul(key) or _has_nul(inner) for key, inner in value.items())
    if isinstance(value, list | tuple):
        return any(_has_nul(inner) for inner in value)
    return False


def _storable(rejection: Rejection) -> dict[str, str | None]:
    """The rejection with what PostgreSQL cannot hold made visible instead of lost."""
    return {
        name: None
        if value is None
        else value.replace("\0", "\\u0000").encode("utf-8", "backslashreplace").decode()
        for name, value in asdict(rejection).items()
    }


def _row_hash(rejection: Rejection) -> str:
    return hashlib.sha256(rejection.raw.encode("utf-8", "backslashreplace")).hexdigest()


def _merge(
    cur: psycopg.Cursor, table: RawTable, origin: BatchSource, read: int, started_at: datetime
) -> BatchResult:
    steps = loader_sql.merge_statements(table.schema, table.name, table.key_columns)
    cur.execute("analyze incoming")
    rejected = loader_sql.count_rejected(cur)
    duplicate = _row_count(cur, steps.drop_duplicates)
    updated = _row_count(cur, steps.mark_updated)
    inserted = _row_count(cur, steps.mark_inserted)
    counts = {
        "read": read,
        "inserted": inserted,
        "updated": updated,
        "unchanged": read - inserted - updated - duplicate - rejected,
        "duplicate": duplicate,
        "rejected": rejected,
    }
    batch_id = loader_sql.write_ledger(
        cur, {"asset": table.address, "started_at": started_at, **counts, **asdict(origin)}
    )
    if rejected:
        loader_sql.quarantine(cur, table.address, origin.source, batch_id)
    if inserted:
        cur.execute(steps.insert, [batch_id])
    if updated:
        cur.execute(steps.update, [batch_id])
    return BatchResult(asset=table.address, batch_id=batch_id, is_repeat=False, **counts)


def _row_count(cur: psycopg.Cursor, statement: sql.Composed) -> int:
    cur.execute(statement)
    return max(cur.rowcount, 0)


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
    place = error.diag.constraint_name or error.diag.column_name or error.diag.table_name
    name = type(error).__name__
    detail = f"SQLSTATE {state} {name}" + (f" on {place}" if place else "")
    return LoadError(
        f"{table.address}: the database refused the batch ({detail}); nothing was loaded",
        is_transient=state.startswith(RETRYABLE_CLASSES),
    )
