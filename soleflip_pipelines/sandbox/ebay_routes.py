"""The eBay paths of the sandbox: orders by filter and page, and single orders.

Rules and error numbers are those of the Sell Fulfillment contract; nothing older than two years of
the business' day is shown. Tokens are checked before, in `gate`, and given out in `auth_routes`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from soleflip_pipelines.sandbox.books import iso
from soleflip_pipelines.sandbox.ebay_orders import API_DAYS
from soleflip_pipelines.sandbox.ebay_payloads import error, order_payload
from soleflip_pipelines.sandbox.store import Filter, Store

_PATH = "/ebay/sell/fulfillment/v1/order"
_COLUMNS = {"creationdate": "created_at", "lastmodifieddate": "modified_at"}
_CRITERION = re.compile(r"\s*([a-z]+):(?:\[([^\]]*)\]|\{([^}]*)\})\s*(?:,|$)")
_ORDER_ID = re.compile(r"\d{2}-\d{5}-\d{5}")
# With no dates asked for; and what two years may come to.
_DEFAULT_DAYS, _RANGE_DAYS = 90, 731
_STATUSES = {
    frozenset(("NOT_STARTED", "IN_PROGRESS")),
    frozenset(("FULFILLED", "IN_PROGRESS")),
}


class Refused(Exception):
    """A parameter that the contract does not allow, with eBay's number for it."""

    def __init__(self, error_id: int, message: str, **parameters: str) -> None:
        super().__init__(message)
        self.payload = error(error_id, message, **parameters)


class Ebay:
    """The handlers; each takes a request and returns an answer."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def routes(self) -> list[Route]:
        """Every path of the Fulfillment interface that is served."""
        table = ((_PATH, self.orders), (_PATH + "/{number}", self.order))
        return [Route(path, _answer(handler), methods=["GET"]) for path, handler in table]

    def orders(self, request: Request) -> Response:
        """Orders by the dates of a filter, oldest first."""
        query = request.query_params
        _check_fields(query)
        if query.get("orderIds"):
            return self._chosen(request, query["orderIds"].split(","))
        limit = _number(query, "limit", 50, 1, 200, 31100)
        offset = _number(query, "offset", 0, 0, 10**9, 31000)
        found, column = self._filter(query.get("filter", ""))
        total, rows = self._store.ebay_orders(found, column, limit, offset)
        body: dict[str, Any] = {
            "href": str(request.url),
            "total": total,
            "limit": limit,
            "offset": offset,
            "orders": [order_payload(row, is_detail=False) for row in rows],
        }
        if offset + limit < total:
            body["next"] = _at(request, limit, offset + limit)
        if offset:
            body["prev"] = _at(request, limit, max(0, offset - limit))
        return JSONResponse(body)

    def order(self, request: Request) -> Response:
        """One order."""
        _check_fields(request.query_params)
        number = request.path_params["number"]
        if not _ORDER_ID.fullmatch(number):
            raise Refused(32100, f"Invalid order ID: {number}", orderId=number)
        row = self._store.ebay_order(number, iso(self._since()))
        if row is None:
            return JSONResponse(error(32100, f"Invalid order ID: {number}", orderId=number), 404)
        return JSONResponse(order_payload(row, is_detail=True))

    def _chosen(self, request: Request, numbers: list[str]) -> Response:
        if len(numbers) > 50:
            raise Refused(30900, "Exceeded maximum number of order IDs (the current limit is 50)")
        since = iso(self._since())
        rows = [row for number in numbers if (row := self._store.ebay_order(number, since))]
        return JSONResponse(
            {
                "href": str(request.url),
                "total": len(rows),
                "limit": 50,
                "offset": 0,
                "orders": [order_payload(row, is_detail=False) for row in rows],
            }
        )

    def _end(self) -> datetime:
        """The moment at which the business stands: the end of its last day."""
        return datetime.combine(
            date.fromisoformat(self._store.meta("until")), datetime.min.time(), UTC
        )

    def _since(self) -> datetime:
        return self._end() - timedelta(days=API_DAYS)

    def _filter(self, text: str) -> tuple[Filter, str]:
        """Conditions, and the column of the date that was asked for."""
        criteria = _criteria(text)
        found, column = Filter(), "created_at"
        found.add("created_at >= ?", iso(self._since()))
        # With both dates asked for, only the creation counts.
        name = next((name for name in _COLUMNS if name in criteria), None)
        if name:
            column = _COLUMNS[name]
            since, until = self._range(name, criteria[name])
            found.add(f"{column} >= ?", iso(since))
            if until:
                found.add(f"{column} <= ?", iso(until))
        else:
            found.add("created_at >= ?", iso(self._end() - timedelta(days=_DEFAULT_DAYS)))
        if "orderfulfillmentstatus" in criteria:
            wanted = criteria["orderfulfillmentstatus"]
            statuses = frozenset(wanted.split("|"))
            if statuses not in _STATUSES:
                raise _bad_value(wanted, "orderfulfillmentstatus")
            found.add_any("fulfilment", sorted(statuses))
        return found, column

    def _range(self, name: str, text: str) -> tuple[datetime, datetime | None]:
        first, dots, last = text.partition("..")
        if not dots:
            raise _bad_value(text, name)
        if not first:
            raise Refused(30820, "Start date is missing")
        since, until = _moment(first), _moment(last) if last else None
        now = max(datetime.now(UTC), self._end()) + timedelta(minutes=5)
        if since > now or (until and until > now):
            raise Refused(30850, "Start and end dates can't be in the future")
        if until and until < since:
            raise Refused(30840, "Start date should be before end date")
        if (until or self._end()) - since > timedelta(days=_RANGE_DAYS):
            raise Refused(
                30830, "Time range between start date and end date must be within '2' years."
            )
        return since, until


def _criteria(text: str) -> dict[str, str]:
    """The filter's criteria by name; brackets and braces taken off."""
    found: dict[str, str] = {}
    position = 0
    while position < len(text):
        match = _CRITERION.match(text, position)
        name = text[position:].split(":")[0].strip()
        if name not in (*_COLUMNS, "orderfulfillmentstatus"):
            raise Refused(30700, f"Invalid filter name: {name}", fieldname=name)
        if match is None:
            raise _bad_value(text[position:], name)
        found[name] = match[2] if match[2] is not None else match[3]
        position = match.end()
    return found


def _bad_value(value: str, name: str) -> Refused:
    return Refused(30800, f"Invalid filter value {value} for filter {name}", fieldvalue=value)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(30810, "Invalid date format") from None
    if moment.tzinfo is None:
        raise Refused(30810, "Invalid date format")
    return moment


def _number(
    query: Mapping[str, str], name: str, default: int, low: int, high: int, error_id: int
) -> int:
    text = query.get(name, str(default))
    if not text.isdigit() or not low <= int(text) <= high:
        raise Refused(error_id, f"Invalid {name}: {text}", **{f"{name}value": text})
    return int(text)


def _check_fields(query: Mapping[str, str]) -> None:
    group = query.get("fieldGroups", "TAX_BREAKDOWN")
    if group != "TAX_BREAKDOWN":
        raise Refused(32800, f"Invalid field group: {group}", fieldGroup=group)


def _at(request: Request, limit: int, offset: int) -> str:
    query = [p for p in parse_qsl(request.url.query) if p[0] not in ("limit", "offset")]
    query += [("limit", str(limit)), ("offset", str(offset))]
    return str(request.url.replace(query=urlencode(query)))


def _answer(handler: Callable[[Request], Response]) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        try:
            return handler(request)
        except Refused as problem:
            return JSONResponse(problem.payload, 400)

    return endpoint
