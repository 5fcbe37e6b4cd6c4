"""Forecasts and price recommendations: read from the published marts, written to enrichment."""

from datetime import UTC, datetime
from typing import Any

import dagster as dg

from soleflip_pipelines.defs.resources import WarehouseResource
from soleflip_pipelines.defs.support import picture, table_spec, written
from soleflip_pipelines.forecasting import service as forecasting
from soleflip_pipelines.pricing import service as pricing

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
    ]
)
def enrichment_forecasts(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource
) -> tuple[Result, Result, Result]:
    """Fit, test against the seasonal naive over rolling origins, and serve what wins."""
    with warehouse.connect() as conn:
        report = forecasting.make_forecasts(conn, warehouse.settings.today())
        plot = {"forecast of all sales": picture(report.plot)} if report.plot else {}
        return (
            written(conn, "enrichment.sales_forecast", {**report.as_metadata(), **plot}),
            written(conn, "enrichment.sales_forecast_daily"),
            written(conn, "enrichment.forecast_backtest"),
        )


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
    ]
)
def enrichment_price_recommendation(warehouse: WarehouseResource) -> Result:
    """Price every unit on hand from observed asks, bids and sales, its fees and its cost."""
    with warehouse.connect() as conn:
        report = pricing.recommend_prices(conn, warehouse.settings.today(), datetime.now(UTC))
        plot = {"price ladder": picture(report.plot)} if report.plot else {}
        return written(
            conn, "enrichment.price_recommendation", {**report.as_metadata(), **plot}
        )
