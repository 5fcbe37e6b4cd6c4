"""How the sources stand: the asset that fails a run for a partner, and the marts' check for it.

A partner that fails does not hold up the marts, so here is where that shows. What a state is, is
decided in `ingestion.source_state`.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from soleflip_pipelines.clients.credentials import CREDENTIALS, credential
from soleflip_pipelines.defs.resources import WarehouseResource
from soleflip_pipelines.defs.support import table_spec, written
from soleflip_pipelines.errors import SoleflipError
from soleflip_pipelines.ingestion.source_state import (
    failure_sentence,
    is_anything_connected,
    read_states,
)
from soleflip_pipelines.settings import get_settings
from soleflip_pipelines.warehouse.publish import ensure_manifest
from soleflip_pipelines.warehouse.vault import open_vault

SOURCES_KNOWN = "sources_known"
PARTNER_SCHEMAS = (*(f"raw_{partner}" for partner in CREDENTIALS), "raw_ecb")
TABLES = (
    "raw_stockx.orders",
    "raw_stockx.order_details",
    "raw_stockx.listings",
    "raw_stockx.products",
    "raw_stockx.variants",
    "raw_stockx.market_data",
    "raw_ebay.orders",
    "raw_alias.orders",
    "raw_alias.listings",
    "raw_awin.feeds",
    "raw_awin.offers",
    "raw_ecb.reference_rates",
)
# The marts on which it shows that a source is behind: a check of each of them all is not worth it.
SHOWN_ON = frozenset(
    {
        "sales.order",
        "sales.listing",
        "financial.transaction",
        "inventory.stock",
        "catalog.product",
        "pricing.market_price",
        "supplier.offer",
    }
)


class SourcesFailed(SoleflipError):
    """Partners could not be read in this run; the text names each, why, and how old it is."""


@dg.multi_asset(
    specs=[
        table_spec(
            "integration.source_state",
            "One row per table of a partner: what the last attempt to read it came to, and when it "
            "was last read to the end. Fails the run when a partner failed; the rest goes on.",
            deps=TABLES,
        )
    ]
)
def integration_source_state(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource
) -> Iterator[dg.MaterializeResult[Any]]:
    """Tell which sources this run could not read, after all of them had their turn."""
    with warehouse.connect() as conn:
        states = read_states(conn, context.run_id)
        yield written(
            conn,
            "integration.source_state",
            {state.asset: f"{state.state}, {state.as_of}" for state in states},
        )
        if sentence := failure_sentence(states):
            raise SourcesFailed(sentence)
        if not is_anything_connected(warehouse.settings, conn):
            vault = open_vault(conn, warehouse.settings)
            # It is missing, and the error says where to get it.
            credential(warehouse.settings, vault, CREDENTIALS["stockx"][0])


def raw_ancestors(manifest: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """The partners' tables behind each mart of `SHOWN_ON`, by the mart's address."""
    behind: dict[str, frozenset[str]] = {}

    def found(unique_id: str) -> frozenset[str]:
        if unique_id not in behind:
            source = manifest["sources"].get(unique_id)
            if source is not None:
                address = f"{source['schema']}.{source['identifier']}"
                is_raw = source["schema"] in PARTNER_SCHEMAS
                behind[unique_id] = frozenset({address}) if is_raw else frozenset()
            else:
                parents = manifest["parent_map"].get(unique_id, ())
                behind[unique_id] = frozenset().union(*(found(parent) for parent in parents))
        return behind[unique_id]

    return {
        f"{node['schema']}.{node['alias']}": tables
        for unique_id, node in sorted(manifest["nodes"].items())
        if node["resource_type"] == "model" and f"{node['schema']}.{node['alias']}" in SHOWN_ON
        if (tables := found(unique_id))
    }


def mart_checks(ancestors: Mapping[str, frozenset[str]]) -> dg.AssetChecksDefinition:
    """A check of each of these marts: whether every partner behind it was read lately."""

    @dg.multi_asset_check(
        specs=[
            dg.AssetCheckSpec(
                SOURCES_KNOWN,
                asset=address.split("."),
                description="Each partner's table behind this mart was read to its end lately; "
                "else it is said which was not, why, and how old what is there is.",
            )
            for address in ancestors
        ],
        name="sources_known",
        can_subset=True,
    )
    def sources_known(
        context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource
    ) -> Iterator[dg.AssetCheckResult]:
        with warehouse.connect() as conn:
            behind = [state for state in read_states(conn) if state.is_behind]
        for key in sorted(context.selected_asset_check_keys):
            tables = ancestors[".".join(key.asset_key.path)]
            late = [state for state in behind if state.asset in tables]
            yield dg.AssetCheckResult(
                asset_key=key.asset_key,
                check_name=key.name,
                passed=not late,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={s.asset: f"{s.as_of}: {s.detail or s.state}" for s in late},
            )

    return sources_known


@dg.definitions
def source_checks() -> dg.Definitions:
    """The checks of the marts, from dbt's manifest."""
    manifest = json.loads(ensure_manifest(get_settings()).read_text("utf-8"))
    return dg.Definitions(
        assets=[integration_source_state], asset_checks=[mart_checks(raw_ancestors(manifest))]
    )
