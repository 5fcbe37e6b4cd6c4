"""A business of a dozen raw rows, loaded as the loaders load: enough to fill every mart's joins.

Two sales of a pair that was bought twice, a return, a cancelled order and a sale in pounds.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import psycopg

from soleflip_pipelines.warehouse.loader import BatchSource, RawTable, Record, load_batch

ORDERS = RawTable("raw_stockx", "orders", ("order_number",))
PRODUCTS = RawTable("raw_stockx", "products", ("product_id",))
VARIANTS = RawTable("raw_stockx", "variants", ("variant_id",))
LISTINGS = RawTable("raw_stockx", "listings", ("listing_id",))
PURCHASES = RawTable("raw_csv", "purchases", ("line_key",))
SALES = RawTable("raw_csv", "sales", ("sale_key",))
RATES = RawTable("raw_ecb", "reference_rates", ("rate_on", "currency_code"))


def load_small_business(conn: psycopg.Connection) -> None:
    """Load it, and match both purchase lines to the one variant there is."""
    orders = [
        order("S-1", "COMPLETED", "2026-03-06T10:00:00.000Z", "150", "EUR"),
        order("S-2", "RETURNED", "2026-03-07T10:00:00.000Z", "160", "EUR"),
        order("S-3", "COMPLETED", "2026-03-08T23:30:00.000Z", "100", "GBP"),
        order("S-4", "CANCELED", "2026-03-09T10:00:00.000Z", "170", "EUR", adjustments=()),
    ]
    _load(conn, ORDERS, [((o["orderNumber"],), o) for o in orders])
    _load(conn, PRODUCTS, [(("P-1",), {"productId": "P-1", "title": "Jordan 1 Demo"})])
    _load(conn, VARIANTS, [(("V-1",), {"variantId": "V-1", "productId": "P-1"})])
    _load(conn, LISTINGS, [(("L-9",), listing("L-9"))])
    _load(conn, PURCHASES, [((key,), purchase(key)) for key in ("shop|A|1", "shop|B|1")])
    _load(conn, SALES, [(("ebay|E-1",), hand_kept_sale("E-1"))])
    _load(conn, RATES, [(("2026-03-06", "GBP"), {"units_per_eur": "0.8333"})])
    conn.execute(
        "insert into enrichment.purchase_match (line_key, platform, partner_product_id,"
        " partner_variant_id, match_method, match_score)"
        " select line_key, 'stockx', 'P-1', 'V-1', 'test', 1 from raw_csv.purchases"
        " on conflict do nothing"
    )
    conn.commit()


def order(
    number: str,
    status: str,
    ordered_at: str,
    amount: str,
    currency: str,
    adjustments: tuple[tuple[str, str], ...] = (
        ("Transaction Fee (8.0%)", "-10.00"),
        ("Payment Proc. (3%)", "-4.00"),
        ("Shipping", "-6.00"),
    ),
) -> dict[str, Any]:
    """An order as a list of the marketplace gives it."""
    deducted = sum(float(line) for _, line in adjustments)
    return {
        "orderNumber": number,
        "status": status,
        "createdAt": ordered_at,
        "updatedAt": "2026-03-20T10:00:00.000Z",
        "amount": amount,
        "currencyCode": currency,
        "product": {"productId": "P-1", "productName": "Jordan 1 Demo", "styleId": "DZ1-100"},
        "variant": {"variantId": "V-1", "variantValue": "10"},
        "payout": {
            "totalPayout": f"{float(amount) + deducted:.2f}",
            "salePrice": amount,
            "currencyCode": currency,
            "adjustments": [
                {"adjustmentType": label, "amount": line, "percentage": "0"}
                for label, line in adjustments
            ],
        },
    }


def listing(number: str) -> dict[str, Any]:
    """An own listing that is offered."""
    return {
        "listingId": number,
        "status": "ACTIVE",
        "amount": "199",
        "currencyCode": "EUR",
        "product": {"productId": "P-1"},
        "variant": {"variantId": "V-1"},
        "createdAt": "2026-03-01T00:00:00.000Z",
    }


def purchase(line_key: str, **changes: str) -> dict[str, Any]:
    """A purchase line of one pair, canonical as the importer makes it."""
    supplier, reference, line = line_key.split("|")
    return {
        "supplier_name": supplier.title(),
        "purchase_ref": reference,
        "line_no": line,
        "purchased_on": "2026-03-01",
        "received_on": "2026-03-03",
        "product_name": "Jordan 1 Demo",
        "quantity": "1",
        "unit_price": "119.00",
        "currency_code": "EUR",
        "vat_rate": "0.19",
        "vat_scheme": "standard",
        **changes,
    }


def hand_kept_sale(number: str) -> dict[str, Any]:
    """A sale outside the marketplace."""
    return {
        "platform": "ebay",
        "order_number": number,
        "sold_on": "2026-03-10",
        "sale_price": "90.00",
        "currency_code": "EUR",
        "payout_total": "80.00",
    }


def load_purchase(conn: psycopg.Connection, line_key: str, **changes: str) -> None:
    """Load a purchase line, or load it anew with other contents."""
    _load(conn, PURCHASES, [((line_key,), purchase(line_key, **changes))])
    conn.commit()


def _load(
    conn: psycopg.Connection,
    table: RawTable,
    rows: Iterable[tuple[tuple[str, ...], dict[str, Any]]],
) -> None:
    records = (Record(key, payload) for key, payload in rows)
    load_batch(conn, table, records, BatchSource("test", "api"))
