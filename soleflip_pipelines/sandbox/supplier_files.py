"""The supplier files of the generated business: purchase lines as shops and people write them.

Languages, delimiters, encodings, number and date styles and the usual dirt come from
`data/layouts.json`; the rows behind them are `trade.Lot`s.
"""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from soleflip_pipelines.sandbox.sizes import supplier_spelling
from soleflip_pipelines.sandbox.trade import Lot

_NOTHING = ("", "", "N/A", "-")
Row = dict[str, str]


@cache
def load_layouts() -> dict[str, Any]:
    """The file layouts and header words of the data file."""
    source = files("soleflip_pipelines.sandbox").joinpath("data", "layouts.json")
    loaded: dict[str, Any] = json.loads(source.read_text("utf-8"))
    return loaded


def write_number(value: Decimal, style: str) -> str:
    """A number as "1.234,50" (comma) or "1,234.50" (point)."""
    text = f"{value:,.2f}"
    return text.translate(str.maketrans(",.", ".,")) if style == "comma" else text


@dataclass
class SupplierPen:
    """Writes the rows of one supplier's files in that supplier's manner."""

    layout: dict[str, Any]
    rng: random.Random

    @classmethod
    def of(cls, layout: str, rng: random.Random) -> SupplierPen:
        """The pen of a named layout."""
        return cls(load_layouts()["layouts"][layout], rng)

    def row(self, lot: Lot) -> Row:
        """The cells of a purchase line by canonical field, flaws included."""
        money = self.layout["money"].format
        supplier = lot.supplier
        cells = {
            "supplier_name": supplier.name,
            "purchase_ref": lot.reference,
            "line_no": str(lot.line_no),
            "unit_ref": lot.unit_ref or "",
            "purchased_on": self._date(lot.purchased_on),
            "received_on": self._date(lot.received_on) if lot.received_on else self._nothing(),
            "product_name": lot.product.title,
            "brand": lot.product.brand.name if self.rng.random() < 0.8 else "",
            "style_code": self._code(lot),
            "size": supplier_spelling(
                [v.size for v in lot.product.variants], lot.variant.size, self.rng
            ),
            "quantity": str(lot.quantity),
            "unit_price": money(self._number(lot.unit_price)),
            "currency_code": supplier.currency,
            "vat_rate": self._vat(supplier.vat_rate),
            "vat_scheme": load_layouts()["vat_schemes"][self.layout["language"]][
                supplier.vat_scheme
            ],
            "shipping_total": self._optional(lot.shipping_total),
            "cashback_total": self._optional(lot.cashback_total),
            "location": lot.location,
        }
        return cells | _flawed(lot.flaw)

    def _nothing(self) -> str:
        return self.rng.choice(_NOTHING)

    def _date(self, day: date) -> str:
        return day.strftime(self.layout["date"])

    def _number(self, value: Decimal) -> str:
        return write_number(value, self.layout["decimal"])

    def _optional(self, value: Decimal) -> str:
        return self._number(value) if value else self.rng.choice((self._number(value), ""))

    def _vat(self, rate: Decimal) -> str:
        if self.layout["vat"] == "percent":
            return f"{rate * 100:.0f} %"
        text = f"{rate:.2f}"
        return text.replace(".", ",") if self.layout["decimal"] == "comma" else text

    def _code(self, lot: Lot) -> str:
        """The style code with the liberties that papers take; blank where there is none."""
        if lot.product.style_id is None or lot.product.style_code is None:
            return self._nothing()
        draw, code = self.rng.random(), lot.product.style_code
        if draw < 0.06:
            return code.replace("-", " ")
        if draw < 0.11:
            return code.replace("-", "")
        if draw < 0.15:
            return code.lower()
        return lot.product.style_id if draw < 0.6 else code


def is_sound(row: Row) -> bool:
    """Whether a purchase row can be read: none of the planted flaws is in it."""
    return bool(
        row["purchase_ref"]
        and row["quantity"] != "0"
        and row["purchased_on"] != "soon"
        and row["unit_price"] not in ("", "tbd")
        and (row["product_name"] or row["style_code"])
    )


def _flawed(flaw: str | None) -> Row:
    """The cells that make a row irreparable."""
    return {
        "price_text": {"unit_price": "tbd"},
        "date_text": {"purchased_on": "soon"},
        "no_reference": {"purchase_ref": ""},
        "no_quantity": {"quantity": "0"},
        "no_price": {"unit_price": ""},
        "no_article": {"product_name": "", "style_code": ""},
    }.get(flaw or "", {})


class _Sheet:
    """A delimited file with its header."""

    def __init__(self, path: Path, layout: dict[str, Any], headers: dict[str, str]) -> None:
        self._stream = path.open("w", encoding=layout["encoding"], newline="")
        self._writer = csv.writer(
            self._stream, delimiter=layout["delimiter"], lineterminator="\r\n"
        )
        first = [name for name in layout["first"] if name in headers]
        self.order = first + [name for name in headers if name not in first]
        self._titles = [headers[name] for name in self.order]
        self._total_word = "Summe" if layout["language"] == "de" else "Total"
        self.header()

    def write(self, row: Row) -> None:
        self._writer.writerow([row.get(name, "") for name in self.order])

    def header(self) -> None:
        self._writer.writerow(self._titles)

    def blank(self) -> None:
        self._stream.write("\r\n")

    def footer(self, count: int) -> None:
        middle = [""] * (len(self.order) - 2)
        self._writer.writerow([self._total_word, *middle, str(count)])

    def close(self) -> None:
        self._stream.close()


def write_purchase_file(path: Path, layout: str, rows: Iterable[Row], rng: random.Random) -> None:
    """Write one supplier file in a single pass, with the quirks of its layout."""
    settings = load_layouts()["layouts"][layout]
    quirks = settings["quirks"]
    sheet = _Sheet(path, settings, load_layouts()["headers"][settings["language"]])
    count = 0
    for row in rows:
        sheet.write(row)
        count += 1
        if "repeated_rows" in quirks and is_sound(row) and rng.random() < 0.03:
            sheet.write(row)
        if "blank_rows" in quirks and rng.random() < 0.05:
            sheet.blank()
        if "doubled_header" in quirks and count % 40 == 20:
            sheet.header()
    if "footer" in quirks:
        sheet.footer(count)
    sheet.close()


def write_sales_sheet(path: Path, rows: Iterable[Row]) -> None:
    """Write the hand-kept sheet of past sales: German, semicolons, with a doubled header."""
    layout = load_layouts()["layouts"]["german_bom"]
    sheet = _Sheet(path, layout | {"first": ["sold_on"]}, load_layouts()["sales_headers"])
    for number, row in enumerate(rows):
        if number == 60:
            sheet.header()
        sheet.write(row)
    sheet.footer(0)
    sheet.close()
