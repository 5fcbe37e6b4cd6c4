"""The SQL of `loader`: statements for any raw table, composed from checked identifiers.

Only `loader` calls these; what they mean together is told there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from soleflip_pipelines.warehouse.batch import RawTable

LOCK_TIMEOUT = "15min"
COUNTS = sql.SQL(
    "batch_id, rows_read, rows_inserted, rows_updated, rows_unchanged, rows_duplicate,"
    " rows_rejected"
)
# A chunk is small beside its table, of which the planner may know nothing yet: look keys up.
# A plan that was made when the table was empty must not live on while it grows, either.
BY_KEY = "set local enable_hashjoin = off; set local enable_mergejoin = off; "
BY_KEY += "set local enable_seqscan = off; set local enable_material = off; "
BY_KEY += "set local plan_cache_mode = force_custom_plan"
AS_PLANNED = BY_KEY.replace("= off", "to default").replace("= force_custom_plan", "to default")


@dataclass(frozen=True)
class Statements:
    """The statements for one raw table.

    Attributes:
        create: the temporary tables `changed` (a chunk's changed rows), `refused` (rejections)
            and `arrived` (keys of the batch with their outcomes).
        judge: tells of each row of a chunk whether it is new and whether it differs.
        keep_pages: takes pages that are known, if all their rows are stored as they made them.
        drop_repeats: of keys that several chunks brought, keeps the last.
        add_unasked: adds to `arrived` the rows that were sent without being judged.
        show_incoming: the view `incoming` for those who work on after the rows are in.
    """

    create: bytes
    is_empty: bytes
    judge: bytes
    keep_pages: bytes
    copy_new: bytes
    copy_changed: bytes
    drop_equal: bytes
    update: bytes
    drop_repeats: bytes
    add_unasked: bytes
    show_incoming: bytes


COPY_REFUSED = "copy pg_temp.refused (line, rejection, row_hash) from stdin"
MARK_EQUAL = "update pg_temp.arrived set outcome = 'unchanged' where line = any(%s)"
DROP_ALL = "drop table pg_temp.changed, pg_temp.refused, pg_temp.arrived cascade"

_TEXTS = {
    "create": """
        create temporary table changed on commit drop as
        select null::bigint as line, {keys}, payload, payload_hash from {table} with no data;
        create temporary table arrived on commit drop as
        select null::bigint as line, {keys}, null::text as outcome from {table} with no data;
        create temporary table refused (line bigint, rejection jsonb, row_hash text)
        on commit drop""",
    "is_empty": "select not exists (select from {table})",
    # A letter a row: (i)nserted, (w)ritten anew, (u)nchanged; what this batch has written before
    # (in another chunk) is a (r)epeat, or differs from it (x). A new key cannot repeat an older
    # line, so `arrived` needs new ones only for those who look at the batch afterwards.
    "judge": """
        with judged as materialized (
            select %(before)s + i.line as line, {typed_keys}, case
                when t.batch_id is null then 'i'
                when t.payload_hash = i.payload_hash or {is_older} then
                    case when t.batch_id = %(batch)s then 'r' else 'u' end
                when t.batch_id = %(batch)s then 'x'
                else 'w'
            end as letter
            from unnest({arrays}, %(digests)s::text[], {versions}) with ordinality
                as i ({keys}, payload_hash, version, line)
            left join {table} t on {same_typed}
        ),
        kept as (
            insert into pg_temp.arrived (line, {keys}, outcome)
            select line, {keys},
                case letter when 'i' then 'inserted' when 'w' then 'updated' else 'unchanged' end
            from judged where letter in ('w', 'u') or letter = 'i' and %(is_shown)s
        )
        select string_agg(letter, '' order by line) from judged""",
    # Whether the rows of known pages are stored as they were made, by nobody of this batch; `lasts`
    # are the places of the pages' last rows. Each key is looked up by itself: a table that was
    # analyzed while its first rows were on their way is thought empty, and a join reads it whole.
    "keep_pages": """
        with stored as materialized (
            select i.line, {typed_keys}, t.payload_hash
            from unnest({arrays}) with ordinality as i ({keys}, line)
            cross join lateral (
                select t.payload_hash from {table} t
                where {same_typed} and t.batch_id <> %(batch)s offset 0
            ) as t
        ),
        made as (
            select min(line) as line,
                encode(sha256(string_agg(payload_hash, '' order by line)::bytea), 'hex') as digest
            from stored group by width_bucket(line - 1, %(lasts)s::bigint[])
        )
        insert into pg_temp.arrived (line, {keys}, outcome)
        select %(before)s + line, {keys}, 'unchanged' from stored
        where %(rows_digests)s = (select string_agg(digest, '' order by line) from made)""",
    "copy_new": "copy {table} ({keys}, payload, payload_hash, batch_id) from stdin",
    "copy_changed": "copy pg_temp.changed (line, {keys}, payload, payload_hash) from stdin",
    # The hash is of the text as it came: the same fields in another order have another.
    "drop_equal": """
        delete from pg_temp.changed i using {table} t
        where {same} and i.payload = t.payload returning i.line, t.batch_id = %s""",
    "update": """
        update {table} t
        set payload = i.payload, payload_hash = i.payload_hash, changed_at = now(), batch_id = %s
        from pg_temp.changed i where {same}""",
    "drop_repeats": """
        delete from pg_temp.arrived i using (
            select {keys}, max(line) as line from pg_temp.arrived
            group by {keys} having count(*) > 1
        ) t
        where {same} and i.line < t.line""",
    "add_unasked": """
        insert into pg_temp.arrived ({keys}, outcome)
        select {keys}, 'inserted' from {table} t
        where t.batch_id = %s and not exists (select from pg_temp.arrived i where {same})""",
    "show_incoming": """
        create temporary view incoming as
        select {i_keys}, t.payload, t.payload_hash, i.outcome
        from pg_temp.arrived i left join {table} t on {same}""",
}


def _key_types(cur: psycopg.Cursor, table: RawTable) -> list[str]:
    """The types of the key's columns, in their order."""
    rows = cur.execute(
        "select attname, format_type(atttypid, atttypmod) from pg_attribute"
        " where attrelid = to_regclass(%s) and attname = any(%s)",
        [sql.Identifier(table.schema, table.name).as_string(cur), list(table.key_columns)],
    ).fetchall()
    types: dict[str, str] = dict(rows)
    return [types[key] for key in table.key_columns]


def statements(cur: psycopg.Cursor, table: RawTable) -> Statements:
    """The statements for a raw table, put together once for all chunks and pages."""
    keys = [sql.Identifier(key) for key in table.key_columns]
    types = _key_types(cur, table)
    is_older: sql.Composable = sql.SQL("false")
    versions = sql.SQL("null::text[]")
    if table.newer_by is not None:
        is_older = sql.SQL(
            "integration.moment(i.version) < integration.moment(t.payload #>> {})"
        ).format(table.newer_by.split("."))
        versions = sql.SQL("%(versions)s::text[]")

    def typed(form: str, separator: str) -> sql.Composed:
        pairs = zip(keys, map(sql.SQL, types), strict=True)
        return sql.SQL(separator).join(sql.SQL(form).format(key=k, type=t) for k, t in pairs)

    parts = {
        "keys": _joined("{key}", keys),
        "i_keys": _joined("i.{key}", keys),
        "same": _joined("i.{key} = t.{key}", keys, " and "),
        "typed_keys": typed("i.{key}::{type} as {key}", ", "),
        "same_typed": typed("t.{key} = i.{key}::{type}", " and "),
        "arrays": sql.SQL(", ").join(
            sql.SQL("{}::text[]").format(sql.Placeholder(f"key{place}"))
            for place in range(len(keys))
        ),
        "table": sql.Identifier(table.schema, table.name),
        "is_older": is_older,
        "versions": versions,
    }
    made = {step: sql.SQL(text).format(**parts).as_bytes(cur) for step, text in _TEXTS.items()}
    return Statements(**made)


def _joined(form: str, keys: list[sql.Identifier], separator: str = ", ") -> sql.Composed:
    text = sql.SQL(form)
    return sql.SQL(separator).join(text.format(key=key) for key in keys)


def lock(cur: psycopg.Cursor, asset: str) -> None:
    """Keep every other load of the asset out until this transaction ends."""
    cur.execute(sql.SQL("set local lock_timeout = {}").format(LOCK_TIMEOUT))
    cur.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [asset])


