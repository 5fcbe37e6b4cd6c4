"""The rows of the reports that the marketplaces export, and of the owner's lists.

StockX's sales, eBay's orders, Alias's sales, a product list and a stock count; how their files
look is in `report_files`. Rows wait in a scratch file, so that memory does not grow with them.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from soleflip_pipelines.sandbox import storage
from soleflip_pipelines.sandbox.alias_orders import AliasOrder
from soleflip_pipelines.sandbox.catalogue import Product
from soleflip_pipelines.sandbox.codes import stable_number, stable_uuid
from soleflip_pipelines.sandbox.costing import Unit, fee_kind
from soleflip_pipelines.sandbox.ebay_orders import EbayLine, EbayOrder
from soleflip_pipelines.sandbox.report_files import (
    ALIAS,
    EBAY,
    PRODUCTS,
    STOCK_COUNT,
    STOCKX,
    STOCKX_COLUMNS,
    STOCKX_SAME,
    Cells,
    Form,
)
from soleflip_pipelines.sandbox.supplier_files import write_number
from soleflip_pipelines.sandbox.trade import Sale
from soleflip_pipelines.settings import BERLIN

_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_CITIES = (("Berlin", "DE"), ("Lyon", "FR"), ("Milano", "IT"), ("Gent", "BE"), ("Graz", "AT"))


@dataclass
class Payout:
    """The orders that StockX pays out together: those of a day in a currency."""

    paid_on: date
    currency: str
    orders: int = 0
    total: Decimal = Decimal(0)

    @property
    def lacking(self) -> Decimal:
        """What some payouts are short of the sum of their orders."""
        digits = int(stable_number(3, "short payout", self.paid_on, self.currency))
        return Decimal("4.20") if digits % 15 == 0 else Decimal(0)


class Reports:
    """Collects the rows of the reports and writes them out, each with its planted flaws."""

    def __init__(self, work: Path, papers: Path, until: date) -> None:
        self._papers = papers
        self._until = until
        self._year = until.year - 1
        # In the evening: all that was sold or received that day is counted so.
        self._counted_on = until - timedelta(days=1)
        self._scratch = storage.create_draft_reports(work / "reports.sqlite")
        self._rows = storage.Writer(self._scratch, "report", 3)
        self.payouts: dict[str, Payout] = {}

    def _add(self, kind: str, order: str, cells: Cells) -> None:
        self._rows.add(kind, order, json.dumps(cells, ensure_ascii=False))

    def has_stockx(self, sale: Sale) -> bool:
        """Whether the yearly report has the order: only what was paid out is in it."""
        return sale.status == "COMPLETED" and sale.sold_on.year == self._year

    def add_stockx(self, sale: Sale) -> None:
        """Put an order on StockX's report; dates UTC, blank for what was not charged."""
        kinds = ("transaction", "processing", "shipping", "other", "penalty")
        sums = dict.fromkeys(kinds, Decimal(0))
        for line in sale.adjustments:
            # What no line names is named here neither, nor is there a column for a penalty.
            sums[fee_kind(line.label) if line.label else "penalty"] -= line.amount
        payout = sale.price - sum(sums.values())
        number = sale.order_number
        paid_on = sale.updated_at.astimezone(BERLIN).date()
        together = self.payouts.setdefault(
            stable_uuid(0, "payout", paid_on, sale.currency), Payout(paid_on, sale.currency)
        )
        together.orders += 1
        together.total += payout
        digits = int(stable_number(6, "report", number))
        city, country = _CITIES[digits % len(_CITIES)]
        cells = {
            "Payout date": _moment(sale.updated_at),
            "Invoice Date": _moment(sale.updated_at),
            "Invoice Number": f"{stable_number(8, 'invoice', number)}-"
            f"{stable_number(8, 'invoice part', number)}",
            "Sku Name": sale.product.title,
            "Sku Size": sale.variant.size.value,
            "Style": sale.product.style_id or "N/A",
            "Order Number": number,
            "Sale Date": _moment(sale.ordered_at),
            "Seller Tracking Number": "1Z" + stable_number(16, "track", number),
            "Buyer Destination Country": country,
            "Buyer Destination City": city,
            "Buyer Tracking Number": stable_number(12, "buyer track", number),
            "Total Net Amount (Payout Excluding VAT)": _plain(payout),
            "Listing Price": _plain(sale.price),
            "Total Gross Amount (Total Payout)": _plain(payout),
            "Special references": "Ref A\nRef B" if digits % 20 == 0 else "",
            "Provider Transaction ID": stable_uuid(0, "payout", paid_on, sale.currency),
        }
        fees = {
            # In some rows the fee is missing though it was deducted.
            "Seller Fee": Decimal(0) if digits % 40 == 1 else sums["transaction"],
            "Payment Processing": sums["processing"],
            "Shipping Fee": sums["shipping"] + sums["other"],
        }
        for name, amount in fees.items():
            cells[name] = _plain(amount) if amount else ""
            cells[f"{name} Currency"] = sale.currency if amount else "N/A"
        for name in STOCKX_COLUMNS:
            if name.endswith(" Currency") and name not in cells and name not in STOCKX_SAME:
                cells[name] = sale.currency
        self._add("stockx", cells["Sale Date"], cells)

    def add_ebay(self, order: EbayOrder, line: EbayLine) -> None:
        """Put a line on eBay's report; days as 05-Mar-24, amounts with their sign."""
        number, sale = order.order_id, line.sale
        digits = int(stable_number(6, "report", number))
        day = _named_day(sale.sold_on)
        cells = {
            "Sales Record Number": str(1000 + sale.index),
            "Order Number": number,
            **buyer_cells(number),
            "Item Number": line.item_id,
            "Item Title": line.title,
            "Custom Label": line.sku or "",
            "Sold Via Promoted Listings": "No",
            "Quantity": str(sale.quantity),
            "Sold For": f"€{write_number(line.cost / sale.quantity, 'point')}",
            "Shipping And Handling": f"€{write_number(line.delivery, 'point')}",
            "Total Price": f"€{write_number(line.cost + line.delivery, 'point')}",
            "Payment Method": "eBay Managed Payments",
            "Sale Date": day,
            "Paid On Date": day,
            "Shipped On Date": "" if digits % 9 == 0 else day,
            "Tracking Number": stable_number(12, "parcel", number),
            "Transaction ID": sale.order_line,
            "Variation Details": f"[{line.aspect[0]}:{line.aspect[1]}]" if line.aspect else "",
        }
        self._add("ebay", f"{sale.sold_on} {number} {sale.order_line}", cells)

    def add_alias(self, order: AliasOrder) -> None:
        """Put an order on Alias's sales file; whole dollars, whatever the title says."""
        sale = order.sale
        cells = {
            "ORDER_NUMBER": sale.order_number,
            "USERNAME": "demo_buyer_" + stable_number(3, "alias buyer", sale.order_number),
            "NAME": sale.product.title,
            "SKU": alias_sku(sale.product),
            "SIZE": sale.variant.size.value.rstrip("WCYK"),
            "PRODUCT_PRICE_CENTS_SALE_PRICE": _plain(sale.price),
            "PURCHASED_DATE": sale.sold_on.strftime("%d/%m/%y"),
            "CREDIT_DATE": sale.updated_on.strftime("%d/%m/%y"),
        }
        self._add("alias", f"{sale.sold_on} {sale.order_number}", cells)

    def add_product(self, product: Product) -> None:
        """Put a product on the owner's list."""
        gtins = [upc for variant in product.variants for upc in variant.gtins]
        cells = {
            "Name": product.title,
            "Brand": product.brand.name,
            "Style Code": product.style_code or "N/A",
            "EAN": f"0{gtins[0]}" if gtins else "",
            "Category": product.category,
            "Retail Price": f"{product.retail} €"
            if product.index % 5 == 0
            else f"{product.retail}",
            "Currency": "EUR",
            "Note": "Drop" if product.level > 1 else "",
        }
        self._add("products", f"{product.index:09d}", cells)

    def add_count(self, product: Product, units: Sequence[Unit]) -> None:
        """Put what is on hand of a product on the stock count, by place, size and unit."""
        counted: dict[tuple[str, str, str], int] = {}
        for unit in units:
            if unit.is_in_house and not unit.is_lost:
                lot = unit.lot
                place = (" ".join(lot.location.split()), lot.variant.size.value, lot.unit_ref or "")
                counted[place] = counted.get(place, 0) + 1
        for (location, size, unit_ref), quantity in counted.items():
            cells = {
                "Zähldatum": self._counted_on.strftime("%d.%m.%Y"),
                "Lagerort": location,
                "Artikel": product.title,
                "Artikelnummer": product.style_code or "N/A",
                "Größe": size,
                "Einheit": unit_ref,
                "Menge": f"{quantity} Stk" if product.index % 4 == 0 else str(quantity),
            }
            self._add("stock_count", f"{location} {product.index:09d}", cells)

    def write(self) -> tuple[dict[str, int], list[tuple[str, str, str]]]:
        """Write every file that has rows; return the sound rows by kind, and what is planted.

        The planted ones are (kind, flaw, a text that is in the row).
        """
        self._rows.flush()
        counts: dict[str, int] = {}
        planted: list[tuple[str, str, str]] = []
        stamp = int(datetime.combine(self._until, datetime.min.time(), BERLIN).timestamp() * 1000)
        report_id = stable_uuid(0, "stockx report", self._until)
        files: tuple[tuple[str, str, Form], ...] = (
            ("stockx", f"stockx_historical_seller_sales_report_{report_id}_{stamp}.csv", STOCKX),
            ("ebay", f"eBay-OrdersReport-{_named_day(self._until)}.csv", EBAY),
            ("alias", f"alias_sales_{self._year}.csv", ALIAS),
            ("products", "product_list.csv", PRODUCTS),
            ("stock_count", f"stock_count_{self._counted_on}.csv", STOCK_COUNT),
        )
        for kind, name, form in files:
            rows = self._scratch.execute(
                "select cells from report where kind = ? order by place, rowid", (kind,)
            )
            counts[kind] = 0
            first = rows.fetchone()
            if first is not None:
                cells = _loaded(first, rows)
                if kind == "stockx":
                    cells = map(self._with_total, cells)
                counts[kind] = form.write(self._papers / name, cells, kind, planted)
        storage.discard(self._scratch)
        return counts, planted

    def _with_total(self, cells: Cells) -> Cells:
        together = self.payouts[cells["Provider Transaction ID"]]
        return cells | {"Total Invoice Amount": _plain(together.total - together.lacking)}


