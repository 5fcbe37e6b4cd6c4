"""Refused rows: seen, corrected, loaded from where they lie, or discarded; the ledger balances."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner, Result

from soleflip_pipelines.cli import app
from soleflip_pipelines.clients.awin import FeedRow, named
from soleflip_pipelines.ingestion.awin import OFFERS, judge_offer
from soleflip_pipelines.ingestion.inbox import import_file
from soleflip_pipelines.ingestion.stockx_market import MARKET_DATA, MARKET_FORM
from soleflip_pipelines.ingestion.stockx_orders import ORDER_FORM, ORDERS
from soleflip_pipelines.settings import Settings, get_settings
from soleflip_pipelines.warehouse.loader import BatchSource, load_batch

pytestmark = pytest.mark.integration

ORDER = {
    "orderNumber": "1-1",
    "status": "COMPLETED",
    "amount": "100",
    "createdAt": "2026-01-01T00:00:00Z",
}


@pytest.fixture
def rejected(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs `soleflip rejected` on the test's database."""
    monkeypatch.setenv("SOLEFLIP_HOME", str(settings.home))
    assert settings.database_url is not None
    monkeypatch.setenv("SOLEFLIP_DATABASE_URL", settings.database_url.get_secret_value())
    get_settings.cache_clear()

    def run(*arguments: str, text: str | None = None) -> Result:
        return CliRunner().invoke(app, ["rejected", *arguments], input=text)

    yield run
    get_settings.cache_clear()


def refuse_order(conn: psycopg.Connection, **fields: Any) -> int:
    row = ORDER_FORM.record({**ORDER, **fields}, "page 1, item 1")
    load_batch(conn, ORDERS, [row], BatchSource("stockx", "api"))
    found = conn.execute("select max(rejected_id) from integration.rejected_rows").fetchone()
    conn.commit()
    return int(found[0]) if found else 0


def ledger(conn: psycopg.Connection) -> list[tuple[Any, ...]]:
    return conn.execute(
        "select batch_kind, rows_read, rows_inserted, rows_rejected"
        " from integration.import_batches order by batch_id"
    ).fetchall()


def status(conn: psycopg.Connection, rejected_id: int) -> tuple[Any, ...] | None:
    return conn.execute(
        "select status, settled_at is not null, note from integration.rejected_rows"
        " where rejected_id = %s",
        [rejected_id],
    ).fetchone()


def test_a_corrected_document_loads_with_a_ledger_line_of_its_own(
    conn: psycopg.Connection, rejected: Any, tmp_path: Path
) -> None:
    number = refuse_order(conn, amount="n/a")
    again = rejected("retry", str(number))
    assert again.exit_code == 1
    assert "amount" in again.stdout
    assert status(conn, number) == ("open", False, None)

    worse = tmp_path / "worse.json"
    worse.write_text(json.dumps({**ORDER, "amount": "n/a", "status": ""}))
    assert rejected("retry", str(number), "--with", str(worse)).exit_code == 1
    assert status(conn, number) == ("open", False, None)

    done = rejected("retry", str(number), "--with", "-", text=json.dumps(ORDER))
    assert done.exit_code == 0, done.stdout
    assert "1 new" in done.stdout
    assert ledger(conn) == [("api", 1, 0, 1), ("retry", 1, 1, 0)]
    assert status(conn, number) == ("retried", True, "loaded by batch 2")
    assert conn.execute("select order_number from raw_stockx.orders").fetchall() == [("1-1",)]

    assert refuse_order(conn, amount="n/a") == number
    assert status(conn, number) == ("open", False, "loaded by batch 2")


def test_a_row_of_a_file_is_corrected_by_its_cells(
    settings: Settings, conn: psycopg.Connection, rejected: Any, tmp_path: Path
) -> None:
    file = tmp_path / "einkauf.csv"
    file.write_text(
        "Lieferant;Bestellnummer;Kaufdatum;Artikel;Größe;Menge;Einzelpreis;Währung\n"
        "Testshop;T-1;03.04.2025;Testschuh;US 9;1;100,50;EUR\n"
        "Testshop;T-1;03.04.2025;Testschuh;US 9;1;bald;EUR\n",
        "utf-8",
    )
    result = import_file(settings, conn, file)
    assert (result.inserted, result.rejected) == (1, 1)
    (row,) = json.loads(rejected("list", "--json").stdout)
    number = str(row["rejected_id"])
    shown = json.loads(rejected("show", number, "--json").stdout)
    assert shown["raw_row"].split(";")[6] == "bald"

    wrong = rejected("retry", number, "--set", "Preis=1")
    assert wrong.exit_code == 1
    assert "Einzelpreis" in str(wrong.exception)
    done = rejected("retry", number, "--set", "Einzelpreis=99,50")
    assert done.exit_code == 0, done.stdout
    prices = conn.execute(
        "select line_key, payload ->> 'unit_price' from raw_csv.purchases order by 1"
    ).fetchall()
    assert prices == [("testshop|T-1|1", "100.50"), ("testshop|T-1|2", "99.50")]


