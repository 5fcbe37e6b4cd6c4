"""Awin's feeds, the ECB's reference rates and the CSV inbox, as received."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import dagster as dg
from pydantic import Field

from soleflip_pipelines.defs.checks import raw_checks
from soleflip_pipelines.defs.resources import WarehouseResource
from soleflip_pipelines.defs.support import (
    landed,
    log_line,
    partner_checks,
    read_partner,
    table_spec,
    written,
)
from soleflip_pipelines.ingestion import awin, ecb, inbox

Result = dg.MaterializeResult[Any]

INBOX = "inbox_is_clear"
CSV_TABLES = {
    "raw_csv.purchases": "One row per purchase line of the suppliers' files.",
    "raw_csv.sales": "One row per sale of the hand-kept sales sheets.",
    "raw_csv.stockx_report": "One row per paid order of StockX's sales reports.",
    "raw_csv.ebay_report": "One row per order line of eBay's orders reports.",
    "raw_csv.alias_report": "One row per sale of Alias's sales files.",
    "raw_csv.products": "One row per product of the owner's product lists.",
    "raw_csv.stock_counts": "One row per line of the owner's stock counts.",
}


class FeedsConfig(dg.Config):
    """Which feeds to believe although they shrank."""

    whole_feeds: list[str] = Field(
        default=[],
        description="Ids of feeds that are whole, however few offers they hold: those that are "
        "gone are closed.",
    )


@dg.multi_asset(
    specs=[
        table_spec("raw_awin.feeds", "One row per feed of Awin's feed list."),
        table_spec("raw_awin.offers", "One row per offer of a feed: a product in one size."),
        table_spec(
            "history.offer_change",
            "One row per change of an offer: new, another price or stock, or gone.",
        ),
    ],
    check_specs=partner_checks("raw_awin.feeds", "raw_awin.offers"),
    pool="awin",
)
def raw_awin(
    context: dg.AssetExecutionContext, config: FeedsConfig, warehouse: WarehouseResource
) -> Iterator[Result]:
    """Read the feed list and download each feed that was imported anew."""
    with warehouse.connect() as conn:
        tables = ("raw_awin.offers", "raw_awin.feeds")
        read = partial(awin.sync_feeds, whole_feeds=config.whole_feeds)
        yield from read_partner(context, warehouse, conn, tables, read)
        yield written(conn, "history.offer_change")


@dg.multi_asset(
    specs=[
        table_spec(
            "raw_ecb.reference_rates",
            "One row per business day and currency: units of the currency for one euro.",
            fresh_within_hours=96,
        )
    ],
    check_specs=partner_checks("raw_ecb.reference_rates"),
    pool="ecb",
)
def raw_ecb_reference_rates(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource
) -> Iterator[Result]:
    """Read the whole history of rates; unchanged days cost a hash each."""
    with warehouse.connect() as conn:
        table = "raw_ecb.reference_rates"
        yield from read_partner(context, warehouse, conn, table, ecb.sync_reference_rates)


@dg.multi_asset(
    specs=[table_spec(address, description) for address, description in CSV_TABLES.items()],
    check_specs=[
        *raw_checks(*CSV_TABLES),
        dg.AssetCheckSpec(
            INBOX,
            asset=["raw_csv", "purchases"],
            description="No file lies in the inbox that was not imported; each is listed with the "
            "reason and what to do.",
        ),
    ],
)
def raw_csv(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> Iterator[Any]:
    """Take every whole file of the inbox that was not taken before."""
    with warehouse.connect() as conn:
        run = inbox.import_inbox(
            warehouse.settings, conn, run_id=context.run_id, log=log_line(context)
        )
        for address in CSV_TABLES:
            of_table = [batch for batch in run.batches if batch.asset == address]
            yield landed(conn, address, of_table)
    files = "\n".join(f"- {name}: {reason}" for name, reason in sorted(run.left.items()))
    yield dg.AssetCheckResult(
        check_name=INBOX,
        asset_key=["raw_csv", "purchases"],
        passed=not run.left,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"files left": len(run.left), "reasons": dg.MetadataValue.md(files or "none")},
    )
