"""Money out of any reader: exactly the amount that was written, or a row in the quarantine."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from jinja2 import Environment

from soleflip_pipelines.clients.awin import FeedRow
from soleflip_pipelines.ingestion import alias, awin, ebay, stockx_market, stockx_orders
from soleflip_pipelines.settings import PROJECT_ROOT
from soleflip_pipelines.warehouse.loader import Record, Rejection
from tests.ingestion.test_ebay import line
from tests.unit.imports.conftest import judged

Judged = Record | Rejection
MILLION = Decimal(1_000_000)
CASTS = PROJECT_ROOT / "dbt_project/macros/casts.sql"
AT = "2026-01-01T00:00:00Z"
amounts = (
    st.decimals(-(10**11), 10**11, places=2).map(str)
    | st.decimals(-(10**6) - 2, 10**6 + 2, places=4).map(str)
    | st.text(st.sampled_from("0123456789.,-+ eE_'\u0663\u00a0\x1c\t"), max_size=14)
    | st.sampled_from(["0", "-0.00", "1000000", "1000000.01", "999999.999", "NaN", "1e5", "+7"])
)


def stockx_order(text: object, path: str = "amount", currency: str = "EUR") -> Judged:
    payout: dict[str, Any] = {
        "totalPayout": "5",
        "currencyCode": currency,
        "adjustments": [{"amount": "-1"}],
    }
    order: dict[str, Any] = {
        "orderNumber": "A", "status": "COMPLETED", "amount": "140", "currencyCode": currency,
        "createdAt": AT, "payout": payout,
    }  # fmt: skip
    if path == "amount":
        order["amount"] = text
    elif path == "adjustment":
        payout["adjustments"] = [{"amount": "-1"}, {"amount": text}]
    else:
        payout[path] = text
    return stockx_orders.ORDER_FORM.record(order, "page 1")


def market(text: object) -> Judged:
    found = {"variantId": "v", "productId": "p", "currencyCode": "EUR", "highestBidAmount": text}
    return stockx_market.MARKET_FORM.record(found, "p")


def ebay_order(text: object) -> Judged:
    sold = [line(1), line(2, lineItemCost={"value": text, "currency": "EUR"})]
    order = {
        "orderId": "1", "creationDate": AT, "lastModifiedDate": AT, "lineItems": sold,
        "orderFulfillmentStatus": "FULFILLED", "orderPaymentStatus": "PAID",
    }  # fmt: skip
    return ebay.ORDER_FORM.record(order, "page 1")


def alias_order(cents: object) -> Judged:
    order = {
        "id": "1", "status": "SOLD", "purchase_order_number": 1, "price_cents": cents,
        "sold_at": AT,
    }  # fmt: skip
    return alias.ORDER_FORM.record(order, "page 1")


def offer(text: object) -> Judged:
    header = ["aw_product_id", "search_price", "currency"]
    cells = ["1", str(text), "EUR"]
    row = FeedRow(2, dict(zip(header, cells, strict=True)), cells, header)
    return awin.judge_offer("7", row, "feed 7, line 2")


READERS: dict[str, tuple[Callable[[Any], Judged], str]] = {
    "a StockX sale": (stockx_order, "above zero"),
    "a StockX payout": (lambda text: stockx_order(text, "totalPayout"), "any"),
    "a StockX sale price": (lambda text: stockx_order(text, "salePrice"), "not below zero"),
    "a StockX adjustment": (lambda text: stockx_order(text, "adjustment"), "any"),
    "a StockX bid": (market, "above zero"),
    "an eBay line": (ebay_order, "above zero"),
    "an offer": (offer, "above zero"),
}
NEEDED = ("a StockX sale", "an eBay line")
any_amount = settings(max_examples=200, deadline=None)


def number(text: str) -> Decimal | None:
    """The amount that a partner's text is, if it is one."""
    bare = text.strip(" \t")
    return Decimal(bare) if re.fullmatch(r"[-+]?[0-9]{1,10}(\.[0-9]+)?", bare) else None


