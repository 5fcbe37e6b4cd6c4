"""The SQL of `loader`: statements for any raw table, composed from checked identifiers.

Only `loader` calls these; what they mean together is told there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

LOCK_TIMEOUT = "15min"
COUNTS = sql.SQL(
    "batch_id, rows_read, rows_inserted, rows_updated, rows_unchanged, rows_duplicate,"
    " rows_rejected"
)


@dataclass(frozen=True)
class MergeStatements:
    """The steps from the temporary table into the raw table, in this order."""

    drop_duplicates: sql.Composed
    mark_updated: sql.Composed
    mark_inserted: sql.Composed
    insert: sql.Composed
    update: sql.Composed


def lock(cur: psycopg.Cursor, asset: str) -> None:
    """Keep every other load of the asset out until this transaction ends."""
    cur.execute(sql.SQL("set local lock_timeout = {}").format(LOCK_TIMEOUT))
    cur.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [asset])


def clock(cur: psycopg.Cursor) -> datetime:
    """The server's time now (UTC), not the transaction's start."""
    row = cur.execute("select clock_timestamp()").fetchone()
    assert row is not None
    return row[0]  # type: ignore[no-any-return]


def create_incoming(schema: str, name: str, keys: tuple[str, ...]) -> sql.Composed:
    """The temporary table: the target's key columns with their types, and what loading needs."""
    return sql.SQL(
        "create temporary table incoming on commit drop as"
        " select null::bigint as line, {keys}, payload, payload_hash, null::text as outcome"
        " from {table} with no data"
    ).format(keys=_columns(keys), table=sql.Identifier(schema, name))


def copy_incoming(keys: tuple[str, ...]) -> sql.Composed:
    """The COPY whose rows are (line, key …, payload text, hash, outcome)."""
    return sql.SQL(
        "copy pg_temp.incoming (line, {keys}, payload, payload_hash, outcome) from stdin"
    ).format(keys=_columns(keys))


def merge_statements(schema: str, name: str, keys: tuple[str, ...]) -> MergeStatements:
    """The merge: only what differs is written."""
    parts = {
        "keys": _columns(keys),
        "table": sql.Identifier(schema, name),
        "same": sql.SQL(" and ").join(
            sql.SQL("i.{key} = t.{key}").format(key=sql.Identifier(key)) for key in keys
        ),
    }
    texts = {
        "drop_duplicates": """
            delete from incoming i using (
                select {keys}, max(line) as line from incoming
                where outcome <> 'rejected' group by {keys} having count(*) > 1
            ) t
            where {same} and i.line < t.line""",
        "mark_updated": """
            update incoming i set outcome = 'updated' from {table} t
            where {same} and i.payload_hash <> t.payload_hash and i.outcome <> 'rejected'""",
        "mark_inserted": """
            update incoming i set outcome = 'inserted'
            where i.outcome = 'unchanged' and not exists (select from {table} t where {same})""",
        "insert": """
            insert into {table} ({keys}, payload, payload_hash, batch_id)
            select {keys}, payload, payload_hash, %s from incoming where outcome = 'inserted'""",
        "update": """
            update {table} t
            set payload = i.payload, payload_hash = i.payload_hash, changed_at = now(),
                batch_id = %s
            from incoming i where {same} and i.outcome = 'updated'""",
    }
    return MergeStatements(**{step: sql.SQL(text).format(**parts) for step, text in texts.items()})


def count_rejected(cur: psycopg.Cursor) -> int:
    """How many lines of the batch were refused."""
    row = cur.execute("select count(*) from incoming where outcome = 'rejected'").fetchone()
    assert row is not None
    return int(row[0])


def quarantine(cur: psycopg.Cursor, asset: str, source: str, batch_id: int) -> None:
    """Move the refused lines into `integration.rejected_rows`, each distinct row once.

    A row that comes again keeps its first batch and gets the newest reason and `last_seen_at`; one
    that was retried is open again.
    """
    cur.execute(
        """
        insert into integration.rejected_rows as r (
            batch_id, asset, source, position, field, reason_code, reason, raw_row, row_hash
        )
        select distinct on (payload_hash) %s, %s, %s, payload ->> 'position', payload ->> 'field',
               payload ->> 'reason_code', payload ->> 'reason', payload ->> 'raw', payload_hash
        from incoming where outcome = 'rejected' order by payload_hash, line
        on conflict (asset, row_hash) do update set
            last_seen_at = now(), position = excluded.position, field = excluded.field,
            reason_code = excluded.reason_code, reason = excluded.reason,
            status = case r.status when 'retried' then 'open' else r.status end
        """,
        [batch_id, asset, source],
    )
    cur.execute("delete from incoming where outcome = 'rejected'")


def write_ledger(cur: psycopg.Cursor, line: Mapping[str, Any]) -> int:
    """Write the batch's ledger line and return its id."""
    row = cur.execute(
        """
        insert into integration.import_batches (
            asset, source, batch_kind, dagster_run_id, window_from, window_to, file_name,
            file_sha256, rows_declared, rows_read, rows_inserted, rows_updated, rows_unchanged,
            rows_duplicate, rows_rejected, started_at
        ) values (
            %(asset)s, %(source)s, %(kind)s, %(dagster_run_id)s, %(window_from)s, %(window_to)s,
            %(file_name)s, %(file_sha256)s, %(rows_declared)s, %(read)s, %(inserted)s,
            %(updated)s, %(unchanged)s, %(duplicate)s, %(rejected)s, %(started_at)s
        ) returning batch_id
        """,
        line,
    ).fetchone()
    assert row is not None
    return int(row[0])


def find_file_batch(cur: psycopg.Cursor, asset: str, sha256: str) -> tuple[Any, ...] | None:
    """The counts of the batch that loaded this very file before, if any."""
    return cur.execute(
        sql.SQL(
            "select {} from integration.import_batches"
            " where asset = %s and file_sha256 = %s and batch_kind = 'file'"
        ).format(COUNTS),
        [asset, sha256],
    ).fetchone()


def save_cursor(cur: psycopg.Cursor, stream: str, cursor_json: str, batch_id: int) -> None:
    """Set a stream's cursor."""
    cur.execute(
        "insert into integration.sync_state (stream, cursor, batch_id) values (%s, %s, %s)"
        " on conflict (stream) do update set"
        " cursor = excluded.cursor, batch_id = excluded.batch_id, updated_at = now()",
        [stream, cursor_json, batch_id],
    )


def _columns(names: tuple[str, ...]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(name) for name in names)
