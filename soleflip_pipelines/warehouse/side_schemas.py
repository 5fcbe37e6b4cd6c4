"""The two sets of the marts' schemas: the one readers see, and the one that is being built.

Only DDL on whole schemas is here: create, grant, rename, drop, and what a finished set contains.
What is in them is dbt's affair, and when they change places is `publish`'s.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

NEXT = "__next"
OLD = "__old_"
READERS = ("soleflip_reader", "soleflip_loader")
LOCK_TIMEOUT = "2s"
RENAME_ATTEMPTS = 10
RETRY_PAUSE_S = 0.5

COLUMNS_SQL = """
    select
        namespace.nspname, relation.relname, relation.relkind,
        coalesce(jsonb_agg(jsonb_build_array(
            attribute.attname,
            format_type(attribute.atttypid, attribute.atttypmod),
            coalesce(col_description(relation.oid, attribute.attnum), '')
        ) order by attribute.attnum), '[]')
    from pg_class as relation
    inner join pg_namespace as namespace on relation.relnamespace = namespace.oid
    inner join pg_attribute as attribute on relation.oid = attribute.attrelid
    where
        namespace.nspname = any(%s)
        and relation.relkind in ('r', 'v', 'm')
        and attribute.attnum > 0
        and not attribute.attisdropped
    group by namespace.nspname, relation.relname, relation.relkind
    order by namespace.nspname, relation.relname
"""


@dataclass(frozen=True)
class ColumnFacts:
    """A column as the database has it: its name, type and comment."""

    name: str
    data_type: str
    comment: str


@dataclass(frozen=True)
class TableFacts:
    """A table, view or materialized view of the finished set and how many rows it holds."""

    address: str
    kind: str
    row_count: int
    columns: tuple[ColumnFacts, ...]


def drop_leftovers(conn: psycopg.Connection, schemas: Sequence[str]) -> None:
    """Drop what a killed build left: half a new set, or an old set that was never dropped.

    An old set that a reader still holds stays for the next time; half a new set must go.
    """
    names = _existing(conn, schemas)
    for name in names:
        if name.endswith(NEXT):
            _drop(conn, name)
        elif OLD in name:
            _drop_unless_held(conn, name)


def create_next(conn: psycopg.Connection, schemas: Sequence[str]) -> None:
    """Make the empty side schemas; readers get their rights now, so before they can see them."""
    readers = sql.SQL(", ").join(sql.Identifier(role) for role in READERS)
    for schema in schemas:
        name = sql.Identifier(schema + NEXT)
        with conn.transaction():
            conn.execute(sql.SQL("create schema {}").format(name))
            conn.execute(sql.SQL("grant usage on schema {} to {}").format(name, readers))
            conn.execute(
                sql.SQL(
                    "alter default privileges in schema {} grant select on tables to {}"
                ).format(name, readers)
            )


def swap(
    conn: psycopg.Connection,
    schemas: Sequence[str],
    build_id: str,
    inputs: str,
    also: Callable[[psycopg.Connection], None] = lambda _: None,
) -> None:
    """Put the new set in the old one's place, all schemas in one short transaction.

    `build_id` and the digest of its inputs are noted in the same transaction, and `also` writes in
    it what becomes true with it.

    Raises:
        psycopg.errors.LockNotAvailable: somebody kept the schemas locked through all attempts.
    """
    old_suffix = OLD + "".join(c for c in build_id.lower() if c.isalnum())[:16]
    for attempt in range(1, RENAME_ATTEMPTS + 1):
        try:
            with conn.transaction():
                _rename_all(conn, schemas, old_suffix)
                also(conn)
                conn.execute("set local role soleflip_loader")
                conn.execute(
                    "insert into core.setting (setting_key, setting_value)"
                    " values ('last_build_id', %s), ('last_build_inputs', %s)"
                    " on conflict (setting_key) do update"
                    " set setting_value = excluded.setting_value, updated_at = now()",
                    [build_id, inputs],
                )
            break
        except psycopg.errors.LockNotAvailable:
            if attempt == RENAME_ATTEMPTS:
                raise
            time.sleep(RETRY_PAUSE_S)
    for schema in schemas:
        _drop_unless_held(conn, schema + old_suffix)


def read_facts(conn: psycopg.Connection, schemas: Sequence[str]) -> dict[str, TableFacts]:
    """Rows and columns of everything in the side schemas, by published address; two queries."""
    found = conn.execute(COLUMNS_SQL, [[schema + NEXT for schema in schemas]]).fetchall()
    if not found:
        return {}
    counts = sql.SQL(" union all ").join(
        sql.SQL("select {}::integer, count(*) from {}").format(
            sql.Literal(position), sql.Identifier(schema, table)
        )
        for position, (schema, table, _, _) in enumerate(found)
    )
    row_counts: dict[int, int] = dict(conn.execute(counts).fetchall())
    kinds = {"r": "table", "v": "view", "m": "materialized view"}
    facts = {}
    for position, (schema, table, kind, columns) in enumerate(found):
        address = f"{schema.removesuffix(NEXT)}.{table}"
        facts[address] = TableFacts(
            address=address,
            kind=kinds[kind],
            row_count=row_counts[position],
            columns=tuple(ColumnFacts(*column) for column in columns),
        )
    return facts


def _rename_all(conn: psycopg.Connection, schemas: Sequence[str], old_suffix: str) -> None:
    conn.execute(f"set local lock_timeout = '{LOCK_TIMEOUT}'")
    present = set(_existing(conn, schemas))
    rename = sql.SQL("alter schema {} rename to {}")
    for schema in schemas:
        name = sql.Identifier(schema)
        if schema in present:
            conn.execute(rename.format(name, sql.Identifier(schema + old_suffix)))
        conn.execute(rename.format(sql.Identifier(schema + NEXT), name))


def _existing(conn: psycopg.Connection, schemas: Sequence[str]) -> list[str]:
    """The schemas of any of the sets: published, next or old."""
    rows = conn.execute(
        "select nspname from pg_namespace where split_part(nspname, '__', 1) = any(%s)",
        [list(schemas)],
    ).fetchall()
    return [name for (name,) in rows]


def _drop(conn: psycopg.Connection, schema: str) -> None:
    conn.execute(sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(schema)))


def _drop_unless_held(conn: psycopg.Connection, schema: str) -> None:
    try:
        with conn.transaction():
            conn.execute(f"set local lock_timeout = '{LOCK_TIMEOUT}'")
            _drop(conn, schema)
    except psycopg.errors.LockNotAvailable:
        pass  # a long reader; the next build drops it
