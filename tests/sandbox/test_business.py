"""The generated business: the same for the same arguments, and true to its own definitions."""

from __future__ import annotations

import csv
import hashlib
import json
import random
import sqlite3
from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from soleflip_pipelines.sandbox import storage
from soleflip_pipelines.sandbox.business import Generation, current_generation
from soleflip_pipelines.sandbox.demand import HISTORY_DAYS
from soleflip_pipelines.sandbox.payout_gaps import GapMaker
from soleflip_pipelines.sandbox.payouts import (
    MINIMUM_FEE,
    PROCESSING_RATE,
    SHIPPING,
    FeeSchedule,
    money,
)
from soleflip_pipelines.sandbox.rates import ReferenceRates
from tests.sandbox.conftest import UNTIL, make_business

pytestmark = pytest.mark.unit
FEES = ("transaction", "processing", "shipping", "other")


def _digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_same_arguments_same_bytes(tmp_path: Path, business: Path) -> None:
    again = make_business(tmp_path, 300)
    assert _digests(again) == _digests(business)


def test_another_seed_is_another_business(tmp_path: Path, business: Path) -> None:
    other = make_business(tmp_path, 300, seed=8)
    ours, theirs = set(_digests(business).values()), set(_digests(other).values())
    assert ours.isdisjoint(theirs)


@pytest.mark.parametrize("orders", [0, 1, 10, 300])
def test_exactly_so_many_orders(tmp_path: Path, orders: int) -> None:
    folder = make_business(tmp_path, orders)
    served = storage.open_read_only(folder / storage.BUSINESS)
    truth = storage.open_read_only(folder / storage.TRUTH)
    true = "(select * from sold_order where platform = 'stockx')"
    for connection, table in ((served, "sold_order"), (truth, true)):
        count, distinct = connection.execute(
            f"select count(*), count(distinct order_number) from {table}"
        ).fetchone()
        assert (count, distinct) == (orders, orders)
    positions = [
        row[0]
        for row in served.execute(
            "select history_position from sold_order where history_position is not null order by 1"
        )
    ]
    assert positions == list(range(1, len(positions) + 1))
    last = served.execute("select max(updated_at) from sold_order").fetchone()[0]
    assert last is None or last < UNTIL.isoformat()


def test_payouts_add_up(full_business: Path, truth: sqlite3.Connection) -> None:
    """Every stored adjustment is in cents; what a sale pays is its price and its adjustments."""
    odd = {n for (n,) in truth.execute(
        "select order_number from payout_gap where reason = 'unexplained'"
    )}  # fmt: skip
    served = storage.open_read_only(full_business / storage.BUSINESS)
    labels = Counter[str]()
    for row in served.execute("select * from sold_order"):
        lines = json.loads(row["adjustments"])
        labels.update(label for label, _, _ in lines)
        for label, amount, share in lines:
            assert Decimal(amount).as_tuple().exponent == -2
            if label.startswith("Transaction Fee") and row["order_number"] not in odd:
                charged = -Decimal(amount) / Decimal(row["amount"])
                assert abs(charged - Decimal(share)) < Decimal("0.001")
                assert Decimal("0.07") <= Decimal(share) <= Decimal("0.09")
            if label == "Seller Penalty (15%)":
                assert row["status"] == "DIDNOTSHIP"
                assert -Decimal(amount) >= 15
    assert {"MinTransactionFee", "Minimum Transaction Fee", "Payment Proc. (3%)"} <= set(labels)
    assert {"Shipping", "InPersonDropOff", "Seller Penalty (15%)"} <= set(labels)


def test_a_planted_gap_is_never_nothing() -> None:
    """Of a payout of some cents another rate of exchange takes nothing, so it explains nothing."""
    first = UNTIL - timedelta(days=HISTORY_DAYS)
    fees, day = FeeSchedule(300, first, UNTIL), UNTIL - timedelta(days=9)
    rates = ReferenceRates(7, first - timedelta(days=9), UNTIL)
    rng = random.Random(7)
    maker = GapMaker(rng, fees, rates, UNTIL)
    gaps = []
    for price in (Decimal("11.34"), Decimal("11.40"), Decimal("120.00")):
        for _ in range(2_000):
            planned = fees.payout(price, "EUR", day, rng)
            gaps += maker.plant(planned, price, "EUR", day).gaps
    assert {reason for reason, _ in gaps} >= {"currency", "shipping", "missing payout"}
    assert all(amount for _, amount in gaps)


