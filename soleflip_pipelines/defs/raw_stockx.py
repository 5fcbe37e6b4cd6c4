"""StockX as received: one asset a raw table, from the orders to the market's prices."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from soleflip_pipelines.defs.checks import raw_checks
from soleflip_pipelines.defs.resources import WarehouseResource
from soleflip_pipelines.defs.support import landed, log_line, table_spec, written
from soleflip_pipelines.ingestion import stockx

POOL = "stockx"
Result = dg.MaterializeResult[Any]
# What is listed, sold or owned decides which products' market is worth a call.
MARKET_WANTED = ["raw_stockx.listings", "raw_stockx.orders", "enrichment.purchase_match"]


@dg.multi_asset(
    specs=[
        table_spec(
            "raw_stockx.orders",
            "One row per StockX order, active or past, as the order lists gave it last.",
            fresh_within_hours=24,
        )
    ],
    check_specs=raw_checks("raw_stockx.orders"),
    pool=POOL,
)
def raw_stockx_orders(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource
) -> Iterator[Result]:
    """Read the active list first, then the history, so that an order that moves is seen twice."""
    with warehouse.connect() as conn:
        results = stockx.sync_orders(
            warehouse.settings, conn, run_id=context.run_id, log=log_line(context)
        )
        yield landed(conn, "raw_stockx.orders", results)


@dg.multi_asset(
    specs=[
        table_spec(
            "raw_stockx.order_details",
            "One row per order whose detail call was made: payout, adjustments and shipment.",
            deps=["raw_stockx.orders"],
        )
    ],
    check_specs=raw_checks("raw_stockx.order_details"),
    pool=POOL,
)
def raw_stockx_order_details(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource
) -> Iterator[Result]:
    """Ask for the detail of orders whose payout or status can still change."""
    with warehouse.connect() as conn:
        results = stockx.sync_order_details(
            warehouse.settings, conn, run_id=context.run_id, log=log_line(context)
        )
        yield landed(conn, "raw_stockx.order_details", results)


@dg.multi_asset(
    specs=[
        table_spec(
            "raw_stockx.listings",
            "One row per own listing, in whatever state.",
            fresh_within_hours=24,
        )
    ],
    check_specs=raw_checks("raw_stockx.listings"),
    pool=POOL,
)
def raw_stockx_listings(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource
) -> Iterator[Result]:
    """Read all own listings."""
    with warehouse.connect() as conn:
        results = stockx.sync_listings(
            warehouse.settings, conn, run_id=context.run_id, log=log_line(context)
        )
        yield landed(conn, "raw_stockx.listings", results)


@dg.multi_asset(
    specs=[
        table_spec(
            "raw_stockx.products",
            "One row per StockX product that an order or a listing names.",
            deps=["raw_stockx.orders", "raw_stockx.listings"],
        )
    ],
    check_specs=raw_checks("raw_stockx.products"),
    pool=POOL,
)
def raw_stockx_products(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource
) -> Iterator[Result]:
    """Fetch products that are named somewhere and not known yet."""
    with warehouse.connect() as conn:
        results = stockx.sync_products(
            warehouse.settings, conn, run_id=context.run_id, log=log_line(context)
        )
        yield landed(conn, "raw_stockx.products", results)


@dg.multi_asset(
    specs=[
        table_spec(
            "raw_stockx.variants",
            "One row per StockX variant: a size of a product, with its conversions and GTINs.",
            deps=["raw_stockx.products"],
        )
    ],
    check_specs=raw_checks("raw_stockx.variants"),
    pool=POOL,
)
def raw_stockx_variants(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource
) -> Iterator[Result]:
    """Fetch the variants of products whose variants are not known yet."""
    with warehouse.connect() as conn:
        results = stockx.sync_variants(
            warehouse.settings, conn, run_id=context.run_id, log=log_line(context)
        )
        yield landed(conn, "raw_stockx.variants", results)


@dg.multi_asset(
    specs=[
        table_spec(
            "raw_stockx.market_data",
            "One row per variant and currency: the market data seen last.",
            deps=MARKET_WANTED,
            fresh_within_hours=12,
        ),
        table_spec(
            "history.market_observation",
            "One row per variant, currency and moment of asking; the only copy of this history.",
            deps=MARKET_WANTED,
        ),
    ],
    check_specs=raw_checks("raw_stockx.market_data"),
    pool=POOL,
)
def raw_stockx_market_data(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource
) -> Iterator[Result]:
    """Ask for the market of what is owned, listed or sold lately, where the last look is old."""
    with warehouse.connect() as conn:
        results = stockx.sync_market_data(
            warehouse.settings, conn, run_id=context.run_id, log=log_line(context)
        )
        yield landed(conn, "raw_stockx.market_data", results)
        yield written(conn, "history.market_observation")