def quarantine(cur: psycopg.Cursor, asset: str, source: str, batch_id: int) -> None:
    """Move the refused lines into `integration.rejected_rows`, each distinct row once.

    A row that comes again keeps its first batch and gets the newest reason and `last_seen_at`; one
    that was retried is open again.
    """
    cur.execute(
        """
        insert into integration.rejected_rows as r (
            batch_id, asset, source, position, field, reason_code, reason, raw_row, row_hash,
            context
        )
        select distinct on (row_hash) %s, %s, %s, rejection ->> 'position',
               rejection ->> 'field', rejection ->> 'reason_code', rejection ->> 'reason',
               rejection ->> 'raw', row_hash, nullif(rejection -> 'context', 'null')
        from pg_temp.refused order by row_hash, line
        on conflict (asset, row_hash) do update set
            last_seen_at = now(), position = excluded.position, field = excluded.field,
            reason_code = excluded.reason_code, reason = excluded.reason,
            context = excluded.context,
            status = case r.status when 'retried' then 'open' else r.status end,
            settled_at = case r.status when 'retried' then null else r.settled_at end
        """,
        [batch_id, asset, source],
    )


def open_ledger(cur: psycopg.Cursor, line: Mapping[str, Any]) -> int:
    """Begin a batch's ledger line, which counts nothing yet, and return its id."""
    row = cur.execute(
        """
        insert into integration.import_batches (
            asset, source, batch_kind, dagster_run_id, window_from, window_to, file_name,
            file_sha256, rows_declared, rows_read, rows_inserted, rows_updated, rows_unchanged,
            rows_duplicate, rows_rejected, started_at
        ) values (
            %(asset)s, %(source)s, %(kind)s, %(dagster_run_id)s, %(window_from)s, %(window_to)s,
            %(file_name)s, %(file_sha256)s, %(rows_declared)s, 0, 0, 0, 0, 0, 0, clock_timestamp()
        ) returning batch_id
        """,
        line,
    ).fetchone()
    assert row is not None
    return int(row[0])


