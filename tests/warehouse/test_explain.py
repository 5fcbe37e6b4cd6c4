"""Explanations: every step of a sale is told, adds up, and a mart that is wrong is found out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from uuid import uuid4

import psycopg
import pytest

from soleflip_pipelines.catalog.product_labelling import label_products
from soleflip_pipelines.errors import SoleflipError
from soleflip_pipelines.explain.order import explain_order
from soleflip_pipelines.explain.payout import explain_payout
from soleflip_pipelines.explain.product import explain_product
from soleflip_pipelines.explain.reading import NotFound, open_book
from soleflip_pipelines.explain.story import Row, Story, as_json
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse import publish
from soleflip_pipelines.warehouse.connection import connect
from soleflip_pipelines.warehouse.embedded import ServerAddress
from soleflip_pipelines.warehouse.loader import BatchSource, Record, load_batch
from soleflip_pipelines.warehouse.queries import DASHBOARDS, QUESTIONS, answer, load_queries
from tests.conftest import create_database, settings_for
from tests.warehouse import small_business
from tests.warehouse.test_cli import call

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def warehouse(
    server: ServerAddress, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """The small business with a penalty, an open order, a link and an override, published."""
    name = f"explain_{uuid4().hex[:8]}"
    create_database(server, name, template=template_database)
    settings = settings_for(server, name, tmp_path_factory.mktemp("explain"))
    with connect(settings, "loader") as conn:
        small_business.load_small_business(conn)
        _load_more(conn)
    publish.prepare_dbt(settings)
    with connect(settings, "loader") as conn:
        label_products(conn)
    publish.build_marts(settings, "told")
    yield settings
    with psycopg.connect(server.url("postgres"), autocommit=True) as conn:
        conn.execute(f'drop database "{name}" with (force)')


def _load_more(conn: psycopg.Connection) -> None:
    open_order = small_business.order(
        "S-6", "CREATED", "2026-03-21T10:00:00.000Z", "40", "EUR", adjustments=()
    )
    del open_order["payout"]
    failed = small_business.order(
        "S-5", "AUTHFAILED", "2026-03-10T10:00:00.000Z", "120", "EUR",
        adjustments=(("Penalty Fee", "-15.00"),),
    )  # fmt: skip
    linked = small_business.order("S-7", "COMPLETED", "2026-03-22T10:00:00.000Z", "200", "EUR")
    batch = BatchSource("test", "api")
    rows = [Record((each["orderNumber"],), each) for each in (open_order, failed, linked)]
    load_batch(conn, small_business.ORDERS, rows, batch)
    dear = small_business.purchase(
        "shop|L|1", unit_price="100.00", currency_code="USD", purchased_on="2026-03-07",
        received_on="2026-03-10", vat_scheme="none", vat_rate="0", unit_ref="U-1",
        shipping_total="11.00", cashback_total="1.00",
    )  # fmt: skip
    load_batch(
        conn, small_business.PURCHASES, [Record(("shop|L|1",), dear)],
        BatchSource("inbox", "file", file_name="shop.csv", file_sha256="0" * 64),
    )  # fmt: skip
    conn.execute("insert into owner.sale_unit_link values ('stockx', 'S-7', 'U-1')")
    conn.execute(
        "insert into owner.product_override (platform, partner_product_id, category, style_code)"
        " values ('stockx', 'P-1', 'sneakers', 'DZ1-100')"
    )
    conn.execute(
        "insert into integration.rejected_rows (batch_id, asset, source, position, reason_code,"
        " reason, raw_row, row_hash) select max(batch_id), 'raw_csv.sales', 'inbox', 'sales.csv:3',"
        " 'number', 'its price is no number', 'ebay;R-12345;tbd', 'h'"
        " from integration.import_batches"
    )
    conn.commit()


def story(settings: Settings, number: str, line: int = 0) -> Story:
    with open_book(settings) as book:
        return explain_order(book, number)[line]


def section(told: Story, title: str) -> tuple[str, list[Row]]:
    found = next(each for each in told.sections if each.title.startswith(title))
    return " ".join(found.says), found.rows


def steps(told: Story) -> dict[str, Decimal | None]:
    return {row["step"]: row["amount_eur"] for row in section(told, "Profit")[1]}


@pytest.mark.parametrize(
    ("number", "line", "profit"),
    [
        ("S-1", 0, "30.00"),
        ("S-2", 0, "0.00"),
        ("S-3", 0, None),
        ("S-4", 0, "0.00"),
        ("S-5", 0, "-15.00"),
        ("100", 0, "80.00"),
        ("B-1", 0, "-51.94"),
        ("B-1", 1, "-25.97"),
        ("B-0", 0, None),
        ("E-1", 0, None),
    ],
)
def test_steps_add_up(warehouse: Settings, number: str, line: int, profit: str | None) -> None:
    told = story(warehouse, number, line)
    assert told.contradictions == []
    amounts = steps(told)
    total = amounts.pop("= net profit")
    assert total == (None if profit is None else Decimal(profit))
    parts = [amount for step, amount in amounts.items() if not step.startswith("=")]
    if total is None:
        assert None in parts
        assert "Not known, because" in section(told, "Profit")[0]
    else:
        assert sum(part for part in parts if part is not None) == total


def test_every_door_of_a_sale_is_named_with_its_raw_row(warehouse: Settings) -> None:
    says, rows = section(story(warehouse, "100"), "Where")
    assert [(row["door"], row["raw_table"], row["key"]) for row in rows] == [
        ("api", "raw_alias.orders", "alias-100"),
        ("report", "raw_csv.alias_report", "100"),
    ]
    assert "One sale" in says
    with connect(warehouse, "loader") as conn:
        batches = conn.execute("select batch_id from raw_csv.alias_report").fetchall()
    assert rows[1]["batch"] == f"#{batches[0][0]}"


def test_rate_of_a_day_without_one_is_the_last_published(warehouse: Settings) -> None:
    says, _ = section(story(warehouse, "100"), "Amount")
    assert "÷ 1.1000 USD per euro (ECB rate of 2026-03-06) = 200.00 EUR" in says


def test_first_in_first_out_names_the_sales_before(warehouse: Settings) -> None:
    says, _ = section(story(warehouse, "B-1", 1), "Unit and cost")
    assert "5 units were there by 2026-03-29, 3 of them taken by earlier sales" in says
    _, queue = section(story(warehouse, "B-1", 1), "The units")
    assert [(row["unit"], row["taken_by"]) for row in queue if row[""]] == [
        ("shop|D|1 #4", "ebay B-1")
    ]


def test_a_link_and_its_landed_cost_are_told(warehouse: Settings) -> None:
    says, rows = section(story(warehouse, "S-7"), "Unit and cost")
    assert 'you named the unit (owner.sale_unit_link) "U-1"' in says
    assert "1 × 100.00 + 11.00 shipping = 111.00 USD" in says
    assert "− 1.00 cashback; ÷ 1.1000 USD per euro (ECB rate of 2026-03-06) = 100.00 EUR" in says
    assert rows[0]["file"].startswith("shop.csv (#")
    assert steps(story(warehouse, "S-7"))["− cost of the unit"] == Decimal("-100.00")


def test_expected_fees_name_their_rule(warehouse: Settings) -> None:
    told = story(warehouse, "S-6")
    says, rows = section(told, "Fees")
    assert told.contradictions == []
    assert "stockx, EUR, category any, valid from 2023-08-01" in says
    by_fee = {row["fee"]: row for row in rows}
    assert by_fee["transaction fee"]["amount"] == Decimal("5.00")
    assert "minimum 5.00" in by_fee["transaction fee"]["from"]


def test_a_penalty_is_told_with_its_label(warehouse: Settings) -> None:
    _, rows = section(story(warehouse, "S-5"), "Fees")
    assert [(row["fee"], row["amount_eur"], row["from"]) for row in rows] == [
        ("penalty", Decimal("15.00"), "Penalty Fee: -15.00")
    ]


def test_payout_stands_beside_schedule(warehouse: Settings) -> None:
    with open_book(warehouse) as book:
        told = explain_payout(book, "S-1")[0]
    says, rows = section(told, "Payout as stated")
    assert {row["step"]: row["amount"] for row in rows}["= difference"] == 0
    assert "to the cent" in says
    _, fees = section(told, "Beside the fee schedule")
    # 150 at the first level's 9 %; 10.00 were charged.
    transaction = next(row for row in fees if row["fee"] == "transaction")
    assert transaction["by_schedule"] == Decimal("13.50")
    assert transaction["more_charged"] == Decimal("-3.50")


@pytest.mark.parametrize("name", ["DZ1-100", "dz1 100", "P-1"])
def test_product_tells_rules_and_the_owners_word(warehouse: Settings, name: str) -> None:
    with open_book(warehouse) as book:
        (told,) = explain_product(book, name)
    says, rows = section(told, "Labels")
    assert "You corrected it" in says
    by_label = {row["label"]: row for row in rows}
    assert by_label["brand"]["is"] == "Jordan"
    assert "jordan" in by_label["brand"]["evidence"].lower()
    assert by_label["style code"]["your_word"] == "DZ1-100"
    _, history = section(told, "How its labels changed")
    assert [(row["brand"], row["category"]) for row in history] == [("Jordan", "sneakers")]
    _, matches = section(told, "What is taken for it")
    bought = next(row for row in matches if row["items"] == "purchase")
    assert bought == {
        "items": "purchase", "platform": "csv", "because_of": "test", "rows": 3, "least_score": 1,
        "for_example": bought["for_example"],
    }  # fmt: skip


def test_unknown_names_are_one_sentence_with_the_nearest(warehouse: Settings) -> None:
    with open_book(warehouse) as book:
        with pytest.raises(NotFound, match=r"there is no order S-77; nearest: S-7"):
            explain_order(book, "S-77")
        with pytest.raises(NotFound, match=r"R-12345, .*refused \(its price .*rejected show 1`"):
            explain_order(book, "R-12345")
        with pytest.raises(SoleflipError, match="there is no channel amazon: say one of alias"):
            explain_order(book, "S-1", "amazon")
        with pytest.raises(NotFound, match=r"there is no order S-1 on ebay; nearest: E-1, B-1"):
            explain_order(book, "S-1", "ebay")
        with pytest.raises(NotFound, match=r"no payout has this id, and there is no order S-77; n"):
            explain_payout(book, "S-77")
        with pytest.raises(NotFound, match=r"there is no product DZ1-10; nearest: DZ1-100"):
            explain_product(book, "DZ1-10")


def test_loaded_and_not_built_yet_says_what_to_run(warehouse: Settings) -> None:
    late = small_business.order("S-9", "CREATED", "2026-03-30T10:00:00.000Z", "90", "EUR")
    with connect(warehouse, "loader") as conn:
        load_batch(
            conn, small_business.ORDERS, [Record(("S-9",), late)], BatchSource("test", "api")
        )
    with open_book(warehouse) as book, pytest.raises(NotFound, match="rebuild_marts"):
        explain_order(book, "S-9")


def test_nothing_personal_is_told(warehouse: Settings) -> None:
    with open_book(warehouse) as book:
        told = [
            each
            for number in ("B-1", "B-2", "100")
            for each in explain_order(book, number, with_payload=True)
        ]
    text = json.dumps(as_json(told), default=str)
    assert "ORDER_STATUS_COMPLETED" in text
    assert "secret" not in text


def test_a_wrong_mart_is_found_out(warehouse: Settings) -> None:
    assert warehouse.database_url is not None
    # Half a euro more than the steps come to, as a defect in a model would have it.
    change = b"update sales.\"order\" set net_profit = net_profit %s 0.5 where order_number = 'S-1'"
    with psycopg.connect(warehouse.database_url.get_secret_value(), autocommit=True) as conn:
        conn.execute(change.replace(b"%s", b"+"))
        try:
            done = call(warehouse, "explain", "order", "S-1", "--json")
        finally:
            conn.execute(change.replace(b"%s", b"-"))
    assert done.returncode == 1
    assert (
        "the net profit is 30.50 in the marts and 30.00 computed anew"
        in json.loads(done.stdout)[0]["contradictions"]
    )
    assert call(warehouse, "explain", "order", "S-1").returncode == 0


def test_before_the_first_build_there_is_nothing_to_explain(settings: Settings) -> None:
    with pytest.raises(SoleflipError, match="run `soleflip run`"), open_book(settings) as book:
        explain_order(book, "S-1")


@pytest.mark.parametrize("folder", [QUESTIONS, DASHBOARDS], ids=lambda folder: folder.name)
def test_every_kept_query_answers(warehouse: Settings, folder) -> None:  # noqa: ANN001
    queries = load_queries(folder)
    assert len(queries) >= 12
    with connect(warehouse, "reader", autocommit=True) as conn:
        for query in queries:
            columns, _ = answer(conn, query)
            assert len(columns) >= 4, query.name
            assert query.title.endswith((".", "?")), query.name