def test_a_payout_is_what_the_schedule_says_and_its_planted_gaps(
    full_business: Path, truth: sqlite3.Connection
) -> None:
    served = storage.open_read_only(full_business / storage.BUSINESS)
    meta = dict(served.execute("select key, value from meta"))
    until = date.fromisoformat(meta["until"])
    fees = FeeSchedule(int(meta["orders"]), until - timedelta(days=HISTORY_DAYS), until)
    gaps: dict[str, Decimal] = defaultdict(Decimal)
    reasons = set()
    for row in truth.execute("select * from payout_gap where platform = 'stockx'"):
        gaps[row["order_number"]] += Decimal(row["amount"])
        reasons.add(row["reason"])
    assert reasons == {
        "level change", "minimum fee", "shipping", "promotion", "penalty", "rounding", "currency",
        "refund", "double charge", "missing payout", "unexplained",
    }  # fmt: skip
    for sale in truth.execute(
        "select order_number, amount, currency, sold_on from sold_order"
        " where platform = 'stockx' and net_payout is not null and is_sale"
    ):
        row = served.execute(
            "select * from sold_order where order_number = ?", (sale["order_number"],)
        ).fetchone()
        price, day = Decimal(sale["amount"]), date.fromisoformat(sale["sold_on"])
        if day < date(2023, 8, 1):
            continue
        paid = price + sum(Decimal(amount) for _, amount, _ in json.loads(row["adjustments"]))
        fee = max(money(price * fees.rate(day)), MINIMUM_FEE[sale["currency"]])
        due = price - fee - money(price * PROCESSING_RATE) - Decimal(SHIPPING[sale["currency"]])
        assert paid - due == gaps[sale["order_number"]], sale["order_number"]


def test_no_two_sales_on_one_unit(truth: sqlite3.Connection) -> None:
    doubles = truth.execute(
        "select line_key, unit_no from sold_order where line_key is not null and is_sale "
        "group by 1, 2 having count(*) > 1"
    ).fetchall()
    assert doubles == []
    sold = truth.execute(
        "select sum(quantity) from sold_order where is_sale and cost is not null"
    ).fetchone()[0]
    assert sold == truth.execute("select sum(status = 'sold') from unit").fetchone()[0]
    lonely = truth.execute(
        "select count(*) from sold_order o left join unit u using (line_key, unit_no) "
        "where o.is_sale and o.line_key is not null "
        "and (u.order_number is not o.order_number or u.status <> 'sold' or u.cost <> o.cost)"
    ).fetchone()[0]
    assert lonely == 0


def test_profit_is_what_is_left(truth: sqlite3.Connection) -> None:
    states = Counter[str]()
    for row in truth.execute("select * from sold_order"):
        states[row["state"]] += 1
        fees = sum(
            Decimal(row[f"{kind}_fee"])
            for kind in ("transaction", "processing", "shipping", "other")
        )
        if row["state"] == "not_a_sale":
            assert Decimal(row["net_profit"]) == -Decimal(row["penalty"])
            assert row["line_key"] is None
        elif row["state"] == "no_cost":
            assert (row["cost"], row["net_profit"], row["line_key"]) == (None, None, None)
        elif row["state"] in ("estimated", "no_fees"):
            assert (row["net_payout"], row["net_profit"]) == (None, None)
            assert row["cost"] is not None
            assert (row["state"] == "no_fees") == (row["sources"] == "report")
        else:
            assert Decimal(row["net_payout"]) == Decimal(row["gross"]) - fees
            names = ("cost", "vat_due", "outbound_cost", "penalty")
            costs = sum(Decimal(row[name]) for name in names)
            assert Decimal(row["net_profit"]) == Decimal(row["net_payout"]) - costs
            assert row["platform"] == "ebay" or Decimal(row["vat_due"]) == 0
    assert set(states) == {
        "not_a_sale", "no_cost", "no_fees", "estimated", "payout_seen", "reconciled",
    }  # fmt: skip
    assert 0.85 < 1 - states["no_cost"] / (states.total() - states["not_a_sale"]) < 1


