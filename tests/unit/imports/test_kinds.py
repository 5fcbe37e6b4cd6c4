"""The kinds of file: how each is told from its header, and what becomes of its rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from soleflip_pipelines.imports.files import FileRefused
from soleflip_pipelines.imports.kinds import load_kinds
from soleflip_pipelines.imports.values import folded_header
from soleflip_pipelines.warehouse.loader import Record
from tests.unit.imports.conftest import judged, records, rejection

pytestmark = pytest.mark.unit

STOCKX_TITLES = (
    "Seller Name,Seller Address (Billing),Seller VAT Number,Sold To Name,Sold To address,"
    "Sold to VAT Number,Fiscal Representative Name,Fiscal Representative Address,"
    "StockX Destination Address,Payout date,Invoice Date,Invoice Number,Item,Sku Name,Sku Size,"
    "Style,Order Number,Sale Date,Seller Tracking Number,Buyer Destination Country,"
    "Buyer Destination City,Buyer Tracking Number,Quantity,Ship From Address,Ship To Address,"
    "Seller Fee,Seller Fee Currency,Payment Processing,Payment Processing Currency,Shipping Fee,"
    "Shipping Fee Currency,VAT Rate,Total Net Amount (Payout Excluding VAT),"
    "Total Net Amount (Payout Excluding VAT) Currency,Listing Price,Listing Price Currency,"
    "Total Gross Amount (Total Payout),Total Gross Amount (Total Payout) Currency,"
    "Total VAT Amount,Total VAT Amount Currency,Payout ID,Special references,"
    "Provider Transaction ID,Total Invoice Amount"
)
STOCKX_CELLS = {
    "Seller Name": "canary-seller", "Seller Address (Billing)": '"Weg ""1"", canary-city"',
    "Payout date": "2024-03-09 08:00:00 +00", "Invoice Date": "2024-03-05 13:22:10 +00",
    "Invoice Number": "11111111-22222222", "Item": "Demo Shoe", "Sku Name": "Demo Shoe",
    "Sku Size": "8.5W", "Style": "DV0982-100", "Order Number": "33333333-44444444",
    "Sale Date": "2024-03-05 23:22:10 +00", "Buyer Tracking Number": "canary-track",
    "Quantity": "1", "Seller Fee": "9.9", "Seller Fee Currency": "EUR",
    "Payment Processing Currency": "N/A", "Shipping Fee": "-5", "Shipping Fee Currency": "EUR",
    "Total Net Amount (Payout Excluding VAT)": "115.1",
    "Total Net Amount (Payout Excluding VAT) Currency": "EUR", "Listing Price": "120",
    "Listing Price Currency": "EUR", "Total Gross Amount (Total Payout)": "115.1",
    "Total Gross Amount (Total Payout) Currency": "EUR", "Payout ID": "0",
    "Special references": '"Ref A\nRef B"',
}  # fmt: skip
EBAY = """
Sales Record Number,Order Number,Buyer Username,Item Number,Item Title,Custom Label,Quantity,\
Sold For,Shipping And Handling,Total Price,Sale Date,Paid On Date,Tracking Number,Transaction ID,\
Variation Details

1,01-00001-00001,canary-buyer,110000000001,Demo shoe DV0982-100,DV0982-100-US10,2,€75.00,€5.00,\
€155.00,05-Mar-24,Mar-06-24,canary-track,10000000001,"[EU-Schuhgröße:42,5, Farbe:Weiß]"
2,01-00001-00002,canary-buyer,110000000002,Demo shirt,,1,"EUR 20,00",,"20,00 EUR",05-Mar-24,,,,

