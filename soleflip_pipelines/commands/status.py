"""`soleflip status`: what the database holds and what happened last, read-only."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from rich.console import Console
from rich.table import Table

from soleflip_pipelines.settings import get_settings
from soleflip_pipelines.warehouse.connection import connect

HIDDEN_SCHEMAS = (
    "pg_catalog", "information_schema", "pg_toast", "public", "dagster", "staging", "intermediate",
    "reference",
)  # fmt: skip
TABLES = """
select n.nspname as schema, c.relname as name
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'm', 'p') and n.nspname <> all(%s)
  and n.nspname !~ '^pg_' and n.nspname !~ '__(next|old)$'
order by 1, 2
"""
BATCHES = """
select batch_id, asset, source, rows_read, rows_inserted, rows_updated, rows_unchanged,
       rows_duplicate, rows_rejected, finished_at
from integration.import_batches order by batch_id desc limit 10
"""
REJECTED = """
select asset, reason_code, count(*) as rows, max(last_seen_at) as last_seen_at
from integration.rejected_rows where status = 'open' group by 1, 2 order by 3 desc
"""
SOURCES = """
select partner, asset as table, state, read_at as last_read_to_the_end_at, detail as why
from integration.source_state order by 1, 2
"""
LAST_RUN = """
select pipeline_name as job, status, to_timestamp(start_time) as started_at,
       round((end_time - start_time)::numeric, 1) as seconds
from dagster.runs order by id desc limit 1
"""


def show_status(console: Console, *, as_json: bool) -> None:
    """Print row counts, the last batches, the open quarantine and the last run."""
    settings = get_settings()
    with closing(connect(settings, role=None, autocommit=True)) as conn:
        facts = {"mode": settings.mode, **_read(conn)}
    if as_json:
        console.print_json(data=facts, default=str)
        return
    console.print(f"mode: {settings.mode}")
    _print_table(console, "Rows", facts["tables"])
    _print_table(console, "Sources", facts["sources"])
    _print_table(console, "Last batches", facts["batches"])
    _print_table(console, "Rejected rows that wait for you", facts["rejected"])
    _print_table(console, "Last run", facts["last_run"])


def _read(conn: psycopg.Connection) -> dict[str, Any]:
    if not _exists(conn, "integration.import_batches"):
        return {"tables": [], "sources": [], "batches": [], "rejected": [], "last_run": []}
    tables = [
        {"table": f"{schema}.{name}", "rows": _count(conn, schema, name)}
        for schema, name in conn.execute(TABLES, [list(HIDDEN_SCHEMAS)]).fetchall()
    ]
    return {
        "tables": tables,
        "sources": (_rows(conn, SOURCES) if _exists(conn, "integration.source_state") else []),
        "batches": _rows(conn, BATCHES),
        "rejected": _rows(conn, REJECTED),
        "last_run": _rows(conn, LAST_RUN) if _exists(conn, "dagster.runs") else [],
    }


def _exists(conn: psycopg.Connection, relation: str) -> bool:
    row = conn.execute("select to_regclass(%s) is not null", [relation]).fetchone()
    return bool(row and row[0])


def _count(conn: psycopg.Connection, schema: str, name: str) -> int:
    query = sql.SQL("select count(*) from {}").format(sql.Identifier(schema, name))
    row = conn.execute(query).fetchone()
    return int(row[0]) if row else 0


def _rows(conn: psycopg.Connection, query: str) -> list[dict[str, Any]]:
    with conn.cursor(row_factory=dict_row) as cur:
        return cur.execute(query.encode()).fetchall()


def _print_table(console: Console, title: str, rows: list[dict[str, Any]]) -> None:
    if not rows:
        console.print(f"\n{title}: none")
        return
    table = Table(title=title, title_justify="left", box=None, header_style="bold")
    for name in rows[0]:
        is_number = isinstance(rows[0][name], int)
        table.add_column(name.replace("_", " "), justify="right" if is_number else "left")
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    console.print()
    console.print(table)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if hasattr(value, "strftime"):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    return f"{value:,}" if isinstance(value, int) else str(value)
