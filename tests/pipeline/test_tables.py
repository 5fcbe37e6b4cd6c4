"""Every table is alive: rows after the main job, a grain in its description, and a reader."""

from __future__ import annotations

import json
import re

import pytest

from soleflip_pipelines.settings import PROJECT_ROOT, load_settings
from soleflip_pipelines.warehouse.publish import ensure_manifest
from soleflip_pipelines.warehouse.schema_docs import SCHEMAS
from tests.pipeline.installation import Installation

pytestmark = pytest.mark.integration

# The fifteen schemas that the product promises.
PROMISED = (
    "catalog", "inventory", "sales", "supplier", "integration", "pricing", "analytics",
    "compliance", "operations", "core", "auth", "platform", "financial", "logging", "realtime",
)  # fmt: skip
# What is empty after an undisturbed main job over a new business, each for a reason.
EMPTY_FOR_A_REASON = {
    "owner.brand_decision": "the owner's word on a brand",
    "owner.brand_pattern": "the owner's own patterns",
    "owner.identity_decision": "products that the owner merged or kept apart",
    "owner.product_override": "the owner's corrections",
    "owner.size_correction": "sizes that the owner corrected",
    "owner.split_product": "products that the owner split",
    "owner.sale_unit_link": "units that the owner named",
    "owner.watch_item": "what the owner wants to follow",
    "enrichment.stockx_identity": "products of StockX that are the same article, if there are any",
    "compliance.erasure_log": "what was removed when its time was over, and nothing is so old",
    "logging.run_failure": "runs that failed",
    "logging.test_failure": "bad rows that a test found",
}
# What is read where no query names it.
READ_AS_IT_ARRIVES = {"raw_stockx.market_data": "history.market_observation is made of its batches"}
TABLES = """
    select namespace.nspname || '.' || relation.relname,
           coalesce(obj_description(relation.oid, 'pg_class'), '')
    from pg_class as relation
    inner join pg_namespace as namespace on relation.relnamespace = namespace.oid
    where relation.relkind in ('r', 'v', 'm')
      and namespace.nspname not in ('pg_catalog', 'information_schema', 'dagster', 'public')
      and namespace.nspname !~ '^pg_toast'
    order by 1
"""


@pytest.fixture(scope="module")
def tables(finished: Installation) -> dict[str, str]:
    return {str(address): str(comment) for address, comment in finished.query(TABLES)}


@pytest.fixture(scope="module")
def models(finished: Installation) -> dict[str, dict]:
    manifest = json.loads(ensure_manifest(load_settings(finished.environment)).read_text("utf-8"))
    exposed = {p for e in manifest["exposures"].values() for p in e["depends_on"]["nodes"]}
    return {
        f"{node['schema']}.{node.get('alias') or node['name']}": {
            **node,
            "is_read": node["unique_id"] in exposed
            or bool(manifest["child_map"][node["unique_id"]]),
        }
        for node in [*manifest["nodes"].values(), *manifest["sources"].values()]
        if node["resource_type"] in ("model", "seed", "source")
    }


def test_all_promised_schemas_are_alive(tables: dict[str, str]) -> None:
    assert set(PROMISED) <= {address.split(".")[0] for address in tables}


def test_no_table_is_empty_without_a_reason(finished: Installation, tables: dict[str, str]) -> None:
    counts = " union all ".join(
        f"select '{address}' where not exists (select from {_quoted(address)})"
        for address in tables
        if not address.startswith("staging.")
    )
    empty = {str(address) for (address,) in finished.query(counts)}
    assert empty - EMPTY_FOR_A_REASON.keys() == set()
    assert EMPTY_FOR_A_REASON.keys() <= tables.keys()


def test_each_table_says_its_grain(tables: dict[str, str], models: dict[str, dict]) -> None:
    for address, comment in tables.items():
        told = models.get(address, {}).get("description") or comment
        assert re.match(r"(One row per|How long|The evidence|A )", told), f"{address}: {told}"


def test_each_table_is_read_or_exposed(tables: dict[str, str], models: dict[str, dict]) -> None:
    """By another model, by an exposure, or by a query of ours that is not the one that writes."""
    read = set()
    sources = [
        *(PROJECT_ROOT / "soleflip_pipelines").rglob("*.py"),
        *(PROJECT_ROOT / "sql" / "questions").glob("*.sql"),
        *(PROJECT_ROOT / "sql" / "dashboards").glob("*.sql"),
    ]
    for path in sources:
        text = re.sub(r'"\s*\n\s*f?"', "", path.read_text("utf-8"))
        read |= {
            a.replace('"', "") for a in re.findall(r'(?:from|join)\s+([a-z_]+\."?\w+"?)', text)
        }
    unread = [
        address
        for address in tables
        if address not in read and not models.get(address, {}).get("is_read")
    ]
    assert unread == list(READ_AS_IT_ARRIVES)


def test_the_page_of_the_schemas_is_current(finished: Installation) -> None:
    finished.soleflip("docs", "schema", "--check")


def test_every_schema_has_its_place_in_the_page(tables: dict[str, str]) -> None:
    assert {a.split(".")[0] for a in tables} - {"staging", "intermediate"} <= SCHEMAS.keys()


def _quoted(address: str) -> str:
    schema, name = address.split(".")
    return f'{schema}."{name}"'