2,"record(s) downloaded,"
Seller ID : canary-seller
"""
ALIAS = """ORDER_NUMBER,USERNAME,NAME,SKU,SIZE,PRODUCT_PRICE_CENTS_SALE_PRICE,PURCHASED_DATE,\
CREDIT_DATE
100000001,canary-user,Demo Shoe,DV0982 100,10.5,220,03/04/25,12/04/25
"""
PRODUCTS = """Name,Brand,Style Code,EAN,Category,Retail Price,Currency,Note
Demo Shoe,Nike,dv0982-100,4006381333931,sneakers,"129,95",EUR,Drop
Plush Toy,Bearbrick,N/A,,collectibles,,,
"""
COUNT = """Zähldatum;Lagerort;Artikel;Artikelnummer;Größe;Einheit;Menge
31.12.2025;Regal 1;Demo Shoe;DV0982-100;42 2/3;U-1;1
31.12.2025;Regal 1;Shirt;;M;;3 Stk
31.12.2025;Regal 2;Shirt;;M;;0
"""


def stockx(**changed: str) -> str:
    cells = STOCKX_CELLS | {title.replace("_", " "): cell for title, cell in changed.items()}
    row = ",".join(cells.get(title, "") for title in STOCKX_TITLES.split(","))
    return f"{STOCKX_TITLES}\n{row}\n"


def without_cells(path: Path, content: str) -> list[dict[str, Any]]:
    rows = records(path, content)
    for row in rows:
        assert "canary" not in str({**row, "cells": None})
    return [{k: v for k, v in row.items() if k != "cells" and v is not None} for row in rows]


def test_the_titles_of_all_kinds_are_written_as_they_are_compared() -> None:
    for kind in load_kinds().values():
        for field in kind.fields:
            assert [folded_header(title) for title in field.titles] == list(field.titles)
        for name in (*kind.required, *kind.positive, *kind.one_of, *kind.told_by):
            assert name in {field.name for field in kind.fields}


def test_stockx_sales_report(sheet: Path) -> None:
    assert len(STOCKX_TITLES.split(",")) == 44
    (row,) = without_cells(sheet, stockx())
    assert row == {
        "order_number": "33333333-44444444", "invoice_number": "11111111-22222222",
        "product_name": "Demo Shoe", "sku_name": "Demo Shoe", "size": "8.5W",
        "style_code": "DV0982-100", "sold_at": "2024-03-05T23:22:10Z",
        "paid_out_at": "2024-03-09T08:00:00Z", "invoiced_at": "2024-03-05T13:22:10Z",
        "quantity": "1", "transaction_fee": "9.9", "shipping_fee": "-5", "sale_price": "120",
        "currency_code": "EUR", "payout_net": "115.1", "payout_total": "115.1",
    }  # fmt: skip
    (whole,) = records(sheet, stockx())
    assert whole["cells"]["Seller Address (Billing)"] == 'Weg "1", canary-city'
    assert whole["cells"]["Special references"] == "Ref A\nRef B"


def test_a_report_that_counts_its_items_names_the_product_in_the_next_column(sheet: Path) -> None:
    (row,) = without_cells(sheet, stockx(Item="1"))
    assert row["product_name"] == "Demo Shoe"


@pytest.mark.parametrize(
    ("title", "cell", "code"),
    [
        ("Order_Number", "", "missing_value"),
        ("Sale_Date", "soon", "bad_date"),
        ("Seller_Fee_Currency", "USD", "currency_conflict"),
        ("Listing_Price", "0", "not_positive"),
        ("Order_Number", "3.33E+15", "shortened_number"),
    ],
)
def test_a_line_of_the_report_that_is_not_certain_is_refused(
    sheet: Path, title: str, cell: str, code: str
) -> None:
    assert rejection(sheet, stockx(**{title: cell})).reason_code == code


def test_ebay_orders_report(sheet: Path) -> None:
    first, second = without_cells(sheet, EBAY)
    assert first == {
        "order_number": "01-00001-00001", "line_id": "10000000001",
        "product_name": "Demo shoe DV0982-100", "sku": "DV0982-100-US10", "size": "42,5",
        "quantity": "2", "unit_price": "75.00", "shipping_charged": "5.00",
        "total_price": "155.00", "currency_code": "EUR", "sold_on": "2024-03-05",
        "paid_on": "2024-03-06",
    }  # fmt: skip
    assert second["line_id"] == "110000000002"  # the item, where there is no transaction
    rows, judge = judged(sheet, EBAY)
    assert [row.key for row in rows if isinstance(row, Record)] == [
        ("01-00001-00001|10000000001",),
        ("01-00001-00002|110000000002",),
    ]
    assert judge.skipped == 3


def test_alias_sales(sheet: Path) -> None:
    (row,) = without_cells(sheet, ALIAS)
    assert row == {
        "order_number": "100000001", "product_name": "Demo Shoe", "sku": "DV0982 100",
        "size": "10.5", "sale_price": "220", "currency_code": "USD", "sold_on": "2025-04-03",
        "credited_on": "2025-04-12",
    }  # fmt: skip


def test_a_column_of_cents_that_holds_cents_is_not_taken_for_dollars(sheet: Path) -> None:
    header, row = ALIAS.splitlines()
    cents = "\n".join([header, *(row.replace("220", f"{n}00").replace("001,", f"{n},")
                                 for n in (80, 140, 220))])  # fmt: skip
    with pytest.raises(FileRefused, match=r"may be cents: say so in a mapping"):
        judged(sheet, cents)
    found = rejection(sheet, ALIAS + row.replace("220", "22000").replace("001,", "002,") + "\n")
    assert (found.reason_code, found.field) == ("implausible", "sale_price")


def test_products(sheet: Path) -> None:
    rows, _ = judged(sheet, PRODUCTS)
    assert [row.key for row in rows if isinstance(row, Record)] == [("DV0982100",), ("plush toy",)]
    assert without_cells(sheet, PRODUCTS) == [
        {
            "product_name": "Demo Shoe", "brand": "Nike", "style_code": "dv0982-100",
            "gtin": "4006381333931", "category": "sneakers", "retail_price": "129.95",
            "currency_code": "EUR", "note": "Drop",
        },
        {"product_name": "Plush Toy", "brand": "Bearbrick", "category": "collectibles"},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("cell", "code"),
    [("4.01E+12", "shortened_number"), ("4006381333932", "bad_gtin"), ("12345", "bad_gtin")],
)
def test_a_gtin_that_is_none_is_refused(sheet: Path, cell: str, code: str) -> None:
    found = rejection(sheet, PRODUCTS.replace("4006381333931", cell))
    assert (found.reason_code, found.field) == (code, "gtin")


def test_stock_counts(sheet: Path) -> None:
    rows, judge = judged(sheet, COUNT)
    assert judge.header.kind.name == "stock_counts"
    assert [row.key[0] for row in rows if isinstance(row, Record)] == [
        "2025-12-31|Regal 1|dv0982-100|42 2/3|U-1",
        "2025-12-31|Regal 1|shirt|M|",
        "2025-12-31|Regal 2|shirt|M|",
    ]
    first, second, _ = without_cells(sheet, COUNT)
    assert first["unit_ref"] == "U-1"
    assert second == {
        "counted_on": "2025-12-31", "location": "Regal 1", "product_name": "Shirt", "size": "M",
        "quantity": "3",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("Supplier,Order,Date,Product,Brand,Style Code,Size,Qty,Price (EUR)", "purchases"),
        ("Platform,Order,Date,Product,Brand,Style Code,Size,Qty,Price (EUR),Shipping", "sales"),
        ("Name,Brand,Retail Price (EUR)", "products"),
        ("Style Code,GTIN", "products"),
        ("Counted On,Product,Quantity", "stock_counts"),
        ("Counted On,Brand,Product,Style Code,Size,Quantity", "stock_counts"),
    ],
)
def test_a_kind_is_told_from_its_header(sheet: Path, header: str, told: str) -> None:
    _, judge = judged(sheet, header + "\n")
    assert judge.header.kind.name == told


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("Supplier,Platform,Order,Date,Product,Qty,Price (EUR)", "could be purchases or sales"),
        ("Order,Date,Product,Brand,Style Code,Size,Qty,Price", "purchases but has no column for s"),
        ("Supplier,Order,Date,Product,Brand,Style Code,Price", "purchases but has no column for q"),
        ("Name,Email,Telephone", "no kind of file fits its header"),
        ("Date,Product,Quantity", "looks like|no kind of file fits"),
    ],
)
def test_a_header_that_leaves_a_doubt_is_refused_with_the_way_out(
    sheet: Path, header: str, reason: str
) -> None:
    with pytest.raises(FileRefused, match=reason) as caught:
        judged(sheet, header + "\n")
    assert "--kind" in str(caught.value)
    assert "mapping" in str(caught.value)


def test_the_kind_can_be_named(sheet: Path) -> None:
    doubtful = "Supplier,Platform,Order,Date,Product,Qty,Price (EUR)\nShop,eBay,A,1.2.25,Shoe,1,9\n"
    _, judge = judged(sheet, doubtful, (), "sales")
    assert judge.header.kind.name == "sales"
    with pytest.raises(FileRefused, match="looks like stock_counts but has no column for counted"):
        judged(sheet, doubtful, (), "stock_counts")
    with pytest.raises(FileRefused, match="there is no kind letters: write one of purchases"):
        judged(sheet, doubtful, (), "letters")
