"""Emptying a database: for a restore, and for a sandbox that begins anew.

Dagster's own schema is left alone, since runs remain true whatever happens to the data.
"""

from __future__ import annotations

from contextlib import closing

import psycopg
from psycopg import sql

from soleflip_pipelines.errors import DatabaseUnavailable
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.connection import (
    DAGSTER_SCHEMA,
    check_mode,
    connect,
    prepare_database,
)

LOCK_TIMEOUT = "10s"


def drop_statements(conn: psycopg.Connection, *, with_dagster: bool = False) -> list[str]:
    """The statements that drop all that migrations, loaders and dbt have made."""
    rows = conn.execute(
        "select nspname from pg_namespace where nspname !~ '^pg_'"
        " and nspname not in ('information_schema', 'public') order by 1"
    ).fetchall()
    drops = [
        sql.SQL("drop schema {} cascade;").format(sql.Identifier(name)).as_string(conn)
        for (name,) in rows
        if with_dagster or name != DAGSTER_SCHEMA
    ]
    return [*drops, "drop table if exists public.soleflip_migration;"]


def empty_sandbox(settings: Settings) -> bool:
    """Empty the sandbox's database and apply the migrations anew; False when it was empty.

    Raises:
        DatabaseUnavailable: not in sandbox mode, or the database holds live data or is in use.
    """
    if settings.mode != "sandbox":
        raise DatabaseUnavailable("only the sandbox's database is ever emptied: SOLEFLIP_MODE=live")
    with closing(connect(settings, role=None)) as conn:
        found = conn.execute("select to_regclass('core.setting') is not null").fetchone()
        if found != (True,):
            return False
        check_mode(conn, settings.mode)
        try:
            conn.execute(sql.SQL("set local lock_timeout = {}").format(LOCK_TIMEOUT))
            for statement in drop_statements(conn):
                conn.execute(statement.encode())
            conn.commit()
        except psycopg.errors.LockNotAvailable:
            raise DatabaseUnavailable(
                "the database is in use: wait for the run in progress, or stop it"
            ) from None
    prepare_database(settings)
    return True
