"""What the benchmarks load: orders as JSON pages, a feed as gzipped CSV, purchases as a CSV file.

Made once a size, before any clock runs; every row differs from every other.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from soleflip_pipelines.clients.awin import FEED_KEY, read_rows
from soleflip_pipelines.clients.http import parsed_json
from soleflip_pipelines.ingestion.stockx_orders import ORDER_FORM
from soleflip_pipelines.warehouse.loader import Page, Record

PAGE = 100
FEED_COLUMNS = (
    "aw_deep_link", "product_name", FEED_KEY, "merchant_product_id", "merchant_image_url",
    "description", "merchant_category", "search_price", "merchant_name", "merchant_id",
    "category_name", "currency", "brand_name", "ean", "in_stock", "stock_quantity",
)  # fmt: skip
PURCHASE_COLUMNS = (
    "Lieferant", "Bestellnummer", "Position", "Kaufdatum", "Artikel", "Artikelnummer", "Größe",
    "Menge", "Einzelpreis", "Währung", "MwSt Satz",
)  # fmt: skip


def order(number: int, version: int = 0) -> dict[str, Any]:
    price, fee = 100 + number % 150, 9 + number % 11
    return {
        "orderNumber": f"{number:08}-{number % 97:08}",
        "createdAt": f"2025-{number % 12 + 1:02}-{number % 28 + 1:02}T10:00:00.000Z",
        "updatedAt": f"2026-{version % 12 + 1:02}-02T10:00:00.000Z",
        "status": "COMPLETED",
        "amount": str(price + version),
        "currencyCode": "EUR",
        "listingId": f"98e2e748-8000-45bf-a624-{number:012}",
        "askId": str(14_786_786 + number),
        "product": {
            "productId": f"bf364c53-eb77-4522-955c-{number % 999:012}",
            "productName": "Nike Dunk Low Retro White Black Panda (2021)",
            "styleId": f"DD{number % 9999:04}-100",
        },
        "variant": {
            "variantId": f"76c1f3f0-8000-45bf-a624-{number % 9999:012}",
            "variantName": "Nike-Dunk-Low-Retro-White-Black-2021:8",
            "variantValue": "10.5",
        },
        "payout": {
            "totalPayout": str(price - fee),
            "salePrice": str(price),
            "totalAdjustments": str(-fee),
            "currencyCode": "EUR",
        },
        "inventoryType": "STANDARD",
        "authenticationDetails": {"status": "PASSED", "failureNotes": None},
    }


def write_order_pages(path: Path, count: int, version: int = 0, start: int = 0) -> None:
    """One page of 100 orders a line."""
    with path.open("w", encoding="utf-8") as file:
        for first in range(start, start + count, PAGE):
            last = min(first + PAGE, start + count)
            page = {"orders": [order(number, version) for number in range(first, last)]}
            file.write(json.dumps(page) + "\n")


def read_order_pages(path: Path) -> Iterator[Page]:
    with path.open("rb") as file:
        for number, page in enumerate(file, start=1):
            yield ORDER_FORM.page(parsed_json(page)["orders"], f"page {number}")


def write_feed(path: Path, count: int, price: str = "139.90") -> None:
    with gzip.open(path, "wt", compresslevel=1, encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(FEED_COLUMNS)
        for number in range(count):
            writer.writerow((
                f"https://example.invalid/pclick?p={number}&a=1&m=2",
                f"Runner Low {number % 997} White/Black", str(number), f"M-{number}",
                f"https://example.invalid/images/{number}.jpg",
                "Leather upper, rubber sole, padded collar. " * 4, "Shoes > Sneakers", price,
                "A shop", "4711", "Sneakers", "EUR", "A brand", f"{number:013}", "1",
                str(number % 9),
            ))  # fmt: skip


def read_feed(path: Path) -> Iterator[Record]:
    with path.open("rb") as file:
        for row in read_rows(file, name="bench", key_column=FEED_KEY):
            cells = row.cells or {}
            yield Record(("1", cells[FEED_KEY]), dict(cells))


def write_purchases(path: Path, count: int) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(PURCHASE_COLUMNS)
        for number in range(count):
            writer.writerow((
                "Testshop", f"T-{number // 5}", str(number % 5 + 1), "03.04.2025", "Air Max 90",
                f"CN{number % 9999:04}-100", "US 9", "1", f"{50 + number % 100},50", "EUR", "19",
            ))  # fmt: skip
