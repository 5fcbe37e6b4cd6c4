"""Awin's feeds, the ECB's reference rates and the CSV inbox, as received."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from soleflip_pipelines.defs.checks import raw_checks
from soleflip_pipelines.defs.resources import WarehouseResource
from soleflip_pipelines.defs.support import landed, log_line, table_spec, written
from soleflip_pipelines.ingestion import awin, ecb, inbox

Result = dg.MaterializeResult[Any]


def _of(results: list[Any], address: str) -> list[Any]:
    return [result for result in results if result.asset == address]


@dg.multi_asset(
    specs=[
        table_spec("raw_awin.feeds", "One row per feed of Awin's feed list."),
        table_spec("raw_awin.offers", "One row per offer of a feed: a product in one size."),
        table_spec(
            "history.offer_change",
            "One row per change of an offer: new, another price or stock, or gone.",
        ),
    ],
    check_specs=raw_checks("raw_awin.feeds", "raw_awin.offers"),
    pool="awin",
)
def raw_awin(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> Iterator[Result]:
    """Read the feed list and download each feed that was imported anew."""
    with warehouse.connect() as conn:
        results = awin.sync_feeds(
            warehouse.settings, conn, run_id=context.run_id, log=log_line(context)
        )
        yield landed(conn, "raw_awin.feeds", _of(results, "raw_awin.feeds"))
        yield landed(conn, "raw_awin.offers", _of(results, "raw_awin.offers"))
        yield written(conn, "history.offer_change")


@dg.multi_asset(
    specs=[
        table_spec(
            "raw_ecb.reference_rates",
            "One row per business day and currency: units of the currency for one euro.",
            fresh_within_hours=96,
        )
    ],
    check_specs=raw_checks("raw_ecb.reference_rates"),
    pool="ecb",
)
def raw_ecb_reference_rates(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource
) -> Iterator[Result]:
    """Read the whole history of rates; unchanged days cost a hash each."""
    with warehouse.connect() as conn:
        results = ecb.sync_reference_rates(
            warehouse.settings, conn, run_id=context.run_id, log=log_line(context)
        )
        yield landed(conn, "raw_ecb.reference_rates", results)


@dg.multi_asset(
    specs=[
        table_spec("raw_csv.purchases", "One row per purchase line of the suppliers' files."),
        table_spec("raw_csv.sales", "One row per sale of the hand-kept sales sheets."),
    ],
    check_specs=raw_checks("raw_csv.purchases", "raw_csv.sales"),
)
def raw_csv(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> Iterator[Result]:
    """Take every whole file of the inbox that was not taken before."""
    with warehouse.connect() as conn:
        results = inbox.import_inbox(
            warehouse.settings, conn, run_id=context.run_id, log=log_line(context)
        )
        yield landed(conn, "raw_csv.purchases", _of(results, "raw_csv.purchases"))
        yield landed(conn, "raw_csv.sales", _of(results, "raw_csv.sales"))
