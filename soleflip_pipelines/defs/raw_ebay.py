"""eBay as received: the orders of the last two years, as far as the account is connected."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import dagster as dg

from soleflip_pipelines.defs.resources import WarehouseResource
from soleflip_pipelines.defs.support import (
    OrdersConfig,
    partner_checks,
    read_partner,
    table_spec,
)
from soleflip_pipelines.ingestion.ebay import sync_ebay_orders
from soleflip_pipelines.ingestion.periods import Period


@dg.multi_asset(
    specs=[
        table_spec(
            "raw_ebay.orders",
            "One row per eBay order with its lines, as eBay gave it last.",
            fresh_within_hours=24,
        )
    ],
    check_specs=partner_checks("raw_ebay.orders"),
    pool="ebay",
)
def raw_ebay_orders(
    context: dg.AssetExecutionContext, config: OrdersConfig, warehouse: WarehouseResource
) -> Iterator[dg.MaterializeResult[Any]]:
    """Read two years by date of creation once, from then on what has changed."""
    period = Period.parse(config.created_from, config.created_to)
    read = partial(sync_ebay_orders, period=period, full_read=config.full_read)
    with warehouse.connect() as conn:
        yield from read_partner(context, warehouse, conn, "raw_ebay.orders", read)
