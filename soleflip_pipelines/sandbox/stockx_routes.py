"""The StockX paths of the sandbox: catalogue, market data, orders and listings.

Checks parameters as the contract words them and puts payloads into envelopes; keys and limits are
checked before, in `gate`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from soleflip_pipelines.sandbox import payloads
from soleflip_pipelines.sandbox.gate import api_error
from soleflip_pipelines.sandbox.store import Filter, Page, Row, Store
from soleflip_pipelines.sandbox.trade import CLOSED, OPEN

_CURRENCIES = frozenset(
    ("AUD", "CAD", "CHF", "EUR", "GBP", "HKD", "JPY", "KRW", "MXN", "NZD", "SGD", "USD")
)
_INVENTORY = frozenset(("STANDARD", "FLEX", "DIRECT"))
_LISTING_STATUS = frozenset(("INACTIVE", "ACTIVE", "CANCELED", "MATCHED", "COMPLETED"))
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NOT_FOUND = "Resource not found"
# Market data is asked for in other currencies too; the exact day's rate does not matter there.
_RATES = {"EUR": 1.0, "USD": 1.085, "GBP": 0.853, "CHF": 0.949, "JPY": 161.0, "CAD": 1.49}


class BadRequest(Exception):
    """A parameter that the contract does not allow; the text says which."""


def _page(query: Mapping[str, str], largest: int) -> Page:
    numbers = {}
    for name, default, highest in (("pageNumber", "1", 10**9), ("pageSize", "10", largest)):
        text = query.get(name, default)
        if not text.isdigit() or not 1 <= int(text) <= highest:
            raise BadRequest(f"{name} must be a number from 1 to {highest}")
        numbers[name] = int(text)
    return Page(numbers["pageNumber"], numbers["pageSize"])


def _day(query: Mapping[str, str], name: str) -> date | None:
    text = query.get(name)
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadRequest(f"{name} must be a date as YYYY-MM-DD") from None


def _list(query: Mapping[str, str], name: str, allowed: frozenset[str] | None = None) -> list[str]:
    values = [value for value in query.get(name, "").split(",") if value]
    wrong = [value for value in values if allowed is not None and value not in allowed]
    if wrong:
        raise BadRequest(f"{name}: {wrong[0]} is not allowed")
    return values


def _currency(query: Mapping[str, str]) -> str:
    currency = query.get("currencyCode", "USD")
    if currency not in _CURRENCIES:
        raise BadRequest("currencyCode is not supported")
    return currency


def _envelope(
    name: str, page: Page, found: tuple[int, list[Row]], make: Callable[[Row], dict[str, Any]]
) -> JSONResponse:
    count, rows = found
    return JSONResponse(
        {
            "count": count,
            "pageSize": page.size,
            "pageNumber": page.number,
            "hasNextPage": page.offset + page.size < count,
            name: [make(row) for row in rows],
        }
    )


class StockX:
    """The handlers; each takes a request and returns an answer."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def routes(self) -> list[Route]:
        """Every path, under the bases that `create_app` mounts."""
        catalog, selling = "/stockx/v2/catalog", "/stockx/v2/selling"
        product = catalog + "/products/{product}"
        table: tuple[tuple[str, Callable[[Request], Response]], ...] = (
            (catalog + "/search", self.search),
            (catalog + "/products/variants/gtins/{gtin}", self.by_gtin),
            (product, self.product),
            (product + "/variants", self.variants),
            (product + "/variants/{variant}", self.variant),
            (product + "/market-data", self.product_market),
            (product + "/variants/{variant}/market-data", self.variant_market),
            (selling + "/orders/active", self.active_orders),
            (selling + "/orders/history", self.order_history),
            (selling + "/orders/{number}", self.order),
            (selling + "/listings", self.listings),
            (selling + "/listings/{listing}", self.listing),
        )
        return [Route(path, _answer(handler), methods=["GET"]) for path, handler in table]

    def search(self, request: Request) -> Response:
        """Products by words, style code or GTIN."""
        query = request.query_params.get("query", "").strip()
        if not 1 <= len(query) <= 100:
            raise BadRequest("query must have 1 to 100 characters")
        page = _page(request.query_params, 50)
        if query.isdigit() and len(query) in (12, 13, 14):
            variant = self._store.variant_by_gtin(query.lstrip("0").zfill(12))
            hit = [self._store.product_at(variant["product_position"])] if variant else []
            return _envelope("products", page, (len(hit), hit), payloads.search_hit)
        return _envelope("products", page, self._store.search(query, page), payloads.search_hit)

    def by_gtin(self, request: Request) -> Response:
        """The variant with a GTIN of 8, 12, 13 or 14 digits."""
        gtin = request.path_params["gtin"]
        if not gtin.isdigit() or len(gtin) not in (8, 12, 13, 14):
            raise BadRequest("Invalid GTIN")
        variant = self._store.variant_by_gtin(gtin.lstrip("0").zfill(12))
        if variant is None:
            return api_error(404, _NOT_FOUND)
        product = self._store.product_at(variant["product_position"])
        return JSONResponse(payloads.variant_detail(product, variant))

    def _product(self, request: Request) -> Row | None:
        product_id = request.path_params["product"]
        if not _UUID.fullmatch(product_id):
            raise BadRequest("productId must be a UUID")
        return self._store.product(product_id)

    def product(self, request: Request) -> Response:
        """A product."""
        product = self._product(request)
        if product is None:
            return api_error(404, _NOT_FOUND)
        return JSONResponse(payloads.product_detail(product))

    def variants(self, request: Request) -> Response:
        """The sizes of a product, not in the order of size."""
        product = self._product(request)
        if product is None:
            return api_error(404, _NOT_FOUND)
        rows = self._store.variants(product)
        rows.sort(key=lambda row: row["variant_id"])
        return JSONResponse([payloads.variant_detail(product, row) for row in rows])

    def _variant(self, request: Request, product: Row) -> Row | None:
        variant = self._store.variant(request.path_params["variant"])
        if variant is not None and variant["product_position"] != product["position"]:
            raise BadRequest("The variant belongs to another product")
        return variant

    def variant(self, request: Request) -> Response:
        """A size of a product."""
        product = self._product(request)
        variant = self._variant(request, product) if product else None
        if product is None or variant is None:
            return api_error(404, _NOT_FOUND)
        return JSONResponse(payloads.variant_detail(product, variant))

    def _market(self, product: Row, variant: Row, currency: str) -> dict[str, Any]:
        day = self._store.meta("until")
        return payloads.market_data(product, variant, currency, _RATES.get(currency, 1.5), day)

    def product_market(self, request: Request) -> Response:
        """Asks and bids of every size of a product."""
        currency = _currency(request.query_params)
        product = self._product(request)
        if product is None:
            return api_error(404, _NOT_FOUND)
        rows = self._store.variants(product)
        return JSONResponse([self._market(product, row, currency) for row in rows])

    def variant_market(self, request: Request) -> Response:
        """Asks and bids of one size."""
        currency = _currency(request.query_params)
        product = self._product(request)
        variant = self._variant(request, product) if product else None
        if product is None or variant is None:
            return api_error(404, _NOT_FOUND)
        return JSONResponse(self._market(product, variant, currency))

    def _order_filter(self, request: Request, statuses: frozenset[str]) -> Filter:
        query = request.query_params
        found = Filter()
        found.add_any("o.status", _list(query, "orderStatus", statuses))
        found.add_any("o.inventory_type", _list(query, "inventoryTypes", _INVENTORY))
        if query.get("variantId"):
            found.add("o.variant_id = ?", query["variantId"])
        if query.get("productId"):
            product = self._store.product(query["productId"])
            found.add("o.product_position = ?", product["position"] if product else -1)
        if query.get("initiatedShipmentDisplayIds"):
            found.add("false")
        return found

    def active_orders(self, request: Request) -> Response:
        """Open orders."""
        page = _page(request.query_params, 100)
        if request.query_params.get("sortOrder", "CREATEDAT") not in ("CREATEDAT", "SHIPBYDATE"):
            raise BadRequest("sortOrder must be CREATEDAT or SHIPBYDATE")
        found = self._order_filter(request, OPEN)
        found.add("o.history_position is null")
        return _envelope("orders", page, self._store.orders(found, page), payloads.order_in_list)

    def order_history(self, request: Request) -> Response:
        """Closed orders by the (UTC) day of their creation, both days included."""
        query = request.query_params
        page = _page(query, 100)
        since, until = _day(query, "fromDate"), _day(query, "toDate")
        if since and until and since > until:
            raise BadRequest("fromDate must not be after toDate")
        first = since.isoformat() if since else None
        before = (until + timedelta(days=1)).isoformat() if until else None
        found = self._order_filter(request, CLOSED)
        if not found.conditions:
            rows = self._store.history(first, before, page)
            return _envelope("orders", page, rows, payloads.order_in_list)
        found.add("o.history_position is not null")
        if first:
            found.add("o.created_at >= ?", first)
        if before:
            found.add("o.created_at < ?", before)
        return _envelope("orders", page, self._store.orders(found, page), payloads.order_in_list)

    def order(self, request: Request) -> Response:
        """One order with payout and shipment."""
        row = self._store.order(request.path_params["number"])
        if row is None:
            return api_error(404, _NOT_FOUND)
        return JSONResponse(payloads.order_detail(row))

    def listings(self, request: Request) -> Response:
        """Own listings; `fromDate` and `toDate` are days of their creation."""
        query = request.query_params
        page = _page(query, 100)
        found = Filter()
        found.add_any("l.status", _list(query, "listingStatuses", _LISTING_STATUS))
        found.add_any("l.variant_id", _list(query, "variantIds"))
        found.add_any("p.product_id", _list(query, "productIds"))
        inventory = _list(query, "inventoryTypes", _INVENTORY)
        if (inventory and "STANDARD" not in inventory) or query.get("batchIds"):
            found.add("false")
        if since := _day(query, "fromDate"):
            found.add("l.created_at >= ?", since.isoformat())
        if until := _day(query, "toDate"):
            found.add("l.created_at < ?", (until + timedelta(days=1)).isoformat())
        rows = self._store.listings(found, page)
        return _envelope("listings", page, rows, payloads.listing_in_list)

    def listing(self, request: Request) -> Response:
        """One own listing."""
        row = self._store.listing(request.path_params["listing"])
        if row is None:
            return api_error(404, _NOT_FOUND)
        return JSONResponse(payloads.listing_detail(row))


def _answer(handler: Callable[[Request], Response]) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        try:
            return handler(request)
        except BadRequest as problem:
            return api_error(400, str(problem))

    return endpoint