@pytest.mark.unit
@pytest.mark.parametrize("name", READERS)
@any_amount
@given(amounts)
def test_a_text_is_kept_as_it_is_or_refused(name: str, text: str) -> None:
    read, sign = READERS[name]
    is_blank = text == "" and name not in NEEDED
    found, amount = read(text), number(text)
    is_right = amount is not None and abs(amount) <= MILLION
    if amount is not None and sign != "any":
        is_right &= amount >= 0 if sign == "not below zero" else amount > 0
    assert isinstance(found, Record) == (is_right or is_blank)
    if isinstance(found, Rejection):
        is_absurd = amount is not None and abs(amount) > MILLION and (amount > 0 or sign == "any")
        assert (found.reason_code == "implausible") == is_absurd
        assert found.field
        assert found.reason.startswith(found.field)
    else:
        assert repr(text)[1:-1] in repr(found.payload)


@pytest.mark.unit
@any_amount
@given(st.integers(-(10**12), 10**14) | st.integers(0, 10**9).map(str) | amounts)
@example(0)
@example(100_000_000)
@example(100_000_001)
def test_cents_are_whole_and_of_a_believable_amount(cents: int | str) -> None:
    is_whole = isinstance(cents, int) or re.fullmatch(r"[0-9]{1,12}", cents)
    is_right = is_whole and 0 < Decimal(cents) / 100 <= MILLION
    assert isinstance(alias_order(cents), Record) == bool(is_right)


@pytest.mark.unit
def test_an_absurd_amount_is_refused_with_what_to_do() -> None:
    found = stockx_order("2350000.00", "adjustment")
    assert isinstance(found, Rejection)
    assert (found.reason_code, found.field) == ("implausible", "payout.adjustments.amount")
    assert found.reason == (
        "payout.adjustments.amount is 2,350,000.00 EUR, and nothing is over 1,000,000: correct it "
        "at its source, or here with `soleflip rejected retry`"
    )
    assert isinstance(stockx_order("2350000.00", currency="JPY"), Record)
    assert isinstance(stockx_order("2350000000.00", currency="JPY"), Rejection)
    # What no currency is beside is held to the stricter bound.
    assert isinstance(stockx_order("2350000.00", currency=""), Rejection)


def purchase(folder: Path, cell: str, currency: str) -> Judged:
    sheet = folder / "purchases.csv"
    header = "Supplier;Order;Date;Item;Quantity;Price;Currency"
    row, _ = judged(sheet, f'{header}\nShop;1;2025-01-02;Shoe;1;"{cell}";{currency}\n')
    return row[0]


@pytest.mark.unit
@settings(any_amount, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.decimals(-(10**10), 10**10, places=2) | st.decimals(-2, 10**6 + 2, places=2),
    st.sampled_from([",.", ".,", "'.", " ,"]),
    st.sampled_from(["EUR", "JPY"]),
)
def test_a_cell_is_exactly_its_amount_or_refused(
    tmp_path: Path, amount: Decimal, marks: str, currency: str
) -> None:
    cell = f"{amount:,.2f}".translate(str.maketrans(",.", marks))
    found = purchase(tmp_path, cell, currency)
    # Nine digits before the mark are all that a cell is read with.
    most = MILLION if currency == "EUR" else 1_000 * MILLION - Decimal("0.01")
    assert isinstance(found, Record) == (0 < amount <= most)
    if isinstance(found, Record):
        assert Decimal(found.payload["unit_price"]) == amount
    elif amount > MILLION and abs(amount) < 1_000 * MILLION:
        assert (found.reason_code, found.field) == ("implausible", "unit_price")
        assert found.reason.startswith(f"unit_price is {amount:,.2f} {currency}, and nothing")


@pytest.mark.integration
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(amounts, min_size=20, max_size=40), st.lists(st.integers(1, 10**8), min_size=9))
def test_staging_reads_what_was_let_in_to_the_cent(
    conn: psycopg.Connection, texts: list[str], cents: list[int]
) -> None:
    casts: Any = Environment(autoescape=False).from_string(CASTS.read_text("utf-8")).module
    let_in = [text for text in texts if text and isinstance(stockx_order(text), Record)]
    query = f"select {casts.to_money('t')} from unnest(%s::text[]) with ordinality as n (t, o)"
    found = conn.execute(f"{query} order by o", [let_in]).fetchall()
    assert [value for (value,) in found] == [
        Decimal(text.strip()).quantize(Decimal("0.01"), ROUND_HALF_UP) for text in let_in
    ]
    query = (
        f"select {casts.cents_to_money('t')} from unnest(%s::text[]) with ordinality as n (t, o)"
    )
    found = conn.execute(f"{query} order by o", [[str(n) for n in cents]]).fetchall()
    assert [value for (value,) in found] == [Decimal(n) / 100 for n in cents]
