"""The marketplaces' JSON, made from rows of the business file.

Shapes follow the published contract; what is found and paged is decided in the routes.
"""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from soleflip_pipelines.sandbox.codes import stable_number, stable_uuid
from soleflip_pipelines.sandbox.lexicon import load_lexicon
from soleflip_pipelines.sandbox.payouts import money
from soleflip_pipelines.sandbox.sizes import Size, size_run, wire_conversions

Payload = dict[str, Any]
Row = sqlite3.Row
_CONVERSION_NAMES = {
    "us m": "US M", "us w": "US W", "us": "US", "uk": "UK", "eu": "EU", "cm": "CM", "kr": "KR",
}  # fmt: skip


def run_of(product: Row) -> tuple[Size, ...]:
    """The sizes a stored product is made in."""
    return size_run(load_lexicon(), product["sizing"], product["size_group"], product["audience"])


def search_hit(product: Row) -> Payload:
    """A product as search returns it."""
    return {
        "productId": product["product_id"],
        "urlKey": product["url_key"],
        "styleId": product["style_id"],
        "productType": product["product_type"],
        "title": product["title"],
        "brand": product["brand"],
        "productAttributes": {
            "gender": product["gender"],
            "season": product["season"],
            "releaseDate": product["released_on"],
            "retailPrice": product["retail_price"],
            "colorway": product["colorway"],
            "color": None,
        },
    }


def product_detail(product: Row) -> Payload:
    """A single product, with the size systems it knows."""
    first = run_of(product)[0]
    conversions = [{"name": _CONVERSION_NAMES[kind], "type": kind} for kind in first.conversions]
    default = next((c for c in conversions if c["type"] == first.default_type), None)
    return search_hit(product) | {
        "sizeChart": {"availableConversions": conversions, "defaultConversion": default},
        "isFlexEligible": product["product_type"] == "sneakers",
        "isDirectEligible": product["product_type"] == "sneakers",
    }


def variant_detail(product: Row, variant: Row) -> Payload:
    """A size of a product with its conversions and GTINs."""
    run = run_of(product)
    size = run[variant["number"]]
    gtins = []
    for upc in variant["gtins"].split():
        gtins.append({"identifier": "0" + upc, "type": "EAN-13"})
        gtins.append({"identifier": upc, "type": "UPC"})
    default = {"size": size.value, "type": size.default_type}
    return {
        "productId": product["product_id"],
        "variantId": variant["variant_id"],
        "variantName": variant["name"],
        "variantValue": variant["value"],
        "sizeChart": {
            "availableConversions": wire_conversions(run, size),
            "defaultConversion": default if size.default_type else None,
        },
        "gtins": gtins,
        "isFlexEligible": product["product_type"] == "sneakers",
        "isDirectEligible": product["product_type"] == "sneakers",
    }


def _dice(variant_id: str, day: str, what: str) -> float:
    """A number in [0, 1) that is the same for a variant all day."""
    return (int(stable_number(9, variant_id, day, what)) - 10**8) / (9 * 10**8)


def market_data(product: Row, variant: Row, currency: str, rate: float, day: str) -> Payload:
    """Asks and bids of a variant, drawn round the product's going price of the day."""
    key = variant["variant_id"]
    going = product["going_price"] * rate * (0.97 + 0.06 * _dice(key, "", "size"))
    going *= 0.985 + 0.03 * _dice(key, day, "day")
    spread = 0.08 + 0.22 * _dice(key, "", "spread")
    ask = round(going * (1 + spread / 2)) if _dice(key, "", "ask") >= 0.09 else None
    bid = max(1, round(going * (1 - spread / 2))) if _dice(key, "", "bid") >= 0.06 else None
    faster = max(bid + 1 if bid else 1, ask - 1) if ask else None
    earn = round(ask * 1.06) + 1 if ask else None
    flex = round(going * (1 + spread)) if _dice(key, "", "flex") >= 0.34 else None
    standard = {
        "lowestAsk": _text(ask),
        "highestBidAmount": _text(bid),
        "sellFaster": _text(faster),
        "earnMore": _text(earn),
        "beatUS": _text(faster),
    }
    other = standard | {"lowestAsk": _text(flex), "beatUS": None}
    return {
        "productId": product["product_id"],
        "variantId": key,
        "currencyCode": currency,
        "lowestAskAmount": standard["lowestAsk"],
        "highestBidAmount": standard["highestBidAmount"],
        "sellFasterAmount": standard["sellFaster"],
        "earnMoreAmount": standard["earnMore"],
        "flexLowestAskAmount": other["lowestAsk"],
        "standardMarketData": standard,
        "flexMarketData": other,
        "directMarketData": dict(other),
    }


def _text(value: int | None) -> str | None:
    return None if value is None else str(value)


def _parties(row: Row) -> Payload:
    return {
        "product": {
            "productId": row["product_id"],
            "productName": row["title"],
            "styleId": row["style_id"],
        },
        "variant": {
            "variantId": row["variant_id"],
            "variantName": row["variant_name"],
            "variantValue": row["variant_value"],
        },
    }


