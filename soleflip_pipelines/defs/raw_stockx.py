"""StockX as received: orders, details, listings, and what they name, up to the market's prices."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import dagster as dg
import psycopg

from soleflip_pipelines.defs.resources import WarehouseResource
from soleflip_pipelines.defs.support import (
    OrdersConfig,
    partner_checks,
    read_partner,
    table_spec,
    written,
)
from soleflip_pipelines.ingestion import stockx
from soleflip_pipelines.ingestion.market_plan import market_state
from soleflip_pipelines.ingestion.periods import Period

POOL = "stockx"
Result = dg.MaterializeResult[Any]
# What is listed, sold or owned decides which products' market is worth a call.
MARKET_WANTED = ["raw_stockx.listings", "raw_stockx.orders", "enrichment.purchase_match"]
NAMED_IN = [
    "raw_stockx.orders",
    "raw_stockx.listings",
    "raw_csv.purchases",
    "raw_csv.products",
    "raw_csv.stock_counts",
]
# Where the day's calls are scarce, those that settle an order are worth more.
CALLED_BEFORE = ["raw_stockx.order_details"]
STALE_MARKET = "stale_market"


@dg.multi_asset(
    specs=[
        table_spec(
            "raw_stockx.orders",
            "One row per StockX order, active or past, as the order lists gave it last.",
            fresh_within_hours=24,
        )
    ],
    check_specs=partner_checks("raw_stockx.orders"),
    pool=POOL,
)
def raw_stockx_orders(
    context: dg.AssetExecutionContext, config: OrdersConfig, warehouse: WarehouseResource
) -> Iterator[Result]:
    """Read the active list first, then the history, so that an order that moves is seen twice."""
    period = Period.parse(config.created_from, config.created_to)
    read = partial(stockx.sync_orders, period=period, full_read=config.full_read)
    with warehouse.connect() as conn:
        yield from read_partner(context, warehouse, conn, "raw_stockx.orders", read)


@dg.multi_asset(
    specs=[
        table_spec(
            "raw_stockx.order_details",
            "One row per order whose detail call was made: payout, adjustments and shipment.",
            deps=["raw_stockx.orders"],
        )
    ],
    check_specs=partner_checks("raw_stockx.order_details"),
    pool=POOL,
)
def raw_stockx_order_details(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource
) -> Iterator[Result]:
    """Ask for the detail of orders whose payout or status can still change."""
    with warehouse.connect() as conn:
        yield from read_partner(
            context, warehouse, conn, "raw_stockx.order_details", stockx.sync_order_details
        )


@dg.multi_asset(
    specs=[
        table_spec(
            "raw_stockx.listings",
            "One row per own listing, in whatever state.",
            fresh_within_hours=24,
        )
    ],
    check_specs=partner_checks("raw_stockx.listings"),
    pool=POOL,
)
def raw_stockx_listings(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource
) -> Iterator[Result]:
    """Read all own listings."""
    with warehouse.connect() as conn:
        yield from read_partner(
            context, warehouse, conn, "raw_stockx.listings", stockx.sync_listings
        )


@dg.multi_asset(
    specs=[
        table_spec(
            "raw_stockx.products",
            "One row per StockX product that an order, a listing, a file or the watch list names.",
            deps=[*NAMED_IN, *CALLED_BEFORE],
        ),
        table_spec(
            "raw_stockx.variants",
            "One row per StockX variant: a size of a product, with its conversions and GTINs.",
            deps=[*NAMED_IN, *CALLED_BEFORE],
        ),
    ],
    check_specs=partner_checks("raw_stockx.products", "raw_stockx.variants"),
    pool=POOL,
)
def raw_stockx_catalog(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource
) -> Iterator[Result]:
    """Fetch what is named and not known yet, then search for the codes that files name.

    The variants come before the search, since a GTIN of a known size needs none, and after it. What
    is known already is read again last, a thirtieth a day, with calls that nothing else needs.
    """
    with warehouse.connect() as conn:
        steps = (stockx.sync_products, stockx.sync_variants, stockx.find_products)
        yield from read_partner(context, warehouse, conn, "raw_stockx.products", *steps)
        rest = (stockx.sync_variants, stockx.sync_known_products)
        yield from read_partner(context, warehouse, conn, "raw_stockx.variants", *rest)


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
    check_specs=[
        *partner_checks("raw_stockx.market_data"),
        dg.AssetCheckSpec(
            STALE_MARKET,
            asset="raw_stockx.market_data".split("."),
            description="Every product whose market is wanted was seen within a day; "
            "integration.fetch_plan says for each one what is planned and what had to wait.",
        ),
    ],
    pool=POOL,
)
def raw_stockx_market_data(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource
) -> Iterator[Result]:
    """Ask for the market by value, as far as the day's quota goes, where the last look is old."""
    with warehouse.connect() as conn:
        yield from read_partner(
            context,
            warehouse,
            conn,
            "raw_stockx.market_data",
            stockx.sync_market_data,
            more_checks=partial(_staleness, conn),
        )
        yield written(conn, "history.market_observation")


def _staleness(conn: psycopg.Connection) -> Iterable[dg.AssetCheckResult]:
    states = market_state(conn)
    yield dg.AssetCheckResult(
        check_name=STALE_MARKET,
        asset_key="raw_stockx.market_data".split("."),
        passed=not any(state.is_stale for state in states),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            state.value_class: f"{state.never_seen + state.too_old:,} of {state.products:,} stale "
            f"({state.never_seen:,} never seen, {state.deferred:,} left for tomorrow), "
            f"oldest look {state.oldest_at or 'none'}"
            for state in states
        },
    )
