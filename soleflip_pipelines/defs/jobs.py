"""The jobs by name, and when they run. Assets are named by selection, never imported."""

from collections.abc import Mapping

import dagster as dg

from soleflip_pipelines.defs.resources import WarehouseResource
from soleflip_pipelines.warehouse.publish import refresh_summaries as refresh

TIMEZONE = "Europe/Berlin"
MAX_RUNTIME = {"dagster/max_runtime": str(2 * 3600)}

STAGING = "group:reference or group:staging"
LABELS = "group:enrichment and not tag:reads_marts"
# Who asks for the marts gets them built; the run of everything builds them when there is news.
KEEP_UNCHANGED = {"ops": {"marts": {"config": {"rebuild_unchanged": False}}}}

MARTS = "kind:dbt and not group:reference and not group:staging"
# In every job that asks a partner: it fails the run when one could not be read.
STATE = 'key:"integration/source_state"'

# Every job's assets, as Dagster's selection syntax says them.
SELECTIONS: Mapping[str, tuple[str, str]] = {
    "refresh_all": ("*", "Everything: all sources, labels, marts, forecasts and prices."),
    "sync_orders": (
        '(group:raw_stockx and not key:"raw_stockx/market_data") '
        f"or group:raw_ebay or group:raw_alias or {STATE}",
        "StockX, eBay, Alias: orders, listings, and the products and variants they name.",
    ),
    "sync_market": (
        f'key:"raw_stockx/market_data" or key:"history/market_observation" or {STATE}',
        "StockX: the market of what is owned, listed or sold lately.",
    ),
    "sync_feeds": (
        f'group:raw_awin or key:"history/offer_change" or group:raw_ecb or {STATE}',
        "Awin's feeds that changed, and the ECB's reference rates.",
    ),
    "import_files": ("group:raw_csv", "Every new file of the inbox."),
    "rebuild_marts": (
        f"({STAGING}) or ({LABELS}) or ({MARTS})",
        "Labels, matches and marts from what is in the warehouse; published when the tests pass.",
    ),
    "reprice": (
        'key:"enrichment/price_recommendation"+',
        "Price recommendations for every unit on hand.",
    ),
    "forecast": (
        '(key:"enrichment/sales_forecast" or key:"enrichment/sales_forecast_daily" '
        'or key:"enrichment/forecast_backtest")+',
        "Sales forecasts with their backtests.",
    ),
}


@dg.op
def refresh_summary_views(context: dg.OpExecutionContext, warehouse: WarehouseResource) -> None:
    """Refresh the materialized views concurrently: readers go on reading meanwhile."""
    for address, seconds in refresh(warehouse.settings).items():
        context.log_event(
            dg.AssetMaterialization(address.split("."), metadata={"seconds": seconds})
        )


@dg.job(tags=MAX_RUNTIME)
def refresh_summaries() -> None:
    """The three materialized views of analytics, between two builds of the marts."""
    refresh_summary_views()


def _schedule(job_name: str, cron: str, description: str) -> dg.ScheduleDefinition:
    return dg.ScheduleDefinition(
        name=f"{job_name}_schedule",
        job_name=job_name,
        cron_schedule=cron,
        execution_timezone=TIMEZONE,
        description=description,
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )


SCHEDULES = (
    ("refresh_all", "30 5 * * *", "Every morning before the day starts: everything."),
    ("sync_orders", "17 8-22 * * *", "Each hour of the day: new orders and changed states."),
    ("sync_market", "47 */6 * * *", "Four times a day: the market's asks and bids."),
    ("sync_feeds", "40 3,15 * * *", "Twice a day: feeds that changed, and new rates."),
    ("rebuild_marts", "27 12,18 * * *", "At noon and in the evening: what the day brought."),
    ("refresh_summaries", "5 * * * *", "Each hour: the materialized views."),
)


@dg.definitions
def jobs() -> dg.Definitions:
    """All jobs and their schedules."""
    return dg.Definitions(
        jobs=[
            *(
                dg.define_asset_job(
                    name,
                    selection=selection,
                    description=description,
                    tags=MAX_RUNTIME,
                    config=KEEP_UNCHANGED if name == "refresh_all" else None,
                )
                for name, (selection, description) in SELECTIONS.items()
            ),
            refresh_summaries,
        ],
        schedules=[_schedule(*schedule) for schedule in SCHEDULES],
    )
