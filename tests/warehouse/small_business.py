"""A business of some raw rows, loaded as the loaders load: enough to fill every mart's joins.

On StockX two sales of a pair that was bought twice, a return, a cancelled order and one in pounds.
On eBay an order of two lines with one fee, a full refund and a sale that only the report knows; on
Alias a sale in dollars that its report knows too, a cancelled one and a listing. One sale is on the
hand-kept sheet alone. Beside them a product list and a stock count.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import psycopg

from soleflip_pipelines.warehouse.loader import BatchSource, RawTable, Record, load_batch

ORDERS = RawTable("raw_stockx", "orders", ("order_number",))
PRODUCTS = RawTable("raw_stockx", "products", ("product_id",))
VARIANTS = RawTable("raw_stockx", "variants", ("variant_id",))
LISTINGS = RawTable("raw_stockx", "listings", ("listing_id",))
PURCHASES = RawTable("raw_csv", "purchases", ("line_key",))
SALES = RawTable("raw_csv", "sales", ("sale_key",))
EBAY_ORDERS = RawTable("raw_ebay", "orders", ("order_id",))
ALIAS_ORDERS = RawTable("raw_alias", "orders", ("order_id",))
ALIAS_LISTINGS = RawTable("raw_alias", "listings", ("listing_id",))
STOCKX_REPORT = RawTable("raw_csv", "stockx_report", ("order_number",))
EBAY_REPORT = RawTable("raw_csv", "ebay_report", ("line_key",))
ALIAS_REPORT = RawTable("raw_csv", "alias_report", ("order_number",))
LISTED = RawTable("raw_csv", "products", ("product_key",))
COUNTS = RawTable("raw_csv", "stock_counts", ("count_key",))
RATES = RawTable("raw_ecb", "reference_rates", ("rate_on", "currency_code"))


def stable_id(kind: str, *parts: str) -> UUID:
    """The id that the dbt macro of this name makes of a natural key: its MD5 as a UUID."""
    natural_key = "|".join((kind, *parts))
    return UUID(hashlib.md5(natural_key.encode(), usedforsecurity=False).hexdigest())


def load_small_business(conn: psycopg.Connection) -> None:
    """Load it, and match purchases and sales to the two variants there are."""
    orders = [
        order("S-1", "COMPLETED", "2026-03-06T10:00:00.000Z", "150", "EUR"),
        order("S-2", "RETURNED", "2026-03-07T10:00:00.000Z", "160", "EUR"),
        order("S-3", "COMPLETED", "2026-03-08T23:30:00.000Z", "100", "GBP"),
        order("S-4", "CANCELED", "2026-03-09T10:00:00.000Z", "170", "EUR", adjustments=()),
    ]
    _load(conn, ORDERS, [((o["orderNumber"],), o) for o in orders])
    _load(conn, PRODUCTS, [(("P-1",), {"productId": "P-1", "title": "Jordan 1 Demo"})])
    _load(conn, VARIANTS, [((v,), {"variantId": v, "productId": "P-1"}) for v in ("V-1", "V-2")])
    _load(conn, LISTINGS, [(("L-9",), listing("L-9"))])
    _load(conn, PURCHASES, [((key,), purchase(key)) for key in ("shop|A|1", "shop|B|1")])
    _load(conn, SALES, [(("ebay|E-1",), hand_kept_sale("E-1"))])
    rates = {"GBP": "0.8333", "USD": "1.1000"}
    _load(conn, RATES, [(("2026-03-06", c), {"units_per_eur": rate}) for c, rate in rates.items()])
    _load_other_doors(conn)
    conn.execute(
        "insert into enrichment.purchase_match (line_key, platform, partner_product_id,"
        " partner_variant_id, match_method, match_score) select line_key, 'stockx', 'P-1',"
        " case line_key when 'shop|D|1' then 'V-2' else 'V-1' end, 'test', 1"
        " from raw_csv.purchases on conflict do nothing"
    )
    conn.execute(
        "insert into enrichment.sale_match values"
        " ('api', 'ebay', 'B-1', '11', 'P-1', 'V-2', 'test', 1, null, null, 'test'),"
        " ('api', 'ebay', 'B-1', '12', 'P-1', 'V-2', 'test', 1, null, null, 'test'),"
        " ('report', 'ebay', 'B-0', '9', 'P-1', null, 'test', 1, null, null, 'test'),"
        " ('api', 'alias', '100', '1', 'P-1', 'V-2', 'test', 1, null, null, 'test')"
    )
    conn.execute(
        "insert into enrichment.item_match values"
        " ('listing', 'AL-1', 'P-1', 'V-2', 'test', 1, null, null, 'test'),"
        " ('count', 'C-1', 'P-1', 'V-2', 'test', 1, null, null, 'test'),"
        " ('product', 'DZ1100', 'P-1', null, 'test', 1, null, null, 'test')"
    )
    conn.commit()


def _load_other_doors(conn: psycopg.Connection) -> None:
    """Five pairs of a second size, and what eBay, Alias and the files tell of them."""
    _load(conn, PURCHASES, [(("shop|D|1",), purchase("shop|D|1", quantity="5"))])
    ebay = [
        ebay_order("B-1", "2026-03-28T23:30:00.000Z", "PAID", [("11", 2, "200"), ("12", 1, "100")]),
        ebay_order("B-2", "2026-03-10T10:00:00.000Z", "FULLY_REFUNDED", [("21", 1, "120")]),
    ]
    _load(conn, EBAY_ORDERS, [((o["orderId"],), o) for o in ebay])
    alias = [alias_order("100", "COMPLETED"), alias_order("101", "CANCELED")]
    _load(conn, ALIAS_ORDERS, [((o["id"],), o) for o in alias])
    asked = {"id": "AL-1", "status": "LISTING_STATUS_ACTIVE", "price_cents": 29900}
    _load(conn, ALIAS_LISTINGS, [(("AL-1",), asked)])
    file_row = {"currency_code": "EUR", "sold_on": "2025-01-02", "quantity": "1"}
    paid = {"sold_at": "2026-03-06T10:00:00Z", "sale_price": "150", "payout_total": "130"}
    _load(conn, STOCKX_REPORT, [(("S-1",), {**file_row, "order_number": "S-1", **paid})])
    older = {"order_number": "B-0", "line_id": "9", "unit_price": "70", "paid_on": "2025-01-02"}
    known = {"order_number": "B-1", "line_id": "11", "unit_price": "100", "quantity": "2"}
    _load(
        conn,
        EBAY_REPORT,
        [(("B-0|9",), {**file_row, **older}), (("B-1|11",), {**file_row, **known})],
    )
    sold = {**file_row, "currency_code": "USD", "order_number": "100", "sale_price": "220"}
    _load(conn, ALIAS_REPORT, [(("100",), sold)])
    _load(conn, LISTED, [(("DZ1100",), {"style_code": "DZ1-100", "retail_price": "120"})])
    counted = {"counted_on": "2026-04-01", "product_name": "Jordan 1 Demo", "quantity": "2"}
    _load(conn, COUNTS, [(("C-1",), counted)])


def ebay_order(
    order_id: str, ordered_at: str, payment: str, lines: list[tuple[str, int, str]]
) -> dict[str, Any]:
    """An eBay order with a fee of a tenth, named by line id, pieces and price of the line."""
    total = sum(float(price) for _, _, price in lines)
    return {
        "orderId": order_id,
        "creationDate": ordered_at,
        "lastModifiedDate": "2026-03-20T10:00:00.000Z",
        "orderFulfillmentStatus": "FULFILLED",
        "orderPaymentStatus": payment,
        "buyer": {"username": "secret-buyer"},
        "cancelStatus": {"cancelState": "NONE_REQUESTED"},
        "paymentSummary": {"totalDueSeller": {"value": f"{total * 0.9:.2f}", "currency": "EUR"}},
        "totalMarketplaceFee": {"value": f"{total / 10:.2f}", "currency": "EUR"},
        "lineItems": [
            {
                "lineItemId": line_id,
                "quantity": pieces,
                "title": "Jordan 1 Demo",
                "lineItemCost": {"value": price, "currency": "EUR"},
                "refunds": [],
            }
            for line_id, pieces, price in lines
        ],
    }


def alias_order(number: str, status: str) -> dict[str, Any]:
    """An Alias order; amounts in US cents."""
    return {
        "id": f"alias-{number}",
        "purchase_order_number": number,
        "status": f"ORDER_STATUS_{status}",
        "price_cents": 22000,
        "price_cents_after_take": "19800",
        "sold_at": "2026-03-11T10:00:00Z",
        "updated_at": "2026-03-20T10:00:00Z",
        "label_tracking_number": "secret-tracking",
    }


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


def load_state(conn: psycopg.Connection, status: str, changed_at: str) -> None:
    """Load the cancelled order anew in another state."""
    again = order("S-4", status, "2026-03-09T10:00:00.000Z", "170", "EUR", adjustments=())
    _load(conn, ORDERS, [(("S-4",), {**again, "updatedAt": changed_at})])
    conn.commit()


def _load(
    conn: psycopg.Connection,
    table: RawTable,
    rows: Iterable[tuple[tuple[str, ...], dict[str, Any]]],
) -> None:
    records = (Record(key, payload) for key, payload in rows)
    load_batch(conn, table, records, BatchSource("test", "api"))
