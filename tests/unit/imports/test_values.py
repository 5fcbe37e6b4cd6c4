"""How cells are read: what people write for money, numbers, days and rates."""

from __future__ import annotations

import pytest

from soleflip_pipelines.imports import days, values
from soleflip_pipelines.imports.values import BadValue, Money

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("cell", "amount", "currency"),
    [
        ("129", "129", None),
        ("129,9", "129.9", None),
        ("1.234,56 €", "1234.56", "EUR"),
        ("€ 129.95", "129.95", "EUR"),
        ("EUR 129,95", "129.95", "EUR"),
        ("129,95 Euro", "129.95", "EUR"),
        ("$1,234.50", "1234.50", "USD"),
        ("£89.50", "89.50", "GBP"),
        ("CHF 1'234.50", "1234.50", "CHF"),
        ("1,234.56", "1234.56", None),
        ("1.234.567,89", "1234567.89", None),
        ("12 345,67", "12345.67", None),
        ("12\u00a0345,67", "12345.67", None),
        ("1.234", "1234", None),
        ("1,234", "1234", None),
        ("0,125", "0.125", None),
        ("23500.0000", "23500.0000", None),
        ("129,-", "129", None),
        ("129,\u2013", "129", None),
        ("-5,00", "-5.00", None),
        ("\u22125,00", "-5.00", None),
        ('="129,95"', "129.95", None),
    ],
)
def test_money(cell: str, amount: str, currency: str | None) -> None:
    assert values.money(cell) == Money(amount, currency)


@pytest.mark.parametrize("cell", ["", "  ", "-", "\u2013", "N/A", "n/a", "k.A.", "#NV", "null"])
def test_nothing_is_none(cell: str) -> None:
    assert values.money(cell) is None
    assert values.text(cell) is None
    assert days.day(cell) is None
    assert values.count(cell) is None


@pytest.mark.parametrize(
    "cell",
    ["tbd", "1.2E+3", "12,34,567.00", "1.23.4", "1..2", "5-", ".5", "12 abc", "1234567890",
     "1,2,3", "--5", "٣"],
)  # fmt: skip
def test_money_that_is_not_certain_is_refused(cell: str) -> None:
    with pytest.raises(BadValue) as caught:
        values.money(cell)
    assert caught.value.code == "bad_number"
    assert cell in caught.value.remedy


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("2024-03-05", "2024-03-05"),
        ("2024/3/5", "2024-03-05"),
        ("20240305", "2024-03-05"),
        ("05.03.2024", "2024-03-05"),
        ("5.3.24", "2024-03-05"),
        ("03/04/25", "2025-04-03"),
        ("05-03-2024", "2024-03-05"),
        ("5 Mar 2024", "2024-03-05"),
        ("5th March 2024", "2024-03-05"),
        ("March 5, 2024", "2024-03-05"),
        ("5. März 2024", "2024-03-05"),
        ("05-Dez-24", "2024-12-05"),
        ("12 Dez. 2024", "2024-12-12"),
        ("29.02.2024", "2024-02-29"),
        ("2024-03-05 13:22:10 +00", "2024-03-05"),
        ("2024-03-05T13:22:10.000Z", "2024-03-05"),
        ("05.03.2024 09:15", "2024-03-05"),
    ],
)
def test_days(cell: str, expected: str) -> None:
    assert days.day(cell) == expected


@pytest.mark.parametrize(
    "cell",
    [
        "soon",
        "03/25/2024",
        "31.02.2024",
        "03.25.2024",
        "29.02.2023",
        "45356",
        "1.1.1999",
        "2024-13-01",
    ],
)
def test_days_that_are_none_are_refused(cell: str) -> None:
    with pytest.raises(BadValue, match="2025-04-03") as caught:
        days.day(cell)
    assert caught.value.code == ("month_first" if cell == "03/25/2024" else "bad_date")


@pytest.mark.parametrize(
    ("cell", "expected"),
    [("19 %", "0.1900"), ("19", "0.1900"), ("0,19", "0.1900"), ("0.07", "0.0700"), ("0", "0.0000"),
     ("19,0%", "0.1900"), ("0,5 %", "0.0050")],
)  # fmt: skip
def test_rates(cell: str, expected: str) -> None:
    assert values.rate(cell) == expected


@pytest.mark.parametrize("cell", ["120", "-19 %", "x"])
def test_rates_beyond_reason_are_refused(cell: str) -> None:
    with pytest.raises(BadValue):
        values.rate(cell)


@pytest.mark.parametrize(
    ("cell", "expected"), [("1", "1"), ("2 Stk", "2"), ("3x", "3"), ("1,00", "1"), ("007", "7")]
)
def test_counts(cell: str, expected: str) -> None:
    assert values.count(cell) == expected


@pytest.mark.parametrize("cell", ["1,5", "1.000", "two", "100001"])
def test_counts_that_are_not_certain_are_refused(cell: str) -> None:
    with pytest.raises(BadValue):
        values.count(cell)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [("Regelbesteuerung", "standard"), ("Differenzbesteuerung", "margin"), ("§ 25a UStG", "margin"),
     ("keine", "none"), ("none", "none"), ("", None), ("N/A", None)],
)  # fmt: skip
def test_vat_schemes(cell: str, expected: str | None) -> None:
    assert values.vat_scheme(cell) == expected


@pytest.mark.parametrize(
    ("header", "folded", "currency"),
    [("Unit Price (EUR)", "unit price", "EUR"), ("Preis in €", "preis", "EUR"),
     ("Größe", "groesse", None), ("GRÖẞE", "groesse", None), ("Order-No.", "order no", None),
     ("MwSt-Satz", "mwst satz", None), ("Stückpreis [£]", "stueckpreis", "GBP")],
)  # fmt: skip
def test_headers(header: str, folded: str, currency: str | None) -> None:
    assert values.folded_header(header) == folded
    assert values.currency_in(header) == currency