def _payout(row: Row) -> Payload:
    """The payout of an order; a sale that failed pays nothing but its penalty.

    A line without a label counts in the total and is not shown.
    """
    lines = json.loads(row["adjustments"])
    failed = row["status"] in ("CANCELED", "AUTHFAILED", "DIDNOTSHIP", "CCAUTHORIZATIONFAILED")
    price = Decimal(0) if failed else Decimal(row["amount"])
    total = sum((Decimal(amount) for _, amount, _ in lines), Decimal(0))
    shown = [line for line in lines if line[0]]
    named = sum((Decimal(amount) for _, amount, _ in shown), Decimal(0))
    currency, rate = row["currency"], Decimal(1)
    if row["paid_in"]:
        currency, rate = row["paid_in"].split()[0], Decimal(row["paid_in"].split()[1])
    return {
        "totalPayout": _converted(price + total, rate),
        "salePrice": _converted(price, rate),
        "totalAdjustments": _converted(named, rate),
        "currencyCode": currency,
        "adjustments": [
            {
                "adjustmentType": label,
                "amount": _converted(Decimal(amount), rate),
                "percentage": share,
            }
            for label, amount, share in shown
        ],
    }


def _converted(amount: Decimal, rate: Decimal) -> str:
    return str(amount if rate == 1 else money(amount * rate))


def _order_core(row: Row) -> Payload:
    number = row["order_number"]
    is_failed = row["status"] == "AUTHFAILED"
    notes = "Does not meet our condition guidelines" if is_failed else None
    return {
        "orderNumber": number,
        "listingId": stable_uuid(0, "order listing", number),
        "askId": stable_number(20, "ask", number),
        "amount": row["amount"],
        "currencyCode": row["currency"],
        "status": row["status"],
        "createdAt": row["created_at"],
        "updatedAt": row["updated_at"],
        **_parties(row),
        "authenticationDetails": {
            "status": "FAILED" if is_failed else None,
            "failureNotes": notes,
        },
        "initiatedShipments": None,
        "inventoryType": row["inventory_type"],
    }


def order_in_list(row: Row) -> Payload:
    """An order as the lists give it; its payout may be left to the detail call."""
    payload = _order_core(row) | {"condition": None, "conditionDescription": None}
    if row["payout_in"] == "list":
        payload["payout"] = _payout(row)
    return payload


def order_detail(row: Row) -> Payload:
    """A single order, with shipment. A young open order has no payout yet: null.

    The contract calls `payout` required here; null is what clients have to live with.
    """
    created = datetime.fromisoformat(row["created_at"])
    ship_by = (created + timedelta(days=3)).strftime("%Y-%m-%dT23:59:59.000Z")
    number = row["order_number"]
    tracking = "1Z" + stable_number(16, "track", number)
    document = f"S-{stable_number(9, 'document', number)}"
    return _order_core(row) | {
        "payout": None if row["payout_in"] == "none" else _payout(row),
        "shipment": {
            "shipByDate": ship_by,
            "trackingNumber": tracking,
            "trackingUrl": f"https://wwwapps.ups.com/tracking?num={tracking}",
            "carrierCode": "UPS",
            "shippingLabelUrl": None,
            "shippingDocumentUrl": f"/selling/orders/{number}/shipping-document/{document}",
        },
    }


def listing_in_list(row: Row) -> Payload:
    """An own listing as the list gives it."""
    is_live = row["status"] in ("ACTIVE", "MATCHED")
    ask = {
        "askId": stable_number(20, "ask", row["listing_id"]),
        "askCreatedAt": row["created_at"],
        "askUpdatedAt": row["updated_at"],
        "askExpiresAt": f"{int(row['created_at'][:4]) + 2}{row['created_at'][4:8]}01T00:00:00.000Z",
    }
    order = None
    if row["order_number"]:
        order = {
            "orderNumber": row["order_number"],
            "orderCreatedAt": row["updated_at"],
            "orderStatus": row["order_status"],
        }
    return {
        "listingId": row["listing_id"],
        "status": row["status"],
        "amount": row["amount"],
        "currencyCode": row["currency"],
        "inventoryType": row["inventory_type"],
        "createdAt": row["created_at"],
        "updatedAt": row["updated_at"],
        "batch": None,
        "ask": ask if is_live else None,
        "order": order,
        "authenticationDetails": None,
        "initiatedShipments": None,
        **_parties(row),
        "condition": None,
        "conditionDescription": None,
    }


def listing_detail(row: Row) -> Payload:
    """A single listing, with its last operation."""
    return listing_in_list(row) | {
        "payout": None,
        "lastOperation": {
            "operationId": stable_uuid(0, "operation", row["listing_id"]),
            "operationType": "DELETE" if row["status"] == "CANCELED" else "CREATE",
            "operationStatus": "SUCCEEDED",
            "operationInitiatedBy": "USER",
            "operationInitiatedVia": "WEB",
            "operationCreatedAt": row["created_at"],
            "operationUpdatedAt": row["updated_at"],
            "changes": {"additions": {}, "updates": {}, "removals": {}},
            "error": None,
        },
    }
