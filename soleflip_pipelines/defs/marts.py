"""dbt as assets: seeds and staging views, the set of marts, and the views over Python's results.

A selection of one mart rebuilds and publishes the whole set, since readers must never see marts of
two builds side by side. How that is done is `warehouse.publish`; here are only the events.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from graphlib import TopologicalSorter
from typing import Any

import dagster as dg
from dagster_dbt import (
    DagsterDbtTranslator,
    DagsterDbtTranslatorSettings,
    DbtProject,
    build_dbt_asset_specs,
    dbt_assets,
)
from dagster_dbt.asset_utils import get_asset_check_key_for_test
from pydantic import Field

from soleflip_pipelines.defs.resources import WarehouseResource
from soleflip_pipelines.defs.support import OWNERS, table_metadata, written
from soleflip_pipelines.settings import get_settings
from soleflip_pipelines.warehouse.bad_rows import bad_rows
from soleflip_pipelines.warehouse.dbt_runner import NodeResult, state_folder
from soleflip_pipelines.warehouse.lineage import ColumnSources, column_lineage
from soleflip_pipelines.warehouse.publish import (
    BuildFailed,
    BuildResult,
    TableFacts,
    build_marts,
    ensure_manifest,
    prepare_dbt,
    up_to_date_build,
)
from soleflip_pipelines.warehouse.statistics import refresh_statistics

PREPARED = "resource_type:seed fqn:soleflip.staging.*"
# The market is asked for what the labels found to be owned, so its view comes after them.
MARKET_VIEWS = "fqn:soleflip.staging.*,source:history.market_observation+"
RESULT_TABLES = (
    "sales_forecast",
    "sales_forecast_daily",
    "forecast_backtest",
    "price_recommendation",
)
RESULT_VIEWS = " ".join(f"source:enrichment.{table}+" for table in RESULT_TABLES)
MARTS_FRESH_HOURS = 30
# What loaders, seeds and labels have just written when dbt or a label reads it.
WRITTEN_SCHEMAS = (
    "raw_stockx",
    "raw_ebay",
    "raw_alias",
    "raw_awin",
    "raw_csv",
    "raw_ecb",
    "history",
    "reference",
    "enrichment",
)


class MartsConfig(dg.Config):
    """How to run the build of the marts."""

    rebuild_unchanged: bool = Field(
        default=True,
        description="Build although nothing has changed since the published build: no new or "
        "changed input row, the same dbt project, the same day.",
    )


class AddressTranslator(DagsterDbtTranslator):
    """The address is the name: key, group and owner follow from `schema.table`."""

    def __init__(self, checks: bool) -> None:
        super().__init__(
            DagsterDbtTranslatorSettings(enable_asset_checks=checks, enable_source_metadata=False)
        )

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetSpec:
        """The spec of a node; the parent class gathers the rest of it."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        node = self.get_resource_props(manifest, unique_id)
        policy = None
        if node["resource_type"] == "model" and node["fqn"][1] == "marts":
            policy = dg.FreshnessPolicy.time_window(
                fail_window=timedelta(hours=2 * MARTS_FRESH_HOURS),
                warn_window=timedelta(hours=MARTS_FRESH_HOURS),
            )
        return spec.replace_attributes(
            key=_key(node),
            group_name=node["schema"],
            owners=OWNERS,
            description=node.get("description") or None,
            freshness_policy=policy,
        )

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """`schema/table`, for sources and refs alike."""
        return _key(dbt_resource_props)


def _key(node: Mapping[str, Any]) -> dg.AssetKey:
    return dg.AssetKey([node["schema"], node.get("alias") or node["identifier"]])


def _in_order(manifest: Mapping[str, Any], keys: Collection[dg.AssetKey]) -> Iterator[dg.AssetKey]:
    """The keys with parents before children, as Dagster wants the results of one step."""
    nodes = {**manifest["nodes"], **manifest["sources"]}
    order = TopologicalSorter(
        {
            unique_id: [parent for parent in node["depends_on"].get("nodes", ()) if parent in nodes]
            for unique_id, node in sorted(manifest["nodes"].items())
            if node["resource_type"] in ("model", "seed")
        }
    )
    for unique_id in order.static_order():
        key = _key(nodes[unique_id])
        if key in keys:
            yield key


def prepared_assets(
    manifest: Mapping[str, Any], name: str, select: str, exclude: str
) -> dg.AssetsDefinition:
    """Seeds in `reference` and views in `staging`: put in place when the project has changed."""

    @dbt_assets(
        manifest=manifest,
        select=select,
        exclude=exclude,
        name=name,
        dagster_dbt_translator=AddressTranslator(checks=False),
        pool="dbt",
    )
    def staging(
        context: dg.AssetExecutionContext, warehouse: WarehouseResource
    ) -> Iterator[dg.MaterializeResult[Any]]:
        changed = prepare_dbt(warehouse.settings)
        analyzed = refresh_statistics(warehouse.settings, WRITTEN_SCHEMAS)
        context.log.info("statistics refreshed: %s", ", ".join(analyzed) or "none was stale")
        context.log.info("seeds and staging views: %s", "made anew" if changed else "unchanged")
        with warehouse.connect() as conn:
            for key in _in_order(manifest, context.selected_asset_keys):
                address = ".".join(key.path)
                is_seed = key.path[0] == "reference"
                metadata = table_metadata(conn, address) if is_seed else {}
                yield dg.MaterializeResult(
                    asset_key=key, metadata={"project changed": changed, **metadata}
                )

    return staging