def _loaded(first: Any, rest: sqlite3.Cursor) -> Iterator[Cells]:
    yield json.loads(first[0])
    for row in rest:
        yield json.loads(row[0])


def buyer_cells(number: str) -> Cells:
    """An invented buyer of eBay, the same on the report and in the interface."""
    digits = stable_number(4, "ebay buyer", number)
    city, country = _CITIES[int(digits) % len(_CITIES)]
    return {
        "Buyer Username": f"demo-buyer-{digits}",
        "Buyer Name": f"Demo Käufer {digits}",
        "Buyer Email": f"{digits}@members.example.com",
        "Ship To Address 1": f"Beispielstraße {int(digits) % 99 + 1}",
        "Ship To City": city,
        "Ship To Zip": stable_number(5, "zip", number),
        "Ship To Country": country,
    }


def alias_sku(product: Product) -> str:
    """A style code as Alias has it: with a blank."""
    return str(product.style_code).replace("-", " ")


def _plain(amount: Decimal) -> str:
    """A decimal without trailing zeros, as "5" or "9.9"."""
    text = f"{amount:.2f}"
    return text.rstrip("0").rstrip(".")


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} +00"


def _named_day(day: date) -> str:
    return f"{day.day:02d}-{_MONTHS[day.month - 1]}-{day.year % 100:02d}"
