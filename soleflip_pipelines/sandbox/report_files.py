"""How the reports and lists look as files: columns, encodings, frames, and irreparable rows.

What their rows say is in `reports`.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

Cells = dict[str, str]
Flaws = tuple[tuple[str, Cells], ...]
_FLAW_EVERY = 9
STOCKX_COLUMNS = (
    "Seller Name", "Seller Address (Billing)", "Seller VAT Number", "Sold To Name",
    "Sold To address", "Sold to VAT Number", "Fiscal Representative Name",
    "Fiscal Representative Address", "StockX Destination Address", "Payout date", "Invoice Date",
    "Invoice Number", "Item", "Sku Name", "Sku Size", "Style", "Order Number", "Sale Date",
    "Seller Tracking Number", "Buyer Destination Country", "Buyer Destination City",
    "Buyer Tracking Number", "Quantity", "Ship From Address", "Ship To Address", "Seller Fee",
    "Seller Fee Currency", "Payment Processing", "Payment Processing Currency", "Shipping Fee",
    "Shipping Fee Currency", "VAT Rate", "Total Net Amount (Payout Excluding VAT)",
    "Total Net Amount (Payout Excluding VAT) Currency", "Listing Price", "Listing Price Currency",
    "Total Gross Amount (Total Payout)", "Total Gross Amount (Total Payout) Currency",
    "Total VAT Amount", "Total VAT Amount Currency", "Payout ID", "Special references",
    "Provider Transaction ID", "Total Invoice Amount",
)  # fmt: skip
STOCKX_SAME: Cells = {
    "Seller Name": "Erika Mustermann",
    "Seller Address (Billing)": 'Musterweg 1, "Hinterhaus", 50667 Köln, DE',
    "Seller VAT Number": "DE000000000",
    "Sold To Name": "Example Marketplace Ltd",
    "Sold To address": "1 Example Street, Dublin, IE",
    "Sold to VAT Number": "IE0000000X",
    "Fiscal Representative Name": "N/A",
    "Fiscal Representative Address": "N/A",
    "StockX Destination Address": '1 Sample Road, "Dock 4", Venlo, NL',
    "Item": "1",
    "Quantity": "1",
    "Ship From Address": 'Musterweg 1, "Hinterhaus", 50667 Köln, DE',
    "Ship To Address": '1 Sample Road, "Dock 4", Venlo, NL',
    "VAT Rate": "",
    "Total VAT Amount": "",
    "Total VAT Amount Currency": "N/A",
    "Payout ID": "0",
}
_EBAY_COLUMNS = (
    "Sales Record Number", "Order Number", "Buyer Username", "Buyer Name", "Buyer Email",
    "Ship To Address 1", "Ship To City", "Ship To Zip", "Ship To Country", "Item Number",
    "Item Title", "Custom Label", "Sold Via Promoted Listings", "Quantity", "Sold For",
    "Shipping And Handling", "Total Price", "Payment Method", "Sale Date", "Paid On Date",
    "Shipped On Date", "Tracking Number", "Transaction ID", "Variation Details",
)  # fmt: skip
_ALIAS_COLUMNS = (
    "ORDER_NUMBER", "USERNAME", "NAME", "SKU", "SIZE", "PRODUCT_PRICE_CENTS_SALE_PRICE",
    "PURCHASED_DATE", "CREDIT_DATE",
)  # fmt: skip
_PRODUCT_COLUMNS = ("Name", "Brand", "Style Code", "EAN", "Category", "Retail Price", "Currency",
                    "Note")  # fmt: skip
_COUNT_COLUMNS = ("Zähldatum", "Lagerort", "Artikel", "Artikelnummer", "Größe", "Einheit",
                  "Menge")  # fmt: skip


class Form:
    """How a file looks, and the cells that make a row of it irreparable."""

    def __init__(
        self,
        columns: tuple[str, ...],
        marker: str,
        flaws: Flaws,
        *,
        same: Cells | None = None,
        encoding: str = "utf-8",
        delimiter: str = ",",
        frame: Callable[[int], tuple[str, str]] = lambda _: ("", ""),
    ) -> None:
        self._columns = columns
        self._marker = marker
        self._flaws = flaws
        self._same = same or {}
        self._encoding = encoding
        self._delimiter = delimiter
        self._frame = frame

    def write(
        self, path: Path, rows: Iterator[Cells], kind: str, planted: list[tuple[str, str, str]]
    ) -> int:
        """Write the file in one pass; return how many sound rows there are."""
        count, flaws = 0, list(self._flaws)
        with path.open("w", encoding=self._encoding, newline="") as stream:
            writer = csv.writer(stream, delimiter=self._delimiter, lineterminator="\r\n")
            stream.write(self._frame(0)[0])
            writer.writerow(self._columns)
            for cells in rows:
                count += 1
                row = self._same | cells
                writer.writerow([row.get(name, "") for name in self._columns])
                if count % _FLAW_EVERY == 0 and flaws:
                    flaw, broken = flaws.pop(0)
                    row |= broken
                    writer.writerow([row.get(name, "") for name in self._columns])
                    planted.append((kind, flaw, row[self._marker]))
            stream.write(self._frame(count)[1])
        return count


STOCKX = Form(
    STOCKX_COLUMNS,
    "Sku Name",
    (("no_order", {"Order Number": ""}), ("date_text", {"Sale Date": "soon"})),
    same=STOCKX_SAME,
)
EBAY = Form(
    _EBAY_COLUMNS,
    "Item Title",
    (
        ("no_order", {"Order Number": ""}),
        ("price_text", {"Sold For": "tbd", "Total Price": "tbd"}),
    ),
    encoding="utf-8-sig",
    frame=lambda count: (
        "\r\n",
        f'\r\n{count},"record(s) downloaded,"\r\nSeller ID : demo-seller\r\n',
    ),
)
ALIAS = Form(
    _ALIAS_COLUMNS,
    "NAME",
    (
        ("no_order", {"ORDER_NUMBER": ""}),
        ("price_text", {"PRODUCT_PRICE_CENTS_SALE_PRICE": "tbd"}),
    ),
)
PRODUCTS = Form(
    _PRODUCT_COLUMNS,
    "Note",
    (
        ("no_article", {"Name": "", "Style Code": "", "EAN": "", "Note": "Karton ohne Namen"}),
        ("price_text", {"Retail Price": "tbd", "Note": "Preis folgt noch"}),
    ),
)
STOCK_COUNT = Form(
    _COUNT_COLUMNS,
    "Artikel",
    (("quantity_text", {"Menge": "viele"}), ("date_text", {"Zähldatum": "gestern"})),
    encoding="cp1252",
    delimiter=";",
    frame=lambda count: ("", f";;Summe;;;;{count}\r\n"),
)
