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
LOCK_TIMEOUT = "50ms"
DROP_TIMEOUT = "200ms"
RENAME_ATTEMPTS = 10
# Who has been reading for longer is past the point where a statement finds its tables.
LONG_READER_S = 1.0
PATIENCE_S = 10.0
GLANCE_S = 0.01

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

HOLDERS_SQL = """
    select pid || ' ' || virtualtransaction, relation
    from pg_locks
    where granted and pid <> pg_backend_pid() and relation = any(%s::oid[])
"""
RELATIONS_SQL = """
    select relation.oid, namespace.nspname, relation.relname, relation.relkind
    from pg_class as relation
    inner join pg_namespace as namespace on relation.relnamespace = namespace.oid
    where namespace.nspname = any(%s) and relation.relkind in ('r', 'm', 'v')
    order by relation.oid
"""
# In one message with the renames, so that nobody can come between the look and the commit unless
# he is quicker than the server itself.
COMMIT_SQL = """
    do $$ begin
        if exists (
            select from pg_locks
            where granted and pid <> pg_backend_pid() and relation = any({relations}::oid[])
                and pid || ' ' || virtualtransaction <> all({long_readers}::text[])
        ) then
            raise sqlstate '55P03';
        end if;
    end $$;
    commit
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
    """Drop what a killed build left: half a new set, or an old set that was never dropped."""
    for name in _existing(conn, schemas):
        if name.endswith(NEXT):
            _drop(conn, name)
    drop_old(conn, schemas)


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

    A statement finds its tables one after the other, so a change between two of them would show it
    both sets. It therefore happens at a moment when nobody is in the middle of one, and those who
    come meanwhile wait for its end. `build_id` and the digest of its inputs are noted in the same
    transaction, and `also` writes in it what becomes true with it.

    Raises:
        psycopg.errors.LockNotAvailable: somebody kept the schemas locked through all attempts.
    """
    old_suffix = OLD + "".join(c for c in build_id.lower() if c.isalnum())[:16]
    renames = _renames(conn, schemas, old_suffix)
    readers = _Readers(conn, schemas)
    attempts_left = RENAME_ATTEMPTS
    while True:
        readers.await_quiet()
        conn.execute("begin")
        try:
            also(conn)
            _note(conn, build_id, inputs)
            readers.hold_off()
            conn.execute(sql.SQL(";").join([renames, readers.commit()]))
            return
        except BaseException as error:
            if not conn.closed:
                conn.execute("rollback")
            if not isinstance(error, psycopg.errors.LockNotAvailable):
                raise
            attempts_left -= readers.is_late
            if not attempts_left:
                raise
            time.sleep(GLANCE_S)


def drop_old(conn: psycopg.Connection, schemas: Sequence[str]) -> None:
    """Drop the sets that were published before; what a reader still holds stays for now."""
    for name in _existing(conn, schemas):
        if OLD in name:
            _drop_unless_held(conn, name)


class _Readers:
    """Who reads the published set while its end comes, and since when we have seen them do so."""

    def __init__(self, conn: psycopg.Connection, schemas: Sequence[str]) -> None:
        self._conn = conn
        self._relations = conn.execute(RELATIONS_SQL, [list(schemas)]).fetchall()
        self._first_seen: dict[str, float] = {}
        self._until = time.monotonic() + PATIENCE_S
        self._held: set[int] = set()

    @property
    def is_late(self) -> bool:
        """Whether patience is at its end: the set is published, whoever is in the middle of it."""
        return time.monotonic() > self._until

    def await_quiet(self) -> None:
        """Return when only long readers read, or when patience is at its end."""
        while self._young() and not self.is_late:
            time.sleep(GLANCE_S)

    def hold_off(self) -> None:
        """Let new readers wait until this transaction ends, where no long reader is before them.

        Raises:
            psycopg.errors.LockNotAvailable: somebody has come in between.
        """
        if self.is_late:
            return
        free = [row[1:] for row in self._relations if row[0] not in self._held]
        # A materialized view knows no "lock": to be given to its own owner locks it, too.
        wordings = {
            "r": "lock table {} in access exclusive mode nowait",
            "m": "alter materialized view {} owner to current_user",
        }
        for kind, wording in wordings.items():
            names = [sql.Identifier(*name) for *name, k in free if k == kind]
            if names:
                self._conn.execute(
                    sql.SQL(";").join(sql.SQL(wording).format(name) for name in names)
                )

    def commit(self) -> sql.Composable:
        """The words that end the transaction, unless somebody young is reading."""
        if self.is_late:
            return sql.SQL("commit")
        old = self._long()
        return sql.SQL(COMMIT_SQL).format(
            relations=sql.Literal([row[0] for row in self._relations]),
            long_readers=sql.Literal(old),
        )

    def _young(self) -> bool:
        now = time.monotonic()
        oids = [row[0] for row in self._relations]
        holders = self._conn.execute(HOLDERS_SQL, [oids]).fetchall()
        self._first_seen = {name: self._first_seen.get(name, now) for name, _ in holders}
        self._held = {relation for _, relation in holders}
        return len(self._long()) < len(self._first_seen)

    def _long(self) -> list[str]:
        before = time.monotonic() - LONG_READER_S
        return [name for name, first_seen in self._first_seen.items() if first_seen < before]


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


def _renames(conn: psycopg.Connection, schemas: Sequence[str], old_suffix: str) -> sql.Composed:
    """All of them as one message, since readers wait while it is worked on."""
    present = set(_existing(conn, schemas))
    pairs = [(schema, schema + old_suffix) for schema in schemas if schema in present]
    pairs += [(schema + NEXT, schema) for schema in schemas]
    return sql.SQL(";").join(
        sql.SQL("alter schema {} rename to {}").format(sql.Identifier(old), sql.Identifier(new))
        for old, new in pairs
    )


def _note(conn: psycopg.Connection, build_id: str, inputs: str) -> None:
    # Nobody has to wait for the disk: a crash that forgets the change forgets the note of it, too.
    conn.execute("set local synchronous_commit = off")
    conn.execute(f"set local lock_timeout = '{LOCK_TIMEOUT}'")
    conn.execute("set local role soleflip_loader")
    conn.execute(
        "insert into core.setting (setting_key, setting_value)"
        " values ('last_build_id', %s), ('last_build_inputs', %s)"
        " on conflict (setting_key) do update"
        " set setting_value = excluded.setting_value, updated_at = now()",
        [build_id, inputs],
    )
    conn.execute("set local role soleflip_transformer")


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
            conn.execute(f"set local lock_timeout = '{DROP_TIMEOUT}'")
            _drop(conn, schema)
    except psycopg.errors.LockNotAvailable:
        pass  # a long reader; the next build drops it
