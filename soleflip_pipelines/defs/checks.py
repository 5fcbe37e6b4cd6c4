"""Checks that SQL tests cannot be: the ledger against the raw tables, and pandera's schemas.

An asset evaluates its own checks in its own step; dbt's tests are checks of the marts. No assets
here.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import dagster as dg
import pandas as pd
import psycopg
from psycopg import sql

Validate = Callable[[pd.DataFrame], pd.DataFrame]

LEDGER = "ledger_balances"
REJECTIONS = "no_open_rejections"
DECLARED = "declared_rows_read"
FEW_REJECTED = "few_rejections"
DRIFT = "drift"
STATUSES = "known_statuses"
SCHEMA = "fits_schema"
EXAMPLES = 10
# Past this share, and more than a handful, it is the source or our reading of it that has changed.
REJECTED_SHARE = 0.10
REJECTED_LEAST = 10
# The tables whose orders have a state, and what of it the marts do not know.
_UNMAPPED_SQL = """
    select raw.payload ->> 'status' as status from {table} raw
    where not exists (
        select from reference.order_status known
        where known.platform = '{platform}' and known.status_raw = upper(raw.payload ->> 'status')
    )
"""
# eBay has no word for a sale's state: it follows from three fields, of which these are known.
_EBAY_SQL = """
    select said.status
    from raw_ebay.orders raw
    cross join lateral (
        select upper(raw.payload ->> 'orderPaymentStatus') as status,
               array['FAILED', 'FULLY_REFUNDED', 'PAID', 'PARTIALLY_REFUNDED', 'PENDING'] as known
        union all
        select upper(raw.payload #>> '{cancelStatus,cancelState}'),
               array['CANCELED', 'CANCEL_REQUESTED', 'IN_PROGRESS', 'NONE_REQUESTED']
        union all
        select upper(line.item ->> 'lineItemFulfillmentStatus'),
               array['NOT_STARTED', 'IN_PROGRESS', 'FULFILLED']
        from jsonb_array_elements(raw.payload -> 'lineItems') as line (item)
        union all
        select upper(raw.payload ->> 'orderFulfillmentStatus'),
               array['NOT_STARTED', 'IN_PROGRESS', 'FULFILLED']
    ) said
    where said.status <> all(said.known)
"""
STATUS_TABLES = {
    "raw_stockx.orders": _UNMAPPED_SQL.format(table="raw_stockx.orders", platform="stockx"),
    "raw_alias.orders": _UNMAPPED_SQL.format(table="raw_alias.orders", platform="alias"),
    "raw_ebay.orders": _EBAY_SQL,
}

_STATUS_CHECK = (
    STATUSES,
    False,
    "Every state of an order is one that the marts know; an order with another one is kept and "
    "counted as unknown.",
)
# Name, whether it holds up what comes after, and what it says. All of them of every raw table.
RAW_CHECKS = (
    (
        LEDGER,
        True,
        "Rows in the table = rows inserted by all its batches: nothing lost, nothing doubled, "
        "nothing written past the ledger.",
    ),
    (
        REJECTIONS,
        False,
        "No refused row waits for a decision; the newest reasons are listed. See them with "
        "`soleflip rejected list`.",
    ),
    (
        DECLARED,
        False,
        "This run read as many rows as its source declared, where it declares a number: fewer is "
        "an error, more a warning.",
    ),
    (
        FEW_REJECTED,
        False,
        f"At most {REJECTED_SHARE:.0%} of the rows of this run were refused.",
    ),
    (
        DRIFT,
        False,
        "The source sent no field in this run that it had never sent before; a new one is kept in "
        "the payload and named here once.",
    ),
)

LEDGER_SQL = """
    select coalesce(sum(rows_inserted), 0), coalesce(sum(rows_read), 0)
    from integration.import_batches where asset = %s
"""
RUN_SQL = """
    select coalesce(sum(rows_read), 0), coalesce(sum(rows_rejected), 0),
           coalesce(sum(rows_declared), 0),
           coalesce(sum(rows_read) filter (where rows_declared is not null), 0),
           coalesce(bool_or(rows_read < rows_declared), false),
           coalesce(bool_or(rows_read > rows_declared), false)
    from integration.import_batches where batch_id = any(%s)
"""
# What came with an asset's first run is no drift but what it is.
NEW_FIELDS_SQL = """
    select field_path from integration.known_field new
    where asset = %(asset)s and batch_id = any(%(batches)s)
      and exists (
          select from integration.known_field old
          where old.asset = new.asset and old.batch_id <> all(%(batches)s)
      )
    order by field_path
"""
UNKNOWN_STATUS_SQL = """
    select status, count(*) from ({unknown}) as unknown group by 1 order by 2 desc, 1 limit {limit}
"""
REJECTED_SQL = """
    select source, position, field, reason, rejected_at, count(*) over ()
    from integration.rejected_rows where asset = %s and status = 'open'
    order by rejected_id desc limit %s
"""


def raw_checks(*addresses: str) -> list[dg.AssetCheckSpec]:
    """The specs of what every raw table is checked for."""
    return [
        dg.AssetCheckSpec(name, asset=address.split("."), blocking=blocks, description=description)
        for address in addresses
        for name, blocks, description in (
            *RAW_CHECKS,
            *([_STATUS_CHECK] if address in STATUS_TABLES else []),
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


def raw_results(
    conn: psycopg.Connection, address: str, batches: Sequence[int]
) -> Iterable[dg.AssetCheckResult]:
    """The results of a raw table, after its batches were committed.

    Args:
        conn: a connection of the loader role.
        address: "schema.table".
        batches: the ids of the batches that this run has loaded.
    """
    yield _ledger_result(conn, address)
    yield _rejections_result(conn, address)
    yield from _run_results(conn, address, list(batches))
    if address in STATUS_TABLES:
        yield _status_result(conn, address)


def _ledger_result(conn: psycopg.Connection, address: str) -> dg.AssetCheckResult:
    quoted = sql.Identifier(*address.split("."))
    inserted, read = conn.execute(LEDGER_SQL, [address]).fetchone() or (0, 0)
    counted = conn.execute(sql.SQL("select count(*) from {}").format(quoted)).fetchone()
    stored = counted[0] if counted else 0
    return dg.AssetCheckResult(
        check_name=LEDGER,
        asset_key=address.split("."),
        passed=stored == inserted,
        metadata={
            "rows in table": stored,
            "rows inserted by batches": int(inserted),
            "rows read in all": int(read),
        },
    )


def _rejections_result(conn: psycopg.Connection, address: str) -> dg.AssetCheckResult:
    rejected = conn.execute(REJECTED_SQL, [address, EXAMPLES]).fetchall()
    reasons = "\n".join(
        f"- {source} {position}: {field or 'row'}: {reason} ({at:%Y-%m-%d})"
        for source, position, field, reason, at, _ in rejected
    )
    return _warning(
        REJECTIONS,
        address,
        not rejected,
        {
            "open": rejected[0][5] if rejected else 0,
            "newest": dg.MetadataValue.md(reasons or "none"),
        },
    )


def _run_results(
    conn: psycopg.Connection, address: str, batches: list[int]
) -> Iterable[dg.AssetCheckResult]:
    row = conn.execute(RUN_SQL, [batches]).fetchone()
    read, rejected, declared, of_declared, is_short, is_over = row or (0, 0, 0, 0, False, False)
    yield dg.AssetCheckResult(
        check_name=DECLARED,
        asset_key=address.split("."),
        passed=not is_short and not is_over,
        severity=dg.AssetCheckSeverity.ERROR if is_short else dg.AssetCheckSeverity.WARN,
        metadata={"rows declared": int(declared), "rows read of these": int(of_declared)},
    )
    yield dg.AssetCheckResult(
        check_name=FEW_REJECTED,
        asset_key=address.split("."),
        passed=rejected < REJECTED_LEAST or rejected <= REJECTED_SHARE * float(read),
        metadata={"rows read": int(read), "rows refused": int(rejected)},
    )
    found = conn.execute(NEW_FIELDS_SQL, {"asset": address, "batches": batches}).fetchall()
    names = "\n".join(f"- {name}" for (name,) in found)
    yield _warning(DRIFT, address, not found, {"new fields": dg.MetadataValue.md(names or "none")})


def _status_result(conn: psycopg.Connection, address: str) -> dg.AssetCheckResult:
    seeded = conn.execute("select to_regclass('reference.order_status') is not null").fetchone()
    found: list[tuple[str | None, int]] = []
    if seeded == (True,):
        unknown = sql.SQL(STATUS_TABLES[address])
        query = sql.SQL(UNKNOWN_STATUS_SQL).format(unknown=unknown, limit=EXAMPLES)
        found = conn.execute(query).fetchall()
    names = "\n".join(f"- {status}: {count:,} orders" for status, count in found)
    metadata = {"unknown": dg.MetadataValue.md(names or "none")}
    return _warning(STATUSES, address, not found, metadata)


def _warning(
    name: str, address: str, passed: bool, metadata: dict[str, Any]
) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=name,
        asset_key=address.split("."),
        passed=passed,
        severity=dg.AssetCheckSeverity.WARN,
        metadata=metadata,
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