def test_all_open_rows_are_tried_and_the_good_ones_loaded(
    conn: psycopg.Connection, rejected: Any
) -> None:
    bad = refuse_order(conn, amount="n/a")
    good = refuse_order(conn, orderNumber="2-2", amount="n/a")
    # As if the rule that refused it had been too strict.
    conn.execute(
        "update integration.rejected_rows set raw_row = replace(raw_row, 'n/a', '5')"
        " where rejected_id = %s",
        [good],
    )
    conn.commit()
    done = rejected("retry", "--all")
    assert done.exit_code == 1
    assert f"{bad} is still refused" in done.stdout
    assert ledger(conn)[-1] == ("retry", 1, 1, 0)
    assert [s[0] for s in (status(conn, bad), status(conn, good)) if s] == ["open", "retried"]


def test_a_discarded_row_stays_settled_when_it_comes_again(
    conn: psycopg.Connection, rejected: Any
) -> None:
    number = refuse_order(conn, amount="n/a")
    assert rejected("discard", str(number), "--note", "a test order").exit_code == 0
    assert refuse_order(conn, amount="n/a") == number
    assert status(conn, number) == ("discarded", True, "a test order")
    assert "no refused row waits" in rejected("list").stdout
    assert "discarded" in rejected("list", "--status", "all").stdout


@pytest.mark.parametrize(
    "arguments",
    [("show", "99"), ("retry",), ("retry", "1", "--all"), ("retry", "--all", "--set", "a=b")],
)
def test_what_cannot_be_meant_is_one_sentence(rejected: Any, arguments: tuple[str, ...]) -> None:
    done = rejected(*arguments)
    assert done.exit_code == 1
    assert "\n" not in str(done.exception)


def quarantined(conn: psycopg.Connection) -> str:
    found = conn.execute("select max(rejected_id) from integration.rejected_rows").fetchone()
    conn.commit()
    assert found is not None
    return str(found[0])


def test_a_corrected_offer_loads_and_its_history_with_it(
    conn: psycopg.Connection, rejected: Any
) -> None:
    header = ["aw_product_id", "search_price", "currency", "in_stock"]
    for number, cells in enumerate((["9", "cheap", "EUR", "1"], ["8", "1"])):
        row = FeedRow(2, named(header, cells), cells, header)
        judged = judge_offer("77", row, f"feed 77, line {number}")
        load_batch(conn, OFFERS, [judged], BatchSource("awin", "feed"))
    short = quarantined(conn)
    assert rejected("retry", short).exit_code == 1
    wrong = rejected("retry", short, "--set", "price=1")
    assert "there is no column price; write one of aw_product_id" in str(wrong.exception)
    first = str(int(short) - 1)
    assert rejected("retry", first, "--set", "search_price=99.50").exit_code == 0
    assert rejected("retry", short, "--with", "-", text="8,12.00,EUR,0").exit_code == 0
    kept = conn.execute(
        "select feed_id, aw_product_id, payload ->> 'search_price' from raw_awin.offers order by 2"
    ).fetchall()
    assert kept == [("77", "8", "12.00"), ("77", "9", "99.50")]
    history = conn.execute(
        "select aw_product_id, price::text, is_in_stock, is_listed from history.offer_change"
        " order by 1"
    ).fetchall()
    assert history == [("8", "12.00", False, True), ("9", "99.50", True, True)]


def test_a_corrected_market_row_is_an_observation_of_when_it_came(
    conn: psycopg.Connection, rejected: Any
) -> None:
    good = {"variantId": "v", "productId": "p", "currencyCode": "EUR", "lowestAskAmount": "120"}
    row = MARKET_FORM.record({**good, "lowestAskAmount": "much"}, "p")
    load_batch(conn, MARKET_DATA, [row], BatchSource("stockx", "api"))
    number = quarantined(conn)
    assert rejected("retry", number, "--with", "-", text=json.dumps(good)).exit_code == 0
    seen = conn.execute(
        "select o.partner_variant_id, o.lowest_ask::text, o.observed_at = r.last_seen_at"
        " from history.market_observation o cross join integration.rejected_rows r"
    ).fetchall()
    assert seen == [("v", "120.00", True)]
