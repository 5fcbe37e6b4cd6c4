"""eBay as received: the orders of the last two years, as far as the account is connected."""

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
)
from soleflip_pipelines.ingestion.ebay import sync_ebay_orders
from soleflip_pipelines.ingestion.login_end import login_end
from soleflip_pipelines.ingestion.periods import Period
from soleflip_pipelines.settings import Settings

LOGIN_LASTS = "login_lasts"


@dg.multi_asset(
    specs=[
        table_spec(
            "raw_ebay.orders",
            "One row per eBay order with its lines, as eBay gave it last.",
            fresh_within_hours=24,
        )
    ],
    check_specs=[
        *partner_checks("raw_ebay.orders"),
        dg.AssetCheckSpec(
            LOGIN_LASTS,
            asset="raw_ebay.orders".split("."),
            description="eBay's login lasts for two months and more; renewing it takes a person.",
        ),
    ],
    pool="ebay",
)
def raw_ebay_orders(
    context: dg.AssetExecutionContext, config: OrdersConfig, warehouse: WarehouseResource
) -> Iterator[dg.MaterializeResult[Any]]:
    """Read two years by date of creation once, from then on what has changed."""
    period = Period.parse(config.created_from, config.created_to)
    read = partial(sync_ebay_orders, period=period, full_read=config.full_read)
    with warehouse.connect() as conn:
        yield from read_partner(
            context,
            warehouse,
            conn,
            "raw_ebay.orders",
            read,
            more_checks=partial(_login_result, warehouse.settings, conn),
        )


def _login_result(settings: Settings, conn: psycopg.Connection) -> Iterable[dg.AssetCheckResult]:
    end = login_end(settings, conn, "ebay")
    yield dg.AssetCheckResult(
        check_name=LOGIN_LASTS,
        asset_key="raw_ebay.orders".split("."),
        passed=end is None or not end.needs_care,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"login": end.text if end else "it does not end"},
    )
