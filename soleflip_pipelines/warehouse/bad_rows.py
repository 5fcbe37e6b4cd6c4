"""Keeps the bad rows that tests of the marts found, where SQL, the status and the UI show them.

Which tests there are is the dbt project's affair, and what a failure forbids is `publish`'s.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import sql

from soleflip_pipelines.warehouse.dbt_runner import NodeResult

KEPT_ROWS = 20
_ROWS = "select to_jsonb(bad) from ({query}) as bad limit {limit}"
_KEEP = """
    insert into logging.test_failure
        (build_id, test_name, table_address, severity, row_count, bad_rows)
    values (%s, %s, %s, %s, %s, %s)
    on conflict (build_id, test_name) do nothing
"""


def record_test_failures(
    conn: psycopg.Connection, build_id: str, nodes: Sequence[NodeResult]
) -> None:
    """Keep the first rows of each test that found some, while the set it tested is still there.

    Args:
        conn: an autocommit connection of the transformer role.
        build_id: of the tested set.
        nodes: what dbt has done.
    """
    for node in nodes:
        if node.query is not None:
            severity = "error" if node.is_failed else "warn"
            rows = json.dumps(_bad_rows(conn, node.query))
            conn.execute(_KEEP, [build_id, node.name, node.address, severity, node.failures, rows])


def bad_rows(conn: psycopg.Connection, build_id: str) -> dict[str, list[Any]]:
    """The kept rows of a build by the test's name."""
    found = conn.execute(
        "select test_name, bad_rows from logging.test_failure where build_id = %s", [build_id]
    )
    return dict(found.fetchall())


def _bad_rows(conn: psycopg.Connection, query: str) -> list[Any]:
    statement = sql.SQL(_ROWS).format(query=sql.SQL(query), limit=sql.Literal(KEPT_ROWS))
    return [row for (row,) in conn.execute(statement).fetchall()]