def mart_assets(manifest: Mapping[str, Any]) -> dg.AssetsDefinition:
    """Intermediate models and marts with their tests as checks: one build, one publication."""
    translator = AddressTranslator(checks=True)

    @dbt_assets(
        manifest=manifest,
        select="fqn:soleflip.intermediate.* fqn:soleflip.marts.*",
        exclude=RESULT_VIEWS,
        name="marts",
        dagster_dbt_translator=translator,
        pool="dbt",
    )
    def marts(
        context: dg.AssetExecutionContext, config: MartsConfig, warehouse: WarehouseResource
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        settings = warehouse.settings
        kept = None if config.rebuild_unchanged else up_to_date_build(settings)
        if kept is not None:
            context.log.info("nothing is new since build %s, which stays published", kept)
            for key in _in_order(manifest, context.selected_asset_keys):
                yield dg.MaterializeResult(asset_key=key, metadata={"build_id": kept, "kept": True})
            return
        refresh_statistics(settings, WRITTEN_SCHEMAS)
        try:
            build = build_marts(settings, build_id=context.run_id)
        except BuildFailed as error:
            yield from _check_results(context, warehouse, manifest, translator, error.nodes)
            raise
        for node in build.warnings:
            context.log.warning("%s of %s: %s", node.name, node.address, node.message)
        context.log.info(
            "published build %s: %d tables in %.1f s, swapped in %.0f ms",
            build.build_id,
            len(build.tables),
            build.seconds,
            build.swap_seconds * 1000,
        )
        lineage = column_lineage(
            manifest,
            state_folder(settings, "publish") / "compiled",
            _columns(warehouse, build),
        )
        seconds = {node.address: node.seconds for node in build.nodes if node.address}
        for key in _in_order(manifest, context.selected_asset_keys):
            address = ".".join(key.path)
            yield dg.MaterializeResult(
                asset_key=key,
                metadata={
                    "build_id": build.build_id,
                    "seconds": seconds.get(address, 0.0),
                    **_facts_metadata(build.tables[address], lineage.get(address, {})),
                },
            )
        yield from _check_results(context, warehouse, manifest, translator, build.nodes)

    return marts


def result_view_assets(manifest: Mapping[str, Any]) -> dg.AssetsDefinition:
    """Marts that are views over what Python wrote after the publication: they show it at once."""
    specs = build_dbt_asset_specs(
        manifest=manifest,
        select=RESULT_VIEWS,
        dagster_dbt_translator=AddressTranslator(checks=False),
    )

    @dg.multi_asset(specs=specs, name="result_views", can_subset=True)
    def result_views(
        context: dg.AssetExecutionContext, warehouse: WarehouseResource
    ) -> Iterator[dg.MaterializeResult[Any]]:
        with warehouse.connect() as conn:
            for key in _in_order(manifest, context.selected_asset_keys):
                yield written(conn, ".".join(key.path))

    return result_views


def _check_results(
    context: dg.AssetExecutionContext,
    warehouse: WarehouseResource,
    manifest: Mapping[str, Any],
    translator: DagsterDbtTranslator,
    nodes: tuple[NodeResult, ...],
) -> Iterator[dg.AssetCheckResult]:
    with warehouse.connect() as conn:
        kept = bad_rows(conn, context.run_id)
    for node in nodes:
        if node.unique_id not in manifest["nodes"]:
            continue  # the project has changed since this process read its manifest
        key = get_asset_check_key_for_test(manifest, translator, node.unique_id, None)
        if key is None or key not in context.selected_asset_check_keys or node.status == "skipped":
            continue
        is_warning = node.status == "warn"
        yield dg.AssetCheckResult(
            asset_key=key.asset_key,
            check_name=key.name,
            passed=node.status == "pass",
            severity=dg.AssetCheckSeverity.WARN if is_warning else dg.AssetCheckSeverity.ERROR,
            metadata={
                "rows found": node.failures or 0,
                "seconds": node.seconds,
                "first rows": dg.MetadataValue.json(kept.get(node.name, [])),
            },
        )


def _facts_metadata(facts: TableFacts, lineage: ColumnSources) -> dict[str, Any]:
    return {
        "dagster/row_count": facts.row_count,
        "dagster/relation_identifier": facts.address,
        "dagster/column_schema": dg.TableSchema(
            columns=[
                dg.TableColumn(column.name, column.data_type, column.comment or None)
                for column in facts.columns
            ]
        ),
        "dagster/column_lineage": dg.TableColumnLineage(
            {
                column: [
                    dg.TableColumnDep(asset_key=address.split("."), column_name=source)
                    for address, source in sources
                ]
                for column, sources in lineage.items()
            }
        ),
    }


def _columns(warehouse: WarehouseResource, build: BuildResult) -> dict[str, dict[str, str]]:
    """Types by column by address, of the marts and of all that they select from."""
    known = {
        address: {column.name: column.data_type for column in facts.columns}
        for address, facts in build.tables.items()
    }
    with warehouse.connect(role="transformer") as conn:
        rows = conn.execute(
            "select table_schema || '.' || table_name, column_name, data_type"
            " from information_schema.columns"
            " where table_schema not in ('pg_catalog', 'information_schema')"
            " order by ordinal_position"
        )
        for address, column, data_type in rows:
            known.setdefault(address, {})[column] = data_type
    return known


@dg.definitions
def dbt_definitions() -> dg.Definitions:
    """The dbt project as three sets of assets, read from its manifest."""
    manifest = json.loads(ensure_manifest(get_settings()).read_text("utf-8"))
    return dg.Definitions(
        assets=[
            prepared_assets(manifest, "staging", PREPARED, exclude=MARKET_VIEWS),
            prepared_assets(manifest, "staging_of_market", MARKET_VIEWS, exclude=""),
            mart_assets(manifest),
            result_view_assets(manifest),
        ]
    )
