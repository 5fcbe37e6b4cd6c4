"""Column lineage from compiled SQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from soleflip_pipelines.warehouse.lineage import column_lineage

pytestmark = pytest.mark.unit

COLUMNS = {
    "staging.orders": {"id": "text", "amount": "numeric", "fee": "numeric"},
    "reference.status": {"status_raw": "text", "status": "text"},
}


def manifest(parents: list[str]) -> dict[str, object]:
    def node(schema: str, name: str, kind: str = "model") -> dict[str, object]:
        return {
            "resource_type": kind,
            "schema": schema,
            "alias": name,
            "package_name": "soleflip",
            "original_file_path": f"models/{name}.sql",
            "depends_on": {"nodes": parents if name == "profit" else []},
        }

    return {
        "nodes": {
            "model.profit": node("sales", "profit"),
            "model.orders": node("staging", "orders"),
            "seed.status": node("reference", "status", "seed"),
        },
        "sources": {},
    }


def sources_of(tmp_path: Path, text: str) -> dict[str, list[tuple[str, str]]]:
    file = tmp_path / "soleflip" / "models" / "profit.sql"
    file.parent.mkdir(parents=True)
    file.write_text(text, "utf-8")
    graph = manifest(["model.orders", "seed.status"])
    return column_lineage(graph, tmp_path, COLUMNS)["sales.profit"]


def test_a_column_leads_through_ctes_and_stars_to_its_sources(tmp_path: Path) -> None:
    found = sources_of(
        tmp_path,
        """
        with orders as (select * from "db"."staging"."orders"),
        netted as (select id, amount - fee as net from orders)
        select id as order_id, round(net, 2) as net_profit, 1 as one from netted
        """,
    )
    assert found == {
        "order_id": [("staging.orders", "id")],
        "net_profit": [("staging.orders", "amount"), ("staging.orders", "fee")],
        "one": [],
    }


def test_side_schemas_are_named_as_they_are_published(tmp_path: Path) -> None:
    found = sources_of(tmp_path, "select status from reference__next.status")
    assert found == {"status": [("reference.status", "status")]}


def test_what_cannot_be_read_has_no_lineage(tmp_path: Path) -> None:
    assert sources_of(tmp_path, "select from from where") == {}
