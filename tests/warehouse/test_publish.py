"""Publication: what readers see while marts are built, fail, are killed, and are built again."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from bench.publish import publish_copy
from bench.readers import hostile_reader, polling
from soleflip_pipelines.settings import PROJECT_ROOT, Settings
from soleflip_pipelines.warehouse import publish
from soleflip_pipelines.warehouse.connection import connect
from soleflip_pipelines.warehouse.dbt_runner import run_dbt
from soleflip_pipelines.warehouse.embedded import ServerAddress
from tests.conftest import create_database, settings_for
from tests.warehouse.small_business import (
    load_purchase,
    load_small_business,
    load_state,
    stable_id,
)

pytestmark = pytest.mark.integration

MARTS = {
    schema: sorted(path.stem for path in folder.glob("*.sql"))
    for folder in sorted((PROJECT_ROOT / "dbt_project/models/marts").iterdir())
    for schema in [folder.name]
}
BUILD_IDS = " union ".join(
    f'select build_id from {schema}."{table}"'
    for schema, tables in MARTS.items()
    for table in tables
)
SIDE_SCHEMAS = "select nspname from pg_namespace where nspname ~ '__(next|old)'"


@pytest.fixture(scope="module")
def empty(
    server: ServerAddress, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Settings, publish.BuildResult]]:
    """A warehouse without a row, published once as build "empty"."""
    name = f"publish_{uuid4().hex[:8]}"
    create_database(server, name, template=template_database)
    settings = settings_for(server, name, tmp_path_factory.mktemp("publish"))
    assert publish.prepare_dbt(settings)
    result = publish.build_marts(settings, "empty")
    publish.refresh_summaries(settings)
    yield settings, result
    with psycopg.connect(server.url("postgres"), autocommit=True) as conn:
        conn.execute(f'drop database "{name}" with (force)')


@pytest.fixture(scope="module")
def warehouse(empty: tuple[Settings, publish.BuildResult]) -> Settings:
    """The same warehouse with the small business, published as build "first"."""
    settings = empty[0]
    with connect(settings, "loader") as conn:
        load_small_business(conn)
    publish.build_marts(settings, "first")
    return settings


def rows(settings: Settings, query: str, role: str = "reader") -> list[tuple]:
    with connect(settings, role) as conn:
        return conn.execute(query.encode()).fetchall()


def test_folders_of_marts_are_the_swapped_schemas() -> None:
    assert {*MARTS, "intermediate"} == set(publish.SWAPPED_SCHEMAS)


def test_what_a_build_keeps_is_no_reason_for_another(warehouse: Settings) -> None:
    assert rows(warehouse, "select count(*) > 0 from history.order_status", "loader") == [(True,)]
    assert publish.up_to_date_build(warehouse) == "first"


def test_rules_of_the_project_hold(warehouse: Settings) -> None:
    nodes = run_dbt(warehouse, "prepare", ["test", "--select", "test_type:unit", "path:seeds"])
    assert len(nodes) >= 10
    assert [(node.message, node.name) for node in nodes if node.status != "pass"] == []


def test_money_of_the_small_business(warehouse: Settings) -> None:
    found = rows(
        warehouse,
        "select order_number, order_line, quantity, array_to_string(sources, '+'), status,"
        " net_payout_eur, cost_eur, vat_due_eur, net_profit, profit_state, cost_match_method"
        ' from sales."order" order by platform, order_number, order_line',
    )
    nothing, none = Decimal("0.00"), (Decimal("0.00"),) * 4
    assert found == [
        # 220 dollars at 1.10, of which Alias keeps a tenth, more than its schedule says; the
        # report knows the same sale.
        ("100", "1", 1, "api+report", "completed", Decimal("180.00"), Decimal("100.00"), nothing,
         Decimal("80.00"), "payout_seen", "fifo"),
        ("101", "1", 1, "api", "cancelled", *none, "not_a_sale", None),
        # What only the report knows is a sale, but nobody told its fees or found its size.
        ("B-0", "9", 1, "report", "completed", None, None, None, None, "no_cost", None),
        # One fee over two lines; two pieces took two units, each of which owes its VAT.
        ("B-1", "11", 2, "api+report", "completed", Decimal("180.00"), Decimal("200.00"),
         Decimal("31.94"), Decimal("-51.94"), "reconciled", "fifo"),
        ("B-1", "12", 1, "api", "completed", Decimal("90.00"), Decimal("100.00"),
         Decimal("15.97"), Decimal("-25.97"), "reconciled", "fifo"),
        ("B-2", "21", 1, "api", "returned", *none, "not_a_sale", None),
        # No unit was known for it, so there is no profit.
        ("E-1", "1", 1, "sheet", "completed", Decimal("80.00"), None, None, None, "no_cost", None),
        # Its fees are not those of the schedule, and nothing says why.
        ("S-1", "1", 1, "api+report", "completed", Decimal("130.00"), Decimal("100.00"), nothing,
         Decimal("30.00"), "payout_seen", "fifo"),
        ("S-2", "1", 1, "api", "returned", *none, "not_a_sale", None),
        # Sold 23:30 UTC, so on 9 March in Berlin; both units were gone then: the return of S-2
        # comes only on 20 March.
        ("S-3", "1", 1, "api", "completed", Decimal("96.00"), None, nothing, None, "no_cost", None),
        ("S-4", "1", 1, "api", "cancelled", *none, "not_a_sale", None),
    ]  # fmt: skip
    stock = rows(
        warehouse,
        "select line_key, unit_no, status, sold_order_number from inventory.stock order by 1, 2",
    )
    assert stock == [
        ("shop|A|1", 1, "sold", "S-1"),
        ("shop|B|1", 1, "listed", None),
        ("shop|D|1", 1, "sold", "100"),
        ("shop|D|1", 2, "sold", "B-1"),
        ("shop|D|1", 3, "sold", "B-1"),
        ("shop|D|1", 4, "sold", "B-1"),
        ("shop|D|1", 5, "listed", None),
    ]


def test_pieces_sold_together_count_once_each(warehouse: Settings) -> None:
    supplier = rows(
        warehouse,
        "select sold_count, gross_sale_eur, net_profit_eur"
        " from analytics.supplier_performance_summary",
    )
    assert supplier == [(5, Decimal("650.00"), Decimal("32.09"))]
    by_platform = rows(
        warehouse,
        "select platform, sum(sale_count), sum(sold_unit_count)"
        " from analytics.kpi_monthly_by_platform group by 1 order by 1",
    )
    assert by_platform == [("alias", 1, 1), ("ebay", 4, 5), ("stockx", 2, 2)]


def test_what_was_counted_stands_beside_what_should_be_there(warehouse: Settings) -> None:
    found = rows(
        warehouse,
        "select item_key, counted_count, expected_count, difference_count, expected_cost_eur"
        " from inventory.stock_count_difference order by 1",
    )
    cost = Decimal("100.00")
    assert found == [("V-1", 0, 1, -1, cost), ("V-2", 2, 1, 1, cost)]


def test_marts_hold_nothing_of_a_buyer(warehouse: Settings) -> None:
    found = rows(warehouse, "select string_agg(to_jsonb(o)::text, '') from sales.\"order\" as o")
    assert "secret" not in found[0][0]
    assert "B-1" in found[0][0]


def test_ids_are_the_same_in_sql_and_in_python(warehouse: Settings) -> None:
    product = rows(warehouse, "select id from catalog.product where stockx_product_id = 'P-1'")
    assert product == [(stable_id("product", "stockx", "P-1"),)]
    unit = rows(warehouse, "select id from inventory.stock where line_key = 'shop|A|1'")
    assert unit == [(stable_id("stock", "shop|A|1", "1"),)]


def test_second_build_changes_only_its_name(warehouse: Settings) -> None:
    query = "select to_jsonb(o) - 'build_id' from sales.\"order\" as o order by id"
    before = rows(warehouse, query)
    result = publish.build_marts(warehouse, "second")
    assert rows(warehouse, query) == before
    assert rows(warehouse, BUILD_IDS) == [("second",)]
    assert rows(warehouse, SIDE_SCHEMAS) == []
    assert result.tables["sales.order"].row_count == len(before)
    assert {c.name for c in result.tables["sales.order"].columns} >= {"net_profit", "build_id"}
    assert result.tables["analytics.sales_summary_daily"].kind == "materialized view"
    without_statistics = (
        "select relid::regclass::text from pg_stat_all_tables"
        f" where schemaname in {tuple(publish.SWAPPED_SCHEMAS)} and last_analyze is null"
    )
    assert rows(warehouse, without_statistics) == []
    last = rows(
        warehouse, "select setting_value from core.setting where setting_key = 'last_build_id'",
        role="loader",
    )  # fmt: skip
    assert last == [("second",)]


def test_failed_test_keeps_what_is_published(warehouse: Settings) -> None:
    ((published,),) = rows(warehouse, BUILD_IDS)
    with connect(warehouse, "loader") as conn:
        load_purchase(conn, "shop|C|1", unit_price="-5.00")
    with pytest.raises(
        publish.BuildFailed,
        match=r"test purchase_item_rules of supplier\.purchase_item found 1 bad row",
    ) as failure:
        publish.build_marts(warehouse, "unsound")
    assert any(node.is_failed for node in failure.value.nodes)
    assert rows(
        warehouse,
        "select test_name, table_address, severity, row_count, bad_rows -> 0 ->> 'rule_name'"
        " from logging.test_failure where build_id = 'unsound' and severity = 'error'",
    ) == [("purchase_item_rules", "supplier.purchase_item", "error", 1, "price_is_positive")]
    assert rows(warehouse, BUILD_IDS) == [(published,)]
    assert rows(warehouse, "select count(*) from supplier.purchase_item") == [(3,)]
    with connect(warehouse, "loader") as conn:
        load_purchase(conn, "shop|C|1", unit_price="5.00")
    meanwhile: list[str] = []

    def correct_once_more(_: publish.NodeResult) -> None:
        if not meanwhile:
            meanwhile.append("6.00")
            with connect(warehouse, "loader") as conn:
                load_purchase(conn, "shop|C|1", unit_price="6.00")

    publish.build_marts(warehouse, "healed", correct_once_more)
    assert publish.up_to_date_build(warehouse) is None, "a part of it was built before the change"
    assert rows(warehouse, BUILD_IDS) == [("healed",)]
    assert rows(warehouse, "select count(*) from supplier.purchase_item") == [(4,)]


def test_readers_never_see_an_error_or_a_mixture(warehouse: Settings) -> None:
    with hostile_reader(warehouse, publish.SWAPPED_SCHEMAS), polling(warehouse) as readers:
        for number in range(4):
            publish_copy(warehouse, f"copied {number}")
        # dbt works in this process, too: from here on it is Python that readers wait for.
        waits = [reader.longest_wait_s for reader in readers]
        publish.build_marts(warehouse, "watched")
    assert max(waits) < 1.0
    for reader in readers:
        assert reader.errors == []
        assert reader.mixtures == []
        assert reader.seen[1:] == [*(f"copied {number}" for number in range(4)), "watched"]
    # What the idle reader held is dropped by the next publication.
    publish_copy(warehouse, "after")
    assert rows(warehouse, SIDE_SCHEMAS) == []


def test_reader_in_a_transaction_sees_one_set(warehouse: Settings) -> None:
    publish_copy(warehouse, "begun")
    with connect(warehouse, "reader") as conn, ThreadPoolExecutor(1) as pool:
        first = conn.execute('select min(build_id) from sales."order"').fetchone()
        publication = pool.submit(publish_copy, warehouse, "meanwhile")
        time.sleep(0.3)
        second = conn.execute("select min(build_id) from inventory.stock").fetchone()
        conn.rollback()
        publication.result()
    assert first == second == ("begun",)
    assert rows(warehouse, 'select min(build_id) from sales."order"') == [("meanwhile",)]


def test_killed_build_heals_and_no_state_is_lost_or_kept_twice(warehouse: Settings) -> None:
    with connect(warehouse, "loader") as conn:
        load_state(conn, "PAYOUTPENDING", "2026-03-21T10:00:00.000Z")
    publish.build_marts(warehouse, "before the kill")
    with connect(warehouse, "loader") as conn:
        load_state(conn, "CANCELED", "2026-03-22T10:00:00.000Z")
    script = (
        "import sys; from soleflip_pipelines.settings import load_settings;"
        "from soleflip_pipelines.warehouse.publish import build_marts;"
        "build_marts(load_settings({'SOLEFLIP_HOME': sys.argv[1],"
        " 'SOLEFLIP_DATABASE_URL': sys.argv[2]}), 'killed')"
    )
    assert warehouse.database_url is not None
    arguments = [str(warehouse.home), warehouse.database_url.get_secret_value()]
    child = subprocess.Popen([sys.executable, "-c", script, *arguments], cwd=PROJECT_ROOT)
    try:
        deadline = time.monotonic() + 60
        while not rows(warehouse, "select from pg_tables where schemaname = 'intermediate__next'"):
            assert child.poll() is None, "the build ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        child.kill()
        child.wait()
    assert rows(warehouse, BUILD_IDS) == [("before the kill",)]
    publish.build_marts(warehouse, "after the kill")
    assert rows(warehouse, BUILD_IDS) == [("after the kill",)]
    assert rows(warehouse, SIDE_SCHEMAS) == []
    assert rows(
        warehouse,
        "select sequence_no, previous_status, status, is_current, seen_until is null"
        " from sales.order_status_history where order_number = 'S-4' order by sequence_no",
    ) == [
        (1, None, "cancelled", False, False),
        (2, "cancelled", "open", False, False),
        (3, "open", "cancelled", True, True),
    ]


def test_two_builds_do_not_collide(warehouse: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "LOCK_WAIT_S", 0.2)
    with connect(warehouse, "transformer", autocommit=True) as other:
        other.execute("select pg_advisory_lock(hashtextextended(%s, 0))", [publish.LOCK_NAME])
        with pytest.raises(publish.BuildFailed, match="another build"):
            publish.build_marts(warehouse, "too early")


def test_readers_may_read_and_nothing_else(warehouse: Settings) -> None:
    for role in ("reader", "loader"):
        assert rows(warehouse, "select count(*) >= 0 from analytics.kpi_monthly", role) == [(True,)]
    with connect(warehouse, "loader") as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute('delete from sales."order"')


def test_summaries_are_refreshed_in_place(warehouse: Settings) -> None:
    assert list(publish.refresh_summaries(warehouse)) == list(publish.SUMMARIES)


def test_prepared_once(warehouse: Settings) -> None:
    publish.prepare_dbt(warehouse)
    assert not publish.prepare_dbt(warehouse)
    before = publish.ensure_manifest(warehouse).stat().st_mtime_ns
    assert publish.ensure_manifest(warehouse).stat().st_mtime_ns == before


def test_docs_site_is_one_file(warehouse: Settings) -> None:
    page = publish.generate_docs(warehouse) / "index.html"
    text = page.read_text("utf-8")
    assert "Landed cost of the unit" in text
    assert "what the numbers mean" in text


def test_empty_warehouse_is_published_whole(empty: tuple[Settings, publish.BuildResult]) -> None:
    result = empty[1]
    assert [node.address for node in result.warnings] == []
    assert result.tables["sales.order"].row_count == 0
    assert result.tables["analytics.sales_summary_daily"].row_count == 0


def test_summaries_before_the_first_build_say_what_to_do(settings: Settings) -> None:
    with pytest.raises(publish.BuildFailed, match="soleflip run rebuild_marts"):
        publish.refresh_summaries(settings)


def test_project_that_does_not_parse_is_one_sentence(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("soleflip_pipelines.warehouse.dbt_runner.DBT_PROJECT", tmp_path)
    with pytest.raises(publish.DbtFailed, match="dbt parse"):
        run_dbt(settings, "prepare", ["parse"])
