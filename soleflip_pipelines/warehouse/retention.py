"""Removes what is personal from raw payloads, and old events, when `compliance` says.

The rules are data: `compliance.retention_rule` names table, path and days. A payload's hash stays,
so that reading the same order again is no change and brings nothing back.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta

import psycopg
from psycopg import sql

BATCH_ROWS = 2_000
REJECTED = "integration.rejected_rows"
EVENTS = "realtime.event"
RULES_SQL = """
    select raw_table, json_path, keep_days from compliance.retention_rule
    where to_regclass(raw_table) is not null order by raw_table, json_path
"""
PAYLOAD_SQL = """
    update {table} set payload = compliance.without_path(payload, %(path)s)
    where ctid = any(array(
        select ctid from {table}
        where first_seen_at < %(before)s and payload @? %(place)s::jsonpath
        and compliance.without_path(payload, %(path)s) is distinct from payload
        limit %(batch)s for update
    ))
"""
REJECTED_SQL = {
    "open": "status = 'open' and rejected_at < %(before)s",
    "decided": "status <> 'open' and coalesce(settled_at, rejected_at) < %(before)s",
}
ROW_TEXT_SQL = """
    update integration.rejected_rows set raw_row = {removed}, context = null
    where ctid = any(array(
        select ctid from integration.rejected_rows where {which} and raw_row <> {removed}
        limit %(batch)s for update
    ))
"""
EVENTS_SQL = {
    "delivered": "delivered_at < %(before)s",
    "undelivered": "delivered_at is null and recorded_at < %(before)s",
}
OLD_EVENTS_SQL = """
    delete from realtime.event where event_id = any(array(
        select event_id from realtime.event where {which} limit %(batch)s for update skip locked
    ))
"""
REMOVED = "(removed: its time was over)"
EVIDENCE_SQL = """
    insert into compliance.erasure_log (raw_table, json_path, seen_before_on, row_count)
    values (%(table)s, %(path)s, %(day)s, %(count)s)
"""


def apply_retention(conn: psycopg.Connection, today: date) -> dict[str, int]:
    """Remove every path whose rule says so, in batches that are each committed with its evidence.

    Args:
        conn: a connection of the loader role, with no transaction open.
        today: the UTC day that the rules count back from.

    Returns:
        how many rows each rule was applied to, by "table path"; rules with none are left out.
    """
    removed: Counter[str] = Counter()
    rules = conn.execute(RULES_SQL).fetchall()
    conn.commit()
    for table, path, keep_days in rules:
        day = today - timedelta(days=keep_days)
        statement = _statement(table, path)
        arguments = {
            "path": path,
            "place": _jsonpath(path),
            "before": datetime.combine(day, time(), UTC),
            "batch": BATCH_ROWS,
        }
        while True:
            with conn.transaction():
                count = conn.execute(statement, arguments).rowcount
                if count:
                    evidence = {"table": table, "path": path, "day": day, "count": count}
                    conn.execute(EVIDENCE_SQL, evidence)
            removed[f"{table} {'.'.join(path)}"] += count
            if count < BATCH_ROWS:
                break
    return dict(+removed)


def _statement(table: str, path: list[str]) -> sql.Composed:
    if table == REJECTED:
        return sql.SQL(ROW_TEXT_SQL).format(
            which=sql.SQL(REJECTED_SQL[path[-1]]), removed=sql.Literal(REMOVED)
        )
    if table == EVENTS:
        return sql.SQL(OLD_EVENTS_SQL).format(which=sql.SQL(EVENTS_SQL[path[-1]]))
    return sql.SQL(PAYLOAD_SQL).format(table=sql.Identifier(*table.split(".")))


def _jsonpath(path: list[str]) -> str:
    """The path in PostgreSQL's own language: $."lineItems"[*]."giftDetails"."""
    steps = ("[*]" if step == "*" else f'."{step}"' for step in path)
    return "$" + "".join(steps)
