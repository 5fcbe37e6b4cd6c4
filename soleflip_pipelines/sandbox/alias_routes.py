"""The Alias paths of the sandbox: the token's test, orders and own listings.

Amounts are US cents (of listings as text), pages follow a token, errors are of the gRPC kind. The
token is checked before, in `gate`.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from soleflip_pipelines.sandbox.alias_orders import us_size
from soleflip_pipelines.sandbox.books import seconds
from soleflip_pipelines.sandbox.catalogue import slug
from soleflip_pipelines.sandbox.codes import stable_number, stable_uuid
from soleflip_pipelines.sandbox.payloads import Payload, Row
from soleflip_pipelines.sandbox.store import Filter, Store

_BASE = "/alias/api/v1"
_INVALID, _NOT_FOUND = 3, 5
_FACETS = {"status": "a.status", "fulfillment_status": "a.fulfilment"}


class Refused(Exception):
    """An argument that Alias does not take; the text says which."""


def error(code: int, status: int, message: str) -> JSONResponse:
    """An error as gRPC gateways word it."""
    return JSONResponse({"code": code, "message": message, "details": []}, status)


class Alias:
    """The handlers; each takes a request and returns an answer."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def routes(self) -> list[Route]:
        """Every path that is served."""
        table: tuple[tuple[str, Callable[[Request], Response]], ...] = (
            ("/test", lambda _: JSONResponse({"ok": True})),
            ("/orders", self.orders),
            ("/orders/{order}", self.order),
            ("/listings", self.listings),
            ("/listings/{listing}", self.listing),
        )
        return [Route(_BASE + path, _answer(handler), methods=["GET"]) for path, handler in table]

    def orders(self, request: Request) -> Response:
        """Orders, the last sold first."""
        query = request.query_params
        found = Filter()
        if facets := query.get("facet_filters"):
            name, _, value = facets.partition(":")
            if name not in _FACETS or not value or "," in facets:
                raise Refused("Invalid parameter: facet_filters")
            found.add(f"{_FACETS[name]} = ?", value)
        if words := query.get("query"):
            found.add("(p.title like ? or a.purchase_order_number = ?)", f"%{words}%", words)
        return _page(query, found, "sold_at", "order_id", self._store.alias_orders, order_payload)

    def order(self, request: Request) -> Response:
        """One order."""
        found = Filter()
        found.add("a.order_id = ?", request.path_params["order"])
        rows = self._store.alias_orders(found, 1)
        if not rows:
            return error(_NOT_FOUND, 404, "Order not found")
        return JSONResponse(order_payload(rows[0]))

    def listings(self, request: Request) -> Response:
        """Own listings, the newest first."""
        found = Filter()
        return _page(
            request.query_params, found, "created_at", "listing_id", self._store.alias_listings,
            listing_payload,
        )  # fmt: skip

    def listing(self, request: Request) -> Response:
        """One own listing."""
        found = Filter()
        found.add("a.listing_id = ?", request.path_params["listing"])
        rows = self._store.alias_listings(found, 1)
        if not rows:
            return error(_NOT_FOUND, 404, "Listing not found")
        return JSONResponse(listing_payload(rows[0]))


def _page(
    query: Mapping[str, str],
    found: Filter,
    moment: str,
    key: str,
    find: Callable[[Filter, int], list[Row]],
    make: Callable[[Row], Payload],
) -> Response:
    """A page; its token names the last row, so rows that are added do not shift the next one."""
    size = query.get("page_size", "25")
    if not size.isdigit() or not 1 <= int(size) <= 50:
        raise Refused("Invalid parameter: page_size")
    if token := query.get("pagination_token"):
        found.add(f"(a.{moment}, a.{key}) < (?, ?)", *_read_token(token))
    rows = find(found, int(size) + 1)
    shown = rows[: int(size)]
    next_token = ""
    if len(rows) > len(shown):
        last = json.dumps([shown[-1][moment], shown[-1][key]])
        next_token = base64.urlsafe_b64encode(last.encode()).decode()
    return JSONResponse(
        {
            "results": [make(row) for row in shown],
            "pagination": {"next_page_token": next_token},
        }
    )


def _read_token(token: str) -> tuple[str, str]:
    try:
        moment, key = json.loads(base64.urlsafe_b64decode(token))
        return str(moment), str(key)
    except (binascii.Error, ValueError, TypeError):
        raise Refused("Invalid parameter: pagination_token") from None


def _product(row: Row) -> Payload:
    code = str(row["style_id"]).split("/")[0].strip()
    size = us_size(row["size"])
    return {
        "catalog_id": f"{slug(row['title'])}-{slug(code)}",
        "catalog_name": row["title"],
        "catalog_brand": row["brand"] or "",
        "catalog_sku": code.replace("-", " "),
        "size": int(size) if size == int(size) else size,
    }


def _cents(dollars: str) -> int:
    return int(Decimal(dollars) * 100)


def order_payload(row: Row) -> Payload:
    """An order as the list and the single call give it."""
    number = row["order_id"]
    has_label = row["status"] not in ("ORDER_STATUS_CONFIRMED", "ORDER_STATUS_CANCELED")
    return {
        "id": number,
        "status": row["status"],
        "fulfillment_status": row["fulfilment"],
        **_product(row),
        "price_cents": _cents(row["price"]),
        "price_cents_after_take": _cents(row["after_take"]),
        "sales_channel": "GOAT",
        "purchase_order_number": row["purchase_order_number"],
        "listing_id": stable_uuid(0, "alias order listing", number),
        "label_type": "LABEL_TYPE_SHIPPING" if has_label else "",
        "label_url": "",
        "label_tracking_number": "1Z" + stable_number(16, "alias", number) if has_label else "",
        "label_courier": "UPS" if has_label else "",
        "sold_at": row["sold_at"],
        "cancels_at": seconds(datetime.fromisoformat(row["sold_at"]) + timedelta(days=7)),
        "updated_at": row["updated_at"],
        "customs_declaration": {"declared_customs_value_cents": _cents(row["price"])},
    }


def listing_payload(row: Row) -> Payload:
    """An own listing; its price is a number as text."""
    return {
        "id": row["listing_id"],
        "status": "LISTING_STATUS_ACTIVE",
        **_product(row),
        "size_unit": "SIZE_UNIT_US",
        "condition": "CONDITION_NEW",
        "packaging_condition": "PACKAGING_CONDITION_GOOD_CONDITION",
        "price_cents": str(_cents(row["price"])),
        "created_at": row["created_at"],
        "updated_at": row["created_at"],
    }


def _answer(handler: Callable[[Request], Response]) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        try:
            answer = handler(request)
        except Refused as problem:
            answer = error(_INVALID, 400, str(problem))
        answer.headers["x-request-id"] = str(uuid4())
        return answer

    return endpoint
