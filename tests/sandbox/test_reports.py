"""The reports and lists of the generated business: whole, true, and flawed where they should be."""

from __future__ import annotations

import csv
import io
import sqlite3
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from soleflip_pipelines.sandbox import storage
from tests.sandbox.conftest import UNTIL

pytestmark = pytest.mark.unit
Rows = list[dict[str, str]]


def _rows(business: Path, begin: str, encoding: str = "utf-8", delimiter: str = ",") -> Rows:
    (path,) = (business / storage.PAPERS).glob(f"*/{begin}*.csv")
    text = path.read_bytes().decode(encoding).lstrip()
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter))


def _true(truth: sqlite3.Connection, platform: str) -> dict[tuple[str, str], sqlite3.Row]:
    """Sales that the report of a marketplace has, by order number and line."""
    return {
        (row["order_number"], row["order_line"]): row
        for row in truth.execute("select * from sold_order where platform = ?", (platform,))
        if "report" in row["sources"].split(",")
    }


def _planted(truth: sqlite3.Connection, kind: str) -> int:
    sql = "select count(*) from rejected_row where kind = ?"
    return int(truth.execute(sql, (kind,)).fetchone()[0])


def test_stockx_report(full_business: Path, truth: sqlite3.Connection) -> None:
    rows = _rows(full_business, "stockx_historical")
    assert len(rows[0]) == 44
    sound = [r for r in rows if r["Order Number"] and r["Sale Date"] != "soon"]
    true = _true(truth, "stockx")
    assert len(rows) - len(sound) == _planted(truth, "stockx") == 2
    assert Counter((r["Order Number"], "1") for r in sound) == Counter(list(true))
    blank = 0
    unnamed = {n for (n,) in truth.execute(
        "select order_number from payout_gap"
        " where reason in ('rounding', 'penalty', 'unexplained') and platform = 'stockx'"
    )}  # fmt: skip
    for row in sound:
        sale = true[row["Order Number"], "1"]
        assert Decimal(row["Listing Price"]) == Decimal(sale["amount"])
        assert row["Sale Date"][:4] == str(UNTIL.year - 1)
        names = ("Seller Fee", "Payment Processing", "Shipping Fee")
        fees = [Decimal(row[name] or 0) for name in names]
        assert all((row[f"{n} Currency"] == "N/A") == (not row[n]) for n in names)
        rest = Decimal(row["Listing Price"]) - sum(fees)
        blank += not row["Seller Fee"]
        is_told = row["Seller Fee"] and row["Order Number"] not in unnamed
        assert not is_told or rest == Decimal(row["Total Gross Amount (Total Payout)"])
    assert 0 < blank < len(sound) / 10
    paid: dict[str, list[dict[str, str]]] = {}
    for row in sound:
        paid.setdefault(row["Provider Transaction ID"], []).append(row)
    lacking = {
        ref: sum(Decimal(row["Total Gross Amount (Total Payout)"]) for row in rows)
        - Decimal(rows[0]["Total Invoice Amount"])
        for ref, rows in paid.items()
    }
    assert max(map(len, paid.values())) > 1
    assert lacking == {
        ref: Decimal(text) for ref, text in truth.execute("select payout_ref, lacking from payout")
    }
    assert any("\n" in row["Special references"] for row in rows)
    assert any('"' in row["Seller Address (Billing)"] for row in rows)


def test_ebay_report(full_business: Path, truth: sqlite3.Connection) -> None:
    """It has the first eighteen months, without what was cancelled or given back."""
    rows = [row for row in _rows(full_business, "eBay", "utf-8-sig") if row["Item Title"]]
    sound = [r for r in rows if r["Order Number"] and r["Sold For"] != "tbd"]
    true = _true(truth, "ebay")
    assert len(rows) - len(sound) == _planted(truth, "ebay") == 2
    assert Counter((r["Order Number"], r["Transaction ID"]) for r in sound) == Counter(list(true))
    doors = Counter(row["sources"].split(",")[0] for row in true.values())
    assert doors["api"] > 0
    assert doors["report"] > 0
    for row in sound:
        sale = true[row["Order Number"], row["Transaction ID"]]
        price, delivery, total = (
            Decimal(row[name].removeprefix("€").replace(",", ""))
            for name in ("Sold For", "Shipping And Handling", "Total Price")
        )
        assert price * int(row["Quantity"]) + delivery == total == Decimal(sale["amount"])
        assert int(row["Quantity"]) == sale["quantity"]
        assert date.fromisoformat(sale["sold_on"]).strftime("%y") == row["Sale Date"][-2:]
        assert sale["status"] == "completed"


def test_alias_report(full_business: Path, truth: sqlite3.Connection) -> None:
    """Whole dollars in a column that is called cents, and days first."""
    rows = _rows(full_business, "alias_sales")
    price = "PRODUCT_PRICE_CENTS_SALE_PRICE"
    sound = [r for r in rows if r["ORDER_NUMBER"] and r[price] != "tbd"]
    true = _true(truth, "alias")
    assert len(rows) - len(sound) == _planted(truth, "alias") > 0
    assert Counter((r["ORDER_NUMBER"], "1") for r in sound) == Counter(list(true))
    for row in sound:
        sale = true[row["ORDER_NUMBER"], "1"]
        assert Decimal(row[price]) == Decimal(sale["amount"])
        day, month, year = row["PURCHASED_DATE"].split("/")
        assert sale["sold_on"] == f"20{year}-{month}-{day}"


def test_product_list(full_business: Path, truth: sqlite3.Connection) -> None:
    rows = _rows(full_business, "product_list")
    sound = [r for r in rows if r["Name"] and r["Retail Price"] != "tbd"]
    assert len(rows) - len(sound) == _planted(truth, "products") == 2
    titles = Counter(row[0] for row in truth.execute("select title from product"))
    assert Counter(row["Name"] for row in sound) == titles


def test_stock_count(full_business: Path, truth: sqlite3.Connection) -> None:
    """It counts what is on hand, and nothing that is lost or still on its way."""
    rows = _rows(full_business, "stock_count", "cp1252", ";")
    assert rows.pop()["Artikel"] == "Summe"
    sound = [r for r in rows if r["Menge"] != "viele" and r["Zähldatum"] != "gestern"]
    assert len(rows) - len(sound) == _planted(truth, "stock_count") == 2
    keys = Counter(tuple(r.values())[1:6] for r in sound)
    assert max(keys.values()) == 1
    on_hand = truth.execute(
        "select count(*) from unit where status = 'on_hand' and variant_id is not null"
        " and lost_on is null"
    ).fetchone()[0]
    assert sum(int(row["Menge"].removesuffix(" Stk")) for row in sound) == on_hand


def test_what_was_counted_is_noted(full_business: Path) -> None:
    meta = storage.read_meta(full_business / storage.TRUTH) or {}
    truth = storage.open_read_only(full_business / storage.TRUTH)
    for platform in ("stockx", "ebay", "alias"):
        assert int(meta[f"{platform}_report_rows"]) == len(_true(truth, platform))
    planted = truth.execute("select count(*) from rejected_row").fetchone()[0]
    assert int(meta["rejected_rows"]) == planted