def close_ledger(cur: psycopg.Cursor, line: Mapping[str, Any]) -> None:
    """Write a batch's counts into its ledger line."""
    cur.execute(
        """
        update integration.import_batches set
            rows_read = %(read)s, rows_inserted = %(inserted)s, rows_updated = %(updated)s,
            rows_unchanged = %(unchanged)s, rows_duplicate = %(duplicate)s,
            rows_rejected = %(rejected)s, rows_declared = coalesce(%(declared)s, rows_declared),
            finished_at = clock_timestamp()
        where batch_id = %(batch_id)s
        """,
        line,
    )


def remember_fields(cur: psycopg.Cursor, asset: str, paths: Iterable[str], batch_id: int) -> None:
    """Note the field paths that the asset has not shown before."""
    cur.execute(
        "insert into integration.known_field (asset, field_path, batch_id)"
        " select %s, path, %s from unnest(%s::text[]) as path on conflict do nothing",
        [asset, batch_id, list(paths)],
    )


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


def known_pages(cur: psycopg.Cursor, asset: str) -> dict[str, tuple[str, str]]:
    """By place, the hashes of the page that stood there last and of the rows it made."""
    rows = cur.execute(
        "select place, page_sha256, rows_sha256 from integration.known_page where asset = %s",
        [asset],
    ).fetchall()
    return {place: (page, made) for place, page, made in rows}


def remember_pages(cur: psycopg.Cursor, asset: str, pages: Mapping[str, tuple[str, str]]) -> None:
    """Note pages by their places."""
    cur.executemany(
        "insert into integration.known_page (asset, place, page_sha256, rows_sha256)"
        " values (%s, %s, %s, %s) on conflict (asset, place) do update"
        " set page_sha256 = excluded.page_sha256, rows_sha256 = excluded.rows_sha256",
        [(asset, place, *hashes) for place, hashes in pages.items()],
    )
