"""eBay's JSON, made from rows of the business file; shapes follow the Sell Fulfillment contract.

Buyers are invented. What is found and paged is decided in `ebay_routes`.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from decimal import Decimal

from soleflip_pipelines.sandbox.codes import stable_number
from soleflip_pipelines.sandbox.payloads import Payload, Row
from soleflip_pipelines.sandbox.reports import buyer_cells


def order_payload(row: Row, *, is_detail: bool) -> Payload:
    """An order; only the detail says who asked for a cancellation."""
    number = row["order_id"]
    lines = [_line(row, *line) for line in json.loads(row["lines"])]
    refund = sum((Decimal(r["amount"]["value"]) for x in lines for r in x["refunds"]), Decimal(0))
    subtotal = sum((Decimal(x["lineItemCost"]["value"]) for x in lines), Decimal(0))
    delivery = sum((Decimal(x["deliveryCost"]["shippingCost"]["value"]) for x in lines), Decimal(0))
    total = subtotal + delivery
    due = total - refund - Decimal(row["fee"])
    buyer = buyer_cells(number)
    country = buyer["Ship To Country"]
    return {
        "orderId": number,
        "creationDate": row["created_at"],
        "lastModifiedDate": row["modified_at"],
        "orderFulfillmentStatus": row["fulfilment"],
        "orderPaymentStatus": row["payment"],
        "sellerId": "demo-seller",
        "salesRecordReference": stable_number(4, "sales record", number),
        "buyer": {
            "username": buyer["Buyer Username"],
            "taxAddress": {"countryCode": country, "postalCode": buyer["Ship To Zip"]},
            "buyerRegistrationAddress": _contact(buyer),
        },
        "ebayCollectAndRemitTax": False,
        "cancelStatus": _cancellation(row, is_detail=is_detail),
        "pricingSummary": {
            "priceSubtotal": _amount(subtotal),
            "deliveryCost": _amount(delivery),
            "total": _amount(total),
        },
        "paymentSummary": {
            "totalDueSeller": _amount(due),
            "payments": [
                {
                    "paymentMethod": "EBAY",
                    "paymentReferenceId": stable_number(12, "payment", number),
                    "paymentDate": row["created_at"],
                    "amount": _amount(due),
                    "paymentStatus": "PAID",
                }
            ],
            "refunds": [
                refund | {"refundStatus": "REFUNDED"}
                for line in lines
                for refund in line["refunds"]
            ],
        },
        "totalFeeBasisAmount": _amount(total),
        "totalMarketplaceFee": _amount(Decimal(row["fee"])),
        "fulfillmentHrefs": [],
        "fulfillmentStartInstructions": [
            {
                "fulfillmentInstructionsType": "SHIP_TO",
                "shippingStep": {"shipTo": _contact(buyer), "shippingCarrierCode": "DHL"},
                "ebaySupportedFulfillment": False,
            }
        ],
        "lineItems": lines,
    }


def _contact(buyer: dict[str, str]) -> Payload:
    return {
        "fullName": buyer["Buyer Name"],
        "email": buyer["Buyer Email"],
        "contactAddress": {
            "addressLine1": buyer["Ship To Address 1"],
            "city": buyer["Ship To City"],
            "postalCode": buyer["Ship To Zip"],
            "countryCode": buyer["Ship To Country"],
        },
    }


def _amount(value: Decimal) -> Payload:
    return {"value": f"{value:.2f}", "currency": "EUR"}


def _cancellation(row: Row, *, is_detail: bool) -> Payload:
    state: Payload = {"cancelState": row["cancel"], "cancelRequests": []}
    if row["cancel"] == "CANCELED":
        state["cancelledDate"] = row["modified_at"]
        if is_detail:
            state["cancelRequests"] = [
                {
                    "cancelRequestId": stable_number(10, "cancellation", row["order_id"]),
                    "cancelInitiator": "BUYER",
                    "cancelReason": "BUYER_ASKED_CANCEL",
                    "cancelRequestState": "COMPLETED",
                    "cancelRequestedDate": row["created_at"],
                    "cancelCompletedDate": row["modified_at"],
                }
            ]
    return state


def _line(
    row: Row, line_id: str, item_id: str, sku: str | None, title: str, quantity: int, cost: str,
    delivery: str, aspect: list[str] | None, refund: str,
) -> Payload:  # fmt: skip
    """A line item; all of it is refunded where the order is, of a cancelled order too."""
    total = Decimal(cost) + Decimal(delivery)
    back = total if row["payment"] == "FULLY_REFUNDED" else Decimal(refund)
    created = datetime.fromisoformat(row["created_at"])
    line: Payload = {
        "lineItemId": line_id,
        "legacyItemId": item_id,
        "legacyVariationId": stable_number(12, "variation", item_id, aspect) if aspect else "0",
        "title": title,
        "quantity": quantity,
        "soldFormat": "FIXED_PRICE",
        "listingMarketplaceId": "EBAY_DE",
        "purchaseMarketplaceId": "EBAY_DE",
        "lineItemCost": _amount(Decimal(cost)),
        "total": _amount(total),
        "deliveryCost": {"shippingCost": _amount(Decimal(delivery))},
        "taxes": [],
        "appliedPromotions": [],
        "refunds": [],
        "lineItemFulfillmentStatus": row["fulfilment"],
        "lineItemFulfillmentInstructions": {
            "shipByDate": (created + timedelta(days=4)).strftime("%Y-%m-%dT22:59:59.000Z"),
            "guaranteedDelivery": False,
        },
        "properties": {"buyerProtection": True},
    }
    if back:
        line["refunds"] = [
            {
                "amount": _amount(back),
                "refundDate": row["modified_at"],
                "refundId": stable_number(10, "refund", line_id),
            }
        ]
    if sku:
        line["sku"] = sku
    if aspect:
        line["variationAspects"] = [{"name": aspect[0], "value": aspect[1]}]
    return line


def error(status_id: int, message: str, **parameters: str) -> Payload:
    """An error in eBay's envelope."""
    category = "APPLICATION" if status_id == 30500 else "REQUEST"
    domain = "OAuth" if status_id == 1001 else "API_FULFILLMENT"
    return {
        "errors": [
            {
                "errorId": status_id,
                "domain": domain,
                "category": category,
                "message": message,
                "longMessage": message,
                "parameters": [{"name": k, "value": v} for k, v in parameters.items()],
            }
        ]
    }
