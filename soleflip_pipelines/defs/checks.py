"""Checks that SQL tests cannot be: the ledger against the raw tables, and pandera on what Python
wrote. dbt's tests appear as checks of their own marts."""

from collections.abc import Callable, Iterable
from typing import Any

import dagster as dg
import pandas as pd
from psycopg import sql

from soleflip_pipelines.catalog import schema as catalog_schema
from soleflip_pipelines.defs.resources import WarehouseResource
from soleflip_pipelines.forecasting import schema as forecasting_schema
from soleflip_pipelines.pricing import schema as pricing_schema

RAW_TABLES = (
    "raw_stockx.orders",
    "raw_stockx.order_details",
    "raw_stockx.listings",
    "raw_stockx.products",
    "raw_stockx.variants",
    "raw_stockx.market_data",
    "raw_awin.feeds",
    "raw_awin.offers",
    "raw_csv.purchases",
    "raw_csv.sales",
    "raw_ecb.reference_rates",
)

PANDERA: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "enrichment.product_label": catalog_schema.validate_product_label,
    "enrichment.sales_forecast": forecasting_schema.validate,
    "enrichment.price_recommendation": pricing_schema.validate,
}

LEDGER_SQL = """
    select coalesce(sum(rows_inserted), 0), coalesce(sum(rows_read), 0),
           coalesce(sum(rows_declared - rows_read) filter (where rows_declared > rows_read), 0)
    from integration.import_batches where asset = %s
"""
REJECTED_SQL = """
    select source, position, field, reason, rejected_at, count(*) over ()
    from integration.rejected_rows where asset = %s and status = 'open'
    order by rejected_id desc limit 10
"""


def ledger_check(address: str) -> dg.AssetChecksDefinition:
    """A blocking check: the rows in the table are the rows that the ledger says were inserted."""

    @dg.asset_check(
        asset=address.split("."),
        name="ledger_balances",
        blocking=True,
        description="Rows in the table = rows inserted by all its batches: nothing lost, nothing "
        "doubled, nothing written past the ledger.",
    )
    def check(warehouse: WarehouseResource) -> dg.AssetCheckResult:
        quoted = sql.Identifier(*address.split("."))
        with warehouse.connect() as conn:
            inserted, read, missing = conn.execute(LEDGER_SQL, [address]).fetchone() or (0, 0, 0)
            row = conn.execute(sql.SQL("select count(*) from {}").format(quoted)).fetchone()
        stored = row[0] if row else 0
        return dg.AssetCheckResult(
            passed=stored == inserted,
            metadata={
                "rows in table": stored,
                "rows inserted by batches": int(inserted),
                "rows read in all": int(read),
                "rows declared but not read": int(missing),
            },
        )

    return check


def rejected_check(address: str) -> dg.AssetChecksDefinition:
    """A warning while refused rows of the table wait for somebody to look at them."""

    @dg.asset_check(
        asset=address.split("."),
        name="no_open_rejections",
        description="No refused row waits for a decision; the newest reasons are listed.",
    )
    def check(warehouse: WarehouseResource) -> dg.AssetCheckResult:
        with warehouse.connect() as conn:
            rows = conn.execute(REJECTED_SQL, [address]).fetchall()
        reasons = "\n".join(
            f"- {source} {position}: {field or 'row'}: {reason} ({at:%Y-%m-%d})"
            for source, position, field, reason, at, _ in rows
        )
        return dg.AssetCheckResult(
            passed=not rows,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={
                "open": rows[0][5] if rows else 0,
                "newest": dg.MetadataValue.md(reasons or "none"),
            },
        )

    return check


def pandera_check(
    address: str, validate: Callable[[pd.DataFrame], pd.DataFrame]
) -> dg.AssetChecksDefinition:
    """A blocking check of a table that Python wrote; `validate` returns its failure cases."""

    @dg.asset_check(
        asset=address.split("."),
        name="fits_schema",
        blocking=True,
        description="Every row fits the pandera schema of its module.",
    )
    def check(warehouse: WarehouseResource) -> dg.AssetCheckResult:
        query = sql.SQL("select * from {}").format(sql.Identifier(*address.split(".")))
        with warehouse.connect() as conn:
            cursor = conn.execute(query)
            names = [column.name for column in cursor.description or ()]
            frame = pd.DataFrame(cursor.fetchall(), columns=names)
        failures = validate(frame)
        return dg.AssetCheckResult(
            passed=failures.empty,
            metadata={
                "rows": len(frame),
                "failures": len(failures),
                "examples": dg.MetadataValue.md(
                    "\n".join(f"- {case}" for case in failures.head(10).to_dict("records"))
                    or "none"
                ),
            },
        )

    return check


def _all_checks() -> Iterable[Any]:
    for address in RAW_TABLES:
        yield ledger_check(address)
        yield rejected_check(address)
    for address, validate in PANDERA.items():
        yield pandera_check(address, validate)


@dg.definitions
def checks() -> dg.Definitions:
    """All checks written in Python."""
    return dg.Definitions(asset_checks=list(_all_checks()))
