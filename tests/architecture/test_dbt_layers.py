"""The rules of the dbt project as tests over its manifest; no database is needed to parse."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

import pytest

from soleflip_pipelines.settings import load_settings
from soleflip_pipelines.warehouse.publish import ensure_manifest

pytestmark = pytest.mark.unit

KEY_TESTS = {"grain", "keyed_by"}
INVARIANTS = {"rows_hold", "control_totals", "leads_to"}
# Lists without rows of their own making: a key is all there is to promise.
WITHOUT_INVARIANT = {
    "catalog.brand", "catalog.brand_patterns", "catalog.category", "catalog.size_master",
    "catalog.size_conversion", "supplier.supplier", "platform.marketplace",
    "platform.fee_schedule", "pricing.brand_multiplier", "operations.open_shipment",
    # Views that show what others wrote and tested.
    "pricing.price_history", "pricing.price_recommendation", "analytics.sales_forecast",
    "analytics.sales_forecast_daily", "analytics.forecast_accuracy",
    "operations.listing_history",
}  # fmt: skip


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    settings = load_settings(
        {
            "SOLEFLIP_HOME": str(tmp_path_factory.mktemp("manifest")),
            "SOLEFLIP_DATABASE_URL": "postgresql://nobody:nothing@127.0.0.1:9/none",
        }
    )
    parsed: dict[str, Any] = json.loads(ensure_manifest(settings).read_text("utf-8"))
    return parsed


@pytest.fixture(scope="module")
def models(manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{node['schema']}.{node['alias']}": node
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model"
    }


@pytest.fixture(scope="module")
def tests_by_model(manifest: dict[str, Any]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for node in manifest["nodes"].values():
        if node["resource_type"] == "test" and node.get("attached_node"):
            found[node["attached_node"]].add(node["test_metadata"]["name"])
    return found


def layer(node: dict[str, Any]) -> str:
    return str(node["fqn"][1])


def test_address_is_the_folder(models: dict[str, dict[str, Any]]) -> None:
    for address, node in models.items():
        folder = node["fqn"][2] if layer(node) == "marts" else layer(node)
        assert address == f"{folder}.{node['name']}"


def test_only_staging_reads_raw(models: dict[str, dict[str, Any]]) -> None:
    for address, node in models.items():
        raw = [s for s in node["depends_on"]["nodes"] if s.startswith("source.soleflip.raw_")]
        assert not raw or layer(node) == "staging", f"{address} reads {raw}"


def test_no_layer_reads_a_later_one(
    manifest: dict[str, Any], models: dict[str, dict[str, Any]]
) -> None:
    order = {"staging": 0, "intermediate": 1, "marts": 2}
    for address, node in models.items():
        for parent in node["depends_on"]["nodes"]:
            if parent.startswith("model."):
                assert order[layer(manifest["nodes"][parent])] <= order[layer(node)], address


def test_views_of_the_marts_do_not_stand_on_staging(
    manifest: dict[str, Any], models: dict[str, dict[str, Any]]
) -> None:
    # Staging views are replaced in place, and with them goes whatever view stands on them.
    for address, node in models.items():
        if layer(node) != "staging" and node["config"]["materialized"] != "table":
            parents = [manifest["nodes"].get(p, {}) for p in node["depends_on"]["nodes"]]
            assert "staging" not in [p["fqn"][1] for p in parents if p], address


def test_each_model_is_made_whole(models: dict[str, dict[str, Any]]) -> None:
    """One that takes what is newer than its own newest row loses what is committed late."""
    kinds = {node["config"]["materialized"] for node in models.values()}
    assert kinds <= {"table", "view", "materialized_view"}


def test_each_model_says_its_grain(models: dict[str, dict[str, Any]]) -> None:
    for address, node in models.items():
        assert node["description"].startswith("One row per "), address


def test_each_model_has_a_key_test(
    models: dict[str, dict[str, Any]], tests_by_model: dict[str, set[str]]
) -> None:
    for address, node in models.items():
        assert tests_by_model[node["unique_id"]] & KEY_TESTS, address


def test_each_mart_has_an_invariant(
    models: dict[str, dict[str, Any]], tests_by_model: dict[str, set[str]]
) -> None:
    without = {
        address
        for address, node in models.items()
        if layer(node) == "marts" and not tests_by_model[node["unique_id"]] & INVARIANTS
    }
    assert without == WITHOUT_INVARIANT


def test_each_mart_keeps_its_contract(models: dict[str, dict[str, Any]]) -> None:
    for address, node in models.items():
        if layer(node) != "marts":
            continue
        is_contracted = node["config"]["contract"]["enforced"]
        # PostgreSQL's materialized views cannot carry one.
        assert is_contracted or node["config"]["materialized"] == "materialized_view", address
        assert "build_id" in node["columns"], address
        undescribed = [name for name, c in node["columns"].items() if not c["description"]]
        assert undescribed == [], address


def test_columns_of_money_say_their_currency(models: dict[str, dict[str, Any]]) -> None:
    bare = {"price", "cost", "value", "fee", "date", "profit", "total"}
    for address, node in models.items():
        if layer(node) == "marts":
            assert not bare & set(node["columns"]), address


def test_each_source_is_read(manifest: dict[str, Any]) -> None:
    read = {
        parent
        for node in manifest["nodes"].values()
        for parent in node["depends_on"].get("nodes", ())
    }
    assert sorted(set(manifest["sources"]) - read) == []


def test_each_mart_is_read_by_another_or_exposed(
    manifest: dict[str, Any], models: dict[str, dict[str, Any]]
) -> None:
    exposed = {p for e in manifest["exposures"].values() for p in e["depends_on"]["nodes"]}
    for address, node in models.items():
        if layer(node) == "marts":
            assert node["unique_id"] in exposed, f"{address} is in no exposure"
