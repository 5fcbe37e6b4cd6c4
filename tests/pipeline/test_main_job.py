"""The main job as a user runs it: twice, killed, and compared with what is true."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from soleflip_pipelines.settings import PROJECT_ROOT
from soleflip_pipelines.warehouse.queries import DASHBOARDS, QUESTIONS, load_queries
from tests.pipeline.installation import RAW_SCHEMAS, Installation

pytestmark = pytest.mark.integration


def test_the_marts_agree_with_the_truth(finished: Installation) -> None:
    assert "agree" in finished.soleflip("verify").stdout


def test_a_second_run_loads_nothing_and_changes_nothing(finished: Installation) -> None:
    before = finished.contents()
    last_batch = finished.query("select max(batch_id) from integration.import_batches")[0][0]

    report = json.loads(finished.soleflip("run", "--json").stdout)

    assert report["succeeded"]
    assert finished.contents() == before
    news = finished.query(
        "select asset, rows_inserted, rows_updated from integration.import_batches"
        f" where batch_id > {last_batch} and rows_inserted + rows_updated > 0"
    )
    assert news == []


def test_killed_while_loading_and_while_building_then_equals_the_undisturbed_run(
    finished: Installation, new_installation: Callable[..., Installation]
) -> None:
    disturbed = new_installation(orders=200, seed=32)
    batches = "select count(*) from integration.import_batches"
    building = "select count(*) from pg_tables where schemaname like '%\\_\\_next'"

    def is_loading() -> bool:
        known = "select to_regclass('integration.import_batches') is not null"
        return bool(disturbed.query(known)[0][0]) and disturbed.query(batches) >= [(3,)]

    disturbed.kill_when(("run",), is_loading)
    assert disturbed.contents(RAW_SCHEMAS) != finished.contents(RAW_SCHEMAS)
    disturbed.kill_when(("run",), lambda: disturbed.query(building) >= [(5,)])
    # One run healed what the first kill left: the third one need not do it.
    assert disturbed.contents(RAW_SCHEMAS) == finished.contents(RAW_SCHEMAS)
    disturbed.soleflip("run")
    assert disturbed.contents() == finished.contents()
    leftovers = "select nspname from pg_namespace where nspname ~ '__(next|old)'"
    assert disturbed.query(leftovers) == []


def test_the_queries_of_the_readme_answer(finished: Installation) -> None:
    readme = (PROJECT_ROOT / "README.md").read_text("utf-8")
    queries = re.search(r"```sql\n(.*?)```", readme, re.DOTALL)
    assert queries is not None
    for query in filter(str.strip, queries[1].split(";")):
        assert finished.query(query)


@pytest.mark.parametrize(("orders", "seed"), [(0, 32), (1, 9)])
def test_a_business_of_next_to_nothing_runs_through(
    new_installation: Callable[..., Installation], orders: int, seed: int
) -> None:
    """The one sale of the second has no purchase, so no profit is known."""
    small = new_installation(orders=orders, seed=seed)
    small.soleflip("run")
    small.soleflip("verify")
    found = small.query('select count(*), count(net_profit) from sales."order"')
    assert found == [(orders, 0)]
    for query in load_queries(QUESTIONS) + load_queries(DASHBOARDS):
        small.query(query.sql)
