"""Keeps the planner's statistics fresh where a run has just changed much.

A table that was empty a moment ago is planned as if it still were, and a join of two of them can
take hours instead of a second; autovacuum looks only once a minute.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from psycopg import sql

from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.connection import connect

# Changed by more than a twentieth since the last look, or never looked at.
STALE_SQL = """
    select schemaname, relname
    from pg_stat_user_tables
    where
        schemaname = any(%s)
        and n_mod_since_analyze > 0.05 * n_live_tup
    order by schemaname, relname
"""


def refresh_statistics(settings: Settings, schemas: Sequence[str]) -> list[str]:
    """Analyze the stale tables of the schemas; returns their addresses."""
    with closing(connect(settings, role=None, autocommit=True)) as conn:
        stale = conn.execute(STALE_SQL, [list(schemas)]).fetchall()
        for schema, table in stale:
            conn.execute(sql.SQL("analyze {}").format(sql.Identifier(schema, table)))
    return [f"{schema}.{table}" for schema, table in stale]