def test_units_share_their_line_to_the_cent(truth: sqlite3.Connection) -> None:
    """The costs of a line's units differ by one cent at most, the dearer ones first."""
    lines: dict[str, list[Decimal]] = {}
    for row in truth.execute("select line_key, cost from unit order by line_key, unit_no"):
        lines.setdefault(row["line_key"], []).append(Decimal(row["cost"]))
    shared = [costs for costs in lines.values() if len(costs) > 1]
    assert shared
    for costs in shared:
        assert costs == sorted(costs, reverse=True)
        assert costs[0] - costs[-1] in (Decimal("0.00"), Decimal("0.01"))


def test_papers_are_dirty_in_the_known_ways(full_business: Path) -> None:
    """What the traps need is in the files: encodings, delimiters, comma, doubled headers."""
    papers = sorted((full_business / storage.PAPERS).rglob("*.csv"))
    raw = {path.name: path.read_bytes() for path in papers}
    assert any(body.startswith(b"\xef\xbb\xbf") for body in raw.values())
    assert any(b"Gr\xf6\xdfe" in body for body in raw.values())
    assert any(body.count(b"Bestellnummer") > 1 for body in raw.values())
    assert any(b"\nSumme;" in body for body in raw.values())
    assert any(b"tbd" in body for body in raw.values())
    assert any(b" \x80" in body for body in raw.values())
    sheet = next(path for path in papers if path.name.startswith("sales"))
    with sheet.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter=";"))
    linked = [row for row in rows if row["Einheit"]]
    assert 0.2 < len(linked) / len(rows) < 0.7


def test_known_shares_of_the_default_business(
    full_business: Path, truth: sqlite3.Connection
) -> None:
    """The business of the first start has the size and the long tail that it is meant to have."""
    served = storage.open_read_only(full_business / storage.BUSINESS)
    products, brands, categories, coded = truth.execute(
        "select count(*), count(distinct brand), count(distinct category), "
        "avg(style_code is not null) from product"
    ).fetchone()
    assert 700 <= products <= 712
    assert 63 <= brands <= 67
    assert categories == 8
    assert 0.86 <= coded <= 0.94
    once, most = served.execute(
        "select sum(n = 1), max(n) from (select count(*) n from sold_order "
        "group by product_position)"
    ).fetchone()
    assert 420 <= once <= 500
    assert most <= 30
    matched, sales = truth.execute(
        "select sum(cost is not null), sum(is_sale) from sold_order where platform = 'stockx'"
    ).fetchone()
    assert 0.89 <= matched / sales <= 0.96
    on_hand, sold = truth.execute(
        "select sum(status <> 'sold'), sum(status = 'sold') from unit"
    ).fetchone()
    assert 0.12 <= on_hand / sold <= 0.22
    fridays = sum(
        date.fromisoformat(row[0]).weekday() == 4
        for row in truth.execute("select sold_on from sold_order where platform = 'stockx'")
    )
    assert 0.14 <= fridays / 1106 <= 0.21
    shares = dict(
        truth.execute("select platform, count(*) / 1106.0 from sold_order group by 1").fetchall()
    )
    assert 0.06 <= shares["ebay"] <= 0.11
    assert 0.035 <= shares["alias"] <= 0.065
    assert truth.execute("select sum(method = 'linked') from sold_order").fetchone()[0] > 20


def test_a_part_is_no_generation(tmp_path: Path) -> None:
    """Only a business whose truth and papers belong to it counts as there."""
    assert current_generation(tmp_path) is None
    make_business(tmp_path, 10)
    generation = current_generation(tmp_path)
    assert generation == Generation(7, 10, UNTIL).generation_id
    (tmp_path / storage.TRUTH).rename(tmp_path / "elsewhere")
    assert current_generation(tmp_path) is None
    make_business(tmp_path, 11)
    assert current_generation(tmp_path) == Generation(7, 11, UNTIL).generation_id
    (tmp_path / "elsewhere").replace(tmp_path / storage.TRUTH)
    assert current_generation(tmp_path) is None
