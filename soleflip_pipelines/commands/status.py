"""`soleflip status`: what the database holds and what happened last, read-only."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from rich.console import Console
from rich.table import Table

from soleflip_pipelines.errors import SoleflipError
from soleflip_pipelines.settings import get_settings
from soleflip_pipelines.terminal import print_table
from soleflip_pipelines.warehouse.connection import connect
from soleflip_pipelines.warehouse.daemon import schedules

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
EVENTS = """
select event_id as event, event_type as what, occurred_at,
       coalesce(payload ->> 'product_name', payload ->> 'asset') as of,
       concat_ws(' ', payload ->> 'platform', payload ->> 'order_number') as order,
       case when delivered_at is null then 'waits' else 'delivered' end as delivery
from realtime.event order by event_id desc limit 8
"""
BAD_ROWS = """
select test_name as test, table_address as table, severity, row_count as bad_rows, found_at,
       bad_rows ->> 0 as first_of_them
from logging.test_failure
where build_id = (select build_id from logging.test_failure order by found_at desc limit 1)
order by severity, test_name limit 10
"""
LAST_RUN = """
select job_name as job, step, status, ended_at, seconds, rows_read, rows_changed
from logging.run_log
where dagster_run_id = (
    select dagster_run_id from logging.run_log where step = '*' order by ended_at desc limit 1
)
order by step = '*' desc, status = 'success', seconds desc nulls last limit 6
"""
FAILURES = """
select job_name as job, failed_steps, message, failed_at
from logging.run_failure order by failed_at desc limit 3
"""
WRITES = """
select partner, method, path, outcome, count(*) as times, max(sent_at) as last_sent_at
from logging.outside_write where sent_at > now() - interval '7 days'
group by 1, 2, 3, 4 order by last_sent_at desc limit 8
"""
ACCOUNTS = """
select account_name as account, can_log_in, is_superuser, acts_as,
       coalesce(sum(permission.readable_count), 0)::integer as tables_to_read,
       coalesce(sum(permission.insertable_count), 0)::integer as tables_to_add_to
from auth.account left join compliance.permission using (account_name)
group by 1, 2, 3, 4 order by 1
"""
ERASURES = """
select raw_table, array_to_string(json_path, '.') as path, sum(row_count)::integer as rows,
       max(erased_at) as last_erased_at
from compliance.erasure_log group by 1, 2 order by 4 desc limit 5
"""
SCHEMA = """
select count(*) as migrations, max(migration_name) as newest, max(applied_at) as applied_at
from core.schema_version
"""
# Columns whose names stay whole in one line; all others are wrapped, and none is cut.
NAMES = ("asset", "table", "raw_table", "what", "order", "account", "step")
# What is shown: its name in JSON, its title, the relation it needs, and its query.
SECTIONS = (
    ("sources", "Sources", "integration.source_state", SOURCES),
    ("batches", "Last batches", "integration.import_batches", BATCHES),
    ("rejected", "Rejected rows that wait for you", "integration.rejected_rows", REJECTED),
    ("bad_rows", "Bad rows that tests of the marts found last", "logging.test_failure", BAD_ROWS),
    ("events", "What happened last", "realtime.event", EVENTS),
    ("outside_writes", "Sent to partners in 7 days", "logging.outside_write", WRITES),
    ("erasures", "Personal data removed last", "compliance.erasure_log", ERASURES),
    ("accounts", "Who may read or act", "auth.account", ACCOUNTS),
    ("schema", "Database", "core.schema_version", SCHEMA),
    ("failures", "Failed runs", "logging.run_failure", FAILURES),
    ("last_run", "Last run and its slowest steps", "logging.run_log", LAST_RUN),
)


class SchedulesStopped(SoleflipError):
    """Schedules ran, and do so no more although nobody ended them."""


def show_status(console: Console, *, as_json: bool) -> None:
    """Print row counts, and what was read, refused, found, sent and run last.

    Raises:
        SchedulesStopped: after all was printed, so that a watchman needs to look at nothing else.
    """
    settings = get_settings()
    with closing(connect(settings, role=None, autocommit=True)) as conn:
        heard = schedules(conn)
        facts = {"mode": settings.mode, "schedules": asdict(heard), **_read(conn)}
    if as_json:
        console.print_json(data=facts, default=str)
    else:
        _print_facts(console, facts)
    if heard.state == "stopped":
        raise SchedulesStopped(heard.text)


def _print_facts(console: Console, facts: dict[str, Any]) -> None:
    console.print(f"mode: {facts['mode']}\n{facts['schedules']['text']}", highlight=False)
    _print_table(console, "Rows", facts["tables"])
    for name, title, _, _ in SECTIONS:
        narrow = {"batches": _batch, "last_run": _step}.get(name, dict)
        _print_table(console, title, [narrow(row) for row in facts[name]])


def _read(conn: psycopg.Connection) -> dict[str, Any]:
    tables = [
        {"table": f"{schema}.{name}", "rows": _count(conn, schema, name)}
        for schema, name in conn.execute(TABLES, [list(HIDDEN_SCHEMAS)]).fetchall()
    ]
    read = {
        name: _rows(conn, query) if _exists(conn, relation) else []
        for name, _, relation, query in SECTIONS
    }
    return {"tables": tables, **read}


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


def _batch(row: dict[str, Any]) -> dict[str, Any]:
    """A batch in the width of a terminal: its counts as one text, and no zeros but of the read."""
    counts = ((name.removeprefix("rows_"), row[name]) for name in row if name.startswith("rows_"))
    return {
        "batch": row["batch_id"],
        "asset": row["asset"],
        "rows": ", ".join(f"{n:,} {what}" for what, n in counts if n or what == "read"),
        "finished_at": row["finished_at"],
    }


def _step(row: dict[str, Any]) -> dict[str, Any]:
    """A step in the width of a terminal: the first is the job itself."""
    rest = {name: value for name, value in row.items() if name not in ("job", "step")}
    return {"step": row["job"] if row["step"] == "*" else row["step"], **rest}


def _print_table(console: Console, title: str, rows: list[dict[str, Any]]) -> None:
    if not rows:
        console.print(f"\n{title}: none")
        return
    table = Table(title=title, title_justify="left", box=None, header_style="bold")
    for name in rows[0]:
        is_number = isinstance(rows[0][name], int)
        table.add_column(
            name.replace("_", " "),
            justify="right" if is_number else "left",
            no_wrap=name in NAMES,
        )
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    console.print()
    print_table(console, table)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if hasattr(value, "strftime"):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) else str(value)
