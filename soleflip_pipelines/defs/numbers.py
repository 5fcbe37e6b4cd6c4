"""Forecasts and price recommendations: read from the published marts, written to enrichment."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from soleflip_pipelines.defs.checks import schema_check
from soleflip_pipelines.defs.resources import WarehouseResource
from soleflip_pipelines.defs.support import picture, table_spec, written
from soleflip_pipelines.forecasting import service as forecasting
from soleflip_pipelines.forecasting.schema import validate as validate_forecast
from soleflip_pipelines.pricing import service as pricing
from soleflip_pipelines.pricing.schema import validate as validate_prices

Result = dg.MaterializeResult[Any]
SALES = ["sales.order", "catalog.product"]
STOCK = ["inventory.stock", "pricing.market_price", "platform.fee_schedule", *SALES]


@dg.multi_asset(
    specs=[
        table_spec(
            "enrichment.sales_forecast",
            "One row per series (total, brand, category) and horizon of 7, 14 or 30 days: units "
            "expected to sell, with an 80 % interval and the model that won the gate.",
            deps=SALES,
            reads_marts=True,
            fresh_within_hours=48,
        ),
        table_spec(
            "enrichment.sales_forecast_daily",
            "One row per series and coming day: units expected to sell, with an 80 % interval.",
            deps=SALES,
            reads_marts=True,
        ),
        table_spec(
            "enrichment.forecast_backtest",
            "One row per series, model and horizon: errors over rolling origins, beside the "
            "seasonal naive's.",
            deps=SALES,
            reads_marts=True,
        ),
    ],
    check_specs=[schema_check("enrichment.sales_forecast")],
)
def enrichment_forecasts(
    warehouse: WarehouseResource,
) -> Iterator[Result]:
    """Fit, test against the seasonal naive over rolling origins, and serve what wins."""
    with warehouse.connect() as conn:
        report = forecasting.make_forecasts(conn, warehouse.settings.today())
        plot = {"forecast of all sales": picture(report.plot)} if report.plot else {}
        yield written(
            conn,
            "enrichment.sales_forecast",
            {**report.as_metadata(), **plot},
            validate=validate_forecast,
        )
        yield written(conn, "enrichment.sales_forecast_daily")
        yield written(conn, "enrichment.forecast_backtest")


@dg.multi_asset(
    specs=[
        table_spec(
            "enrichment.price_recommendation",
            "One row per unit on hand: what to ask for it fast or for profit, what that earns, "
            "and how sure the market makes us; NULL where the evidence is too thin.",
            deps=STOCK,
            reads_marts=True,
            fresh_within_hours=48,
        )
    ],
    check_specs=[schema_check("enrichment.price_recommendation")],
)
def enrichment_price_recommendation(warehouse: WarehouseResource) -> Iterator[Result]:
    """Price every unit on hand from observed asks, bids and sales, its fees and its cost."""
    with warehouse.connect() as conn:
        report = pricing.recommend_prices(conn, warehouse.settings.today(), datetime.now(UTC))
        plot = {"price ladder": picture(report.plot)} if report.plot else {}
        yield written(
            conn,
            "enrichment.price_recommendation",
            {**report.as_metadata(), **plot},
            validate=validate_prices,
        )
