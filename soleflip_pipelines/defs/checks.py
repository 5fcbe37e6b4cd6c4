"""Checks that SQL tests cannot be: the ledger against the raw tables, and pandera's schemas.

An asset evaluates its own checks in its own step; dbt's tests are checks of the marts. No assets
here.
"""

from collections.abc import Callable, Iterable

import dagster as dg
import pandas as pd
import psycopg
from psycopg import sql

Validate = Callable[[pd.DataFrame], pd.DataFrame]

LEDGER = "ledger_balances"
REJECTIONS = "no_open_rejections"
SCHEMA = "fits_schema"
EXAMPLES = 10

LEDGER_SQL = """
    select coalesce(sum(rows_inserted), 0), coalesce(sum(rows_read), 0),
           coalesce(sum(rows_declared - rows_read) filter (where rows_declared > rows_read), 0)
    from integration.import_batches where asset = %s
"""
REJECTED_SQL = """
    select source, position, field, reason, rejected_at, count(*) over ()
    from integration.rejected_rows where asset = %s and status = 'open'
    order by rejected_id desc limit %s
"""


def raw_checks(*addresses: str) -> list[dg.AssetCheckSpec]:
    """The specs of what every raw table is checked for."""
    return [
        spec
        for address in addresses
        for spec in (
            dg.AssetCheckSpec(
                LEDGER,
                asset=address.split("."),
                blocking=True,
                description="Rows in the table = rows inserted by all its batches: nothing lost, "
                "nothing doubled, nothing written past the ledger.",
            ),
            dg.AssetCheckSpec(
                REJECTIONS,
                asset=address.split("."),
                description="No refused row waits for a decision; the newest reasons are listed.",
            ),
        )
    ]


def schema_check(address: str) -> dg.AssetCheckSpec:
    """The spec of the check that every row fits the pandera schema of its module."""
    return dg.AssetCheckSpec(
        SCHEMA,
        asset=address.split("."),
        blocking=True,
        description="Every row fits the pandera schema of the module that wrote it.",
    )


def raw_results(conn: psycopg.Connection, address: str) -> Iterable[dg.AssetCheckResult]:
    """The two results of a raw table, after its batches were committed."""
    quoted = sql.Identifier(*address.split("."))
    inserted, read, missing = conn.execute(LEDGER_SQL, [address]).fetchone() or (0, 0, 0)
    counted = conn.execute(sql.SQL("select count(*) from {}").format(quoted)).fetchone()
    stored = counted[0] if counted else 0
    yield dg.AssetCheckResult(
        check_name=LEDGER,
        asset_key=address.split("."),
        passed=stored == inserted,
        metadata={
            "rows in table": stored,
            "rows inserted by batches": int(inserted),
            "rows read in all": int(read),
            "rows declared but not read": int(missing),
        },
    )
    rejected = conn.execute(REJECTED_SQL, [address, EXAMPLES]).fetchall()
    reasons = "\n".join(
        f"- {source} {position}: {field or 'row'}: {reason} ({at:%Y-%m-%d})"
        for source, position, field, reason, at, _ in rejected
    )
    yield dg.AssetCheckResult(
        check_name=REJECTIONS,
        asset_key=address.split("."),
        passed=not rejected,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "open": rejected[0][5] if rejected else 0,
            "newest": dg.MetadataValue.md(reasons or "none"),
        },
    )


def schema_result(
    conn: psycopg.Connection, address: str, validate: Validate
) -> dg.AssetCheckResult:
    """The result for a table that Python wrote; `validate` returns the failure cases."""
    cursor = conn.execute(sql.SQL("select * from {}").format(sql.Identifier(*address.split("."))))
    names = [column.name for column in cursor.description or ()]
    frame = pd.DataFrame(cursor.fetchall(), columns=names)
    # An empty frame has no types to check.
    failures = validate(frame) if len(frame) else frame
    examples = "\n".join(f"- {case}" for case in failures.head(EXAMPLES).to_dict("records"))
    return dg.AssetCheckResult(
        check_name=SCHEMA,
        asset_key=address.split("."),
        passed=failures.empty,
        metadata={
            "rows": len(frame),
            "failures": len(failures),
            "examples": dg.MetadataValue.md(examples or "none"),
        },
    )
