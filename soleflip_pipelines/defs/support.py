"""What several asset modules share: specs by address, and results as metadata. No assets here."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import dagster as dg
import psycopg
from psycopg import sql
from pydantic import Field

from soleflip_pipelines.defs.checks import Validate, raw_checks, raw_results, schema_result
from soleflip_pipelines.defs.resources import WarehouseResource
from soleflip_pipelines.ingestion.source_state import Stream, read_source
from soleflip_pipelines.warehouse.loader import BatchResult

OWNERS = ["team:soleflip"]
READ_TO_THE_END = "read_to_the_end"
RUN_BATCHES_SQL = """
    select asset, batch_id, rows_read, rows_inserted, rows_updated, rows_unchanged,
           rows_duplicate, rows_rejected
    from integration.import_batches where asset = %s and dagster_run_id = %s order by batch_id
"""
COLUMNS_SQL = """
    select attname, format_type(atttypid, atttypmod), col_description(attrelid, attnum), attnotnull
    from pg_attribute
    where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped
    order by attnum
"""


class OrdersConfig(dg.Config):
    """Which part of the order history to read again; without it, what is recent or due."""

    created_from: str | None = Field(
        None,
        description="First day of the period to read again, as YYYY-MM-DD (UTC), by the day on "
        "which an order was created. Orders that have not changed cost a comparison.",
    )
    created_to: str | None = Field(
        None, description="Last day of the period to read again; without it, until today."
    )
    full_read: bool = Field(
        False,
        description="Read the whole history again, as happens every week anyway. If the run is "
        "stopped, later runs go on with it.",
    )


def table_spec(
    address: str,
    description: str,
    *,
    deps: Iterable[str] = (),
    kinds: Iterable[str] = ("python", "postgres"),
    fresh_within_hours: int | None = None,
    reads_marts: bool = False,
) -> dg.AssetSpec:
    """The spec of the asset that is the table `address` ("schema.table").

    Group, owner and kinds follow from the address; `deps` are addresses too. `reads_marts` marks
    what can only run after a publication, so that jobs can tell it from the labels before it.
    """
    policy = None
    if fresh_within_hours is not None:
        policy = dg.FreshnessPolicy.time_window(
            fail_window=timedelta(hours=2 * fresh_within_hours),
            warn_window=timedelta(hours=fresh_within_hours),
        )
    return dg.AssetSpec(
        key=address.split("."),
        description=description,
        deps=[dg.AssetKey(dep.split(".")) for dep in deps],
        group_name=address.split(".")[0],
        owners=OWNERS,
        kinds=set(kinds),
        freshness_policy=policy,
        tags={"reads_marts": ""} if reads_marts else {},
    )


def table_metadata(conn: psycopg.Connection, address: str) -> dict[str, Any]:
    """Row count and column schema of a table, as Dagster's standard metadata."""
    quoted = sql.Identifier(*address.split("."))
    columns = conn.execute(COLUMNS_SQL, [quoted.as_string(conn)]).fetchall()
    counted = conn.execute(sql.SQL("select count(*) from {}").format(quoted)).fetchone()
    return {
        "dagster/row_count": counted[0] if counted else 0,
        "dagster/relation_identifier": address,
        "dagster/column_schema": dg.TableSchema(
            columns=[
                dg.TableColumn(
                    name=name,
                    type=type_name,
                    description=comment,
                    constraints=dg.TableColumnConstraints(nullable=not not_null),
                )
                for name, type_name, comment, not_null in columns
            ]
        ),
    }


def batch_metadata(results: Sequence[BatchResult]) -> dict[str, Any]:
    """The ledger's figures of an asset's batches, summed."""
    names = ("read", "inserted", "updated", "unchanged", "duplicate", "rejected")
    figures: dict[str, Any] = {n: sum(getattr(r, n) for r in results) for n in names}
    figures["batches"] = len(results)
    return figures


def landed(
    conn: psycopg.Connection,
    address: str,
    results: Sequence[BatchResult],
    more_checks: Iterable[dg.AssetCheckResult] = (),
) -> dg.MaterializeResult[Any]:
    """The result of an asset that landed batches in a raw table, with its checks."""
    return dg.MaterializeResult(
        asset_key=address.split("."),
        metadata={**batch_metadata(results), **table_metadata(conn, address)},
        check_results=[
            *raw_results(conn, address, [result.batch_id for result in results]),
            *more_checks,
        ],
    )


def partner_checks(*addresses: str) -> list[dg.AssetCheckSpec]:
    """The specs of what a partner's raw table is checked for."""
    return [
        *raw_checks(*addresses),
        *(
            dg.AssetCheckSpec(
                READ_TO_THE_END,
                asset=address.split("."),
                description="Everything that is due was read; else it is said what hindered it "
                "and how old what is there is.",
            )
            for address in addresses
        ),
    ]


def read_partner(
    context: dg.AssetExecutionContext,
    warehouse: WarehouseResource,
    conn: psycopg.Connection,
    addresses: str | Sequence[str],
    *streams: Stream,
    more_checks: Callable[[], Iterable[dg.AssetCheckResult]] = lambda: (),
) -> Iterator[dg.MaterializeResult[Any]]:
    """The results of a partner's tables after its streams ran, also where not all could be read.

    What comes after in the run then works with what is there. A partner that fails shows as an
    error of `read_to_the_end`, and `integration.source_state` makes the run fail for it; one that
    puts the rest off is a warning. The figures are those of all batches that the run has put into
    the table. `more_checks` belong to the first address.
    """
    assets = [addresses] if isinstance(addresses, str) else list(addresses)
    run_id = context.run_id
    state = read_source(
        warehouse.settings, conn, assets, streams, run_id=run_id, log=log_line(context)
    )
    is_whole = state.state == "read" or (state.state == "not_connected" and state.read_at is None)
    if not is_whole:
        context.log.warning("%s; %s", state.detail, state.as_of)
    reason = {"what is missing": state.detail, "known": state.as_of} if state.detail else {}
    failed = dg.AssetCheckSeverity.ERROR if state.state == "failed" else dg.AssetCheckSeverity.WARN
    for place, address in enumerate(assets):
        rows = conn.execute(RUN_BATCHES_SQL, [address, run_id]).fetchall()
        checked = dg.AssetCheckResult(
            check_name=READ_TO_THE_END,
            asset_key=address.split("."),
            passed=is_whole,
            severity=failed,
            metadata=reason,
        )
        yield landed(
            conn,
            address,
            [BatchResult(*row) for row in rows],
            [checked, *(more_checks() if place == 0 else ())],
        )


def written(
    conn: psycopg.Connection,
    address: str,
    metadata: Mapping[str, Any] | None = None,
    validate: Validate | None = None,
    checks: Iterable[dg.AssetCheckResult] = (),
) -> dg.MaterializeResult[Any]:
    """The result of an asset that wrote a table, with its size, columns and own figures.

    With `validate` it carries the result of the check that `schema_check` declares; `checks` are
    results of its other ones.
    """
    return dg.MaterializeResult(
        asset_key=address.split("."),
        metadata={**(metadata or {}), **table_metadata(conn, address)},
        check_results=[
            *([schema_result(conn, address, validate)] if validate else []),
            *checks,
        ],
    )


def picture(png: bytes) -> dg.MarkdownMetadataValue:
    """A PNG as metadata that the Dagster UI shows in place."""
    return dg.MetadataValue.md(f"![plot](data:image/png;base64,{base64.b64encode(png).decode()})")


def log_line(context: dg.AssetExecutionContext) -> Callable[[str], None]:
    """A callable through which plain functions report progress into the run's log."""
    return lambda line: context.log.info(line)
