"""Alias (GOAT) as received: orders and own listings, as far as the account is connected."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from soleflip_pipelines.defs.resources import WarehouseResource
from soleflip_pipelines.defs.support import partner_checks, read_partner, table_spec
from soleflip_pipelines.ingestion.alias import sync_alias_listings, sync_alias_orders

POOL = "alias"
Result = dg.MaterializeResult[Any]


@dg.multi_asset(
    specs=[
        table_spec(
            "raw_alias.orders",
            "One row per Alias order: one unit sold, as Alias gave it last.",
            fresh_within_hours=24,
        )
    ],
    check_specs=partner_checks("raw_alias.orders"),
    pool=POOL,
)
def raw_alias_orders(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource
) -> Iterator[Result]:
    """Read all orders."""
    with warehouse.connect() as conn:
        yield from read_partner(context, warehouse, conn, "raw_alias.orders", sync_alias_orders)


@dg.multi_asset(
    specs=[
        table_spec(
            "raw_alias.listings",
            "One row per own listing on Alias, in whatever state.",
            fresh_within_hours=24,
        )
    ],
    check_specs=partner_checks("raw_alias.listings"),
    pool=POOL,
)
def raw_alias_listings(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource
) -> Iterator[Result]:
    """Read all own listings."""
    with warehouse.connect() as conn:
        yield from read_partner(context, warehouse, conn, "raw_alias.listings", sync_alias_listings)
