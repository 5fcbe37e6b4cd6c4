"""What can go wrong between a marketplace and its reader: faults to order, singly or as a storm.

A fault either answers in the application's place, spoils the application's answer, or troubles the
connection. Who may call at all is `gate`'s business.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HTML = "<html><head><title>504 Gateway Time-out</title></head><body>504</body></html>"
_ELSEWHERE = "http://elsewhere.invalid/"
_BOMB_PARTS = 16
_ENDLESS_BYTES = 256 * 1024 * 1024
# What a storm chooses from when it is not told: all that a whole, later reading can make good.
PASSING = (
    "status", "html504", "errorMessage", "rate_limit", "truncated", "invalid_json", "wrong_type",
    "reset", "expired_token", "shift", "repeat_page", "stale", "vanish",
)  # fmt: skip


# The application's answer to the request in hand, sent to wherever one says.
Reply = Callable[[Send], Awaitable[None]]


@dataclass
class Fault:
    """Something to go wrong on the paths that begin with `path`, so many times.

    `retry_after` is for `rate_limit`: seconds, `date` (in a second), or blank for no header.
    """

    path: str
    kind: str
    times: int = 1
    status: int = 500
    body: str | None = None
    seconds: float = 1.0
    retry_after: str = "1"


@dataclass
class Storm:
    """So many faults, each request struck by chance; equal seeds strike equal requests alike."""

    dice: random.Random
    left: int
    share: float
    kinds: tuple[str, ...]
    path: str


@dataclass
class Faults:
    """The faults that were ordered and have not happened yet."""

    ordered: list[Fault] = field(default_factory=list)
    storm: Storm | None = None

    def next_for(self, path: str) -> Fault | None:
        """The next fault for a path, counted down."""
        for fault in self.ordered:
            if path.startswith(fault.path):
                fault.times -= 1
                if fault.times <= 0:
                    self.ordered.remove(fault)
                return fault
        storm = self.storm
        if storm is None or storm.left <= 0 or not path.startswith(storm.path):
            return None
        if storm.dice.random() >= storm.share:
            return None
        storm.left -= 1
        return Fault(path, storm.dice.choice(storm.kinds), status=503, retry_after="0")

    def clear(self) -> None:
        """Take back whatever has not happened yet."""
        self.ordered.clear()
        self.storm = None


class ConnectionCut(Exception):
    """Raised in the middle of an answer, whereupon the server drops the connection."""


async def strike(fault: Fault, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Let a fault happen to one request."""
    if fault.kind in _ANSWERS:
        await _ANSWERS[fault.kind](fault)(scope, receive, send)
    elif fault.kind in _SPOILERS:
        whole = _Whole()
        await app(_asked(fault, scope), receive, whole)
        await _send(send, whole.start, _SPOILERS[fault.kind](fault, whole.body, whole.start))
    else:
        await _TROUBLES[fault.kind](fault, lambda to: app(scope, receive, to), send)


# --- answers in the application's place ------------------------------------------------------


def _status(fault: Fault) -> Response:
    if fault.body is not None:
        return Response(fault.body, fault.status, media_type="application/json")
    error = {"statusCode": fault.status, "message": "Internal server error"}
    return JSONResponse(error, fault.status)


def _error_message(fault: Fault) -> Response:
    text = fault.body or "Failed to fetch flex market data"
    return JSONResponse({"statusCode": fault.status, "errorMessage": text}, fault.status)


def _rate_limit(fault: Fault) -> Response:
    wait = fault.retry_after
    if wait == "date":
        wait = format_datetime(datetime.now(UTC) + timedelta(seconds=1), usegmt=True)
    headers = {"Retry-After": wait} if wait else {}
    return JSONResponse({"statusCode": 429, "message": "Too many requests"}, 429, headers)


def _gzip_bomb(_: Fault) -> Response:
    """A feed of 256 MiB in some hundred kB; gzip files follow each other, so one part is enough."""
    part = gzip.compress((b"0" * 8191 + b"\n") * 2048)
    body = gzip.compress(b"aw_product_id\n") + part * _BOMB_PARTS
    return Response(body, media_type="application/octet-stream")


_ANSWERS: Mapping[str, Callable[[Fault], Response]] = {
    "status": _status,
    "html504": lambda _: Response(_HTML, 504, media_type="text/html"),
    "errorMessage": _error_message,
    "rate_limit": _rate_limit,
    "invalid_json": lambda _: Response("{'orders': [", 200, media_type="application/json"),
    "redirect": lambda _: Response(None, 302, {"Location": _ELSEWHERE}),
    "gzip_bomb": _gzip_bomb,
    "empty": lambda _: Response(b"", 200, media_type="application/octet-stream"),
}


# --- the application's answer, spoilt --------------------------------------------------------


class _Whole:
    """Collects an answer instead of sending it."""

    def __init__(self) -> None:
        self.start: dict[str, Any] = {}
        self.body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.start = dict(message)
        else:
            self.body += message.get("body", b"")


async def _send(send: Send, start: Mapping[str, Any], body: bytes) -> None:
    headers = [pair for pair in start["headers"] if pair[0] != b"content-length"]
    headers.append((b"content-length", str(len(body)).encode()))
    await send({**start, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _asked(fault: Fault, scope: Scope) -> Scope:
    """The request that the application sees: a repeated page is the first one again."""
    if fault.kind != "repeat_page":
        return scope
    query = dict(parse_qsl(scope["query_string"].decode()))
    for name in ("pageNumber", "offset", "pagination_token"):
        query.pop(name, None)
    return {**scope, "query_string": urlencode(query).encode()}


def _half(_: Fault, body: bytes, __: dict[str, Any]) -> bytes:
    return body[: len(body) // 2]


def _as_html(_: Fault, body: bytes, start: dict[str, Any]) -> bytes:
    start["headers"] = [p for p in start["headers"] if p[0] != b"content-type"]
    start["headers"].append((b"content-type", b"text/html"))
    return body


def _as_it_was(_: Fault, body: bytes, __: dict[str, Any]) -> bytes:
    return body


def _one_row(_: Fault, body: bytes, __: dict[str, Any]) -> bytes:
    """A whole feed file with its first row alone."""
    header, row = gzip.decompress(body).split(b"\n", 2)[:2]
    return gzip.compress(header + b"\n" + row + b"\n")


def _without_first(_: Fault, body: bytes, __: dict[str, Any]) -> bytes:
    """A page as it looks when a row before it has left the list: its first row slid forward."""
    return _edited(body, lambda items: items[1:])


def _without_last(_: Fault, body: bytes, __: dict[str, Any]) -> bytes:
    """A page on which an item is missing, as if it stood in no list."""
    return _edited(body, lambda items: items[:-1])


def _grown_old(_: Fault, body: bytes, __: dict[str, Any]) -> bytes:
    """Orders as they were in their first minute: a state from before comes after the newer one."""

    def old(item: Any) -> Any:
        if not isinstance(item, dict) or "updatedAt" not in item or "createdAt" not in item:
            return item
        return {**item, "status": "CREATED", "updatedAt": item["createdAt"]}

    return _edited(body, lambda items: [old(item) for item in items])


# What the marketplaces call the list on a page. The lists within one document, as an order's lines,
# do not shift: a reply that left one of them out would be a lie that no reader can see through.
_LISTS_OF_PAGES = ("orders", "listings", "products", "results")


def _edited(body: bytes, change: Callable[[list[Any]], list[Any]]) -> bytes:
    """A page of JSON with its list of items changed; anything else as it is."""
    try:
        reply = json.loads(body)
    except ValueError:
        return body
    if isinstance(reply, dict):
        for name in _LISTS_OF_PAGES:
            if isinstance(reply.get(name), list):
                return json.dumps({**reply, name: change(reply[name])}).encode()
    return body


_SPOILERS: Mapping[str, Callable[[Fault, bytes, dict[str, Any]], bytes]] = {
    "truncated": _half,
    "wrong_type": _as_html,
    "repeat_page": _as_it_was,
    "one_row": _one_row,
    "shift": _without_first,
    "vanish": _without_last,
    "stale": _grown_old,
}


# --- trouble with the connection -------------------------------------------------------------


async def _reset(_: Fault, __: Reply, send: Send) -> None:
    promised = [(b"content-type", b"application/json"), (b"content-length", b"1000")]
    await send({"type": "http.response.start", "status": 200, "headers": promised})
    await send({"type": "http.response.body", "body": b"{", "more_body": True})
    raise ConnectionCut("as ordered")


async def _slow(fault: Fault, reply: Reply, send: Send) -> None:
    await asyncio.sleep(fault.seconds)
    await reply(send)


async def _drip(fault: Fault, reply: Reply, send: Send) -> None:
    """The application's answer byte by byte, `seconds` apart."""
    whole = _Whole()
    await reply(whole)
    await send(whole.start)
    for place in range(len(whole.body)):
        await asyncio.sleep(fault.seconds)
        more = place + 1 < len(whole.body)
        byte = whole.body[place : place + 1]
        await send({"type": "http.response.body", "body": byte, "more_body": more})


async def _endless(_: Fault, __: Reply, send: Send) -> None:
    """A body that goes on until the reader has had enough."""
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    chunk = b" " * 65_536
    for _round in range(_ENDLESS_BYTES // len(chunk)):
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


_TROUBLES: Mapping[str, Callable[[Fault, Reply, Send], Awaitable[None]]] = {
    "reset": _reset,
    "slow": _slow,
    "drip": _drip,
    "endless": _endless,
}
# An expired token is the gate's to make: the request itself then goes its way.
EXPIRED = "expired_token"
KINDS = frozenset({EXPIRED, *_ANSWERS, *_SPOILERS, *_TROUBLES})


# --- ordering --------------------------------------------------------------------------------


def fault_from(data: dict[str, Any]) -> Fault:
    """Read an ordered fault.

    Raises:
        ValueError: no path, an unknown kind, or a number that is none.
    """
    body = data.get("body")
    return Fault(
        path=_checked_path(data.get("path", "")),
        kind=_checked_kind(str(data.get("kind", "status"))),
        times=int(data.get("times", 1)),
        status=int(data.get("status", 500)),
        body=body if body is None or isinstance(body, str) else json.dumps(body),
        seconds=float(data.get("seconds", 1.0)),
        retry_after=str(data.get("retry_after", "1")),
    )


def storm_from(data: dict[str, Any]) -> Storm:
    """Read an ordered storm: seed, count, share of the requests struck, kinds and path.

    Raises:
        ValueError: an unknown kind, or a number that is none.
    """
    kinds = tuple(_checked_kind(str(kind)) for kind in data.get("kinds") or PASSING)
    return Storm(
        dice=random.Random(int(data.get("seed", 0))),
        left=int(data.get("count", 100)),
        share=float(data.get("share", 0.3)),
        kinds=kinds,
        path=_checked_path(data.get("path", "/")),
    )


def _checked_kind(kind: str) -> str:
    if kind not in KINDS:
        raise ValueError(f"a fault is one of {', '.join(sorted(KINDS))}")
    return kind


def _checked_path(path: object) -> str:
    if not isinstance(path, str) or not path.startswith("/"):
        raise ValueError("a fault needs a path that begins with /")
    return path


def fault_routes(faults: Faults) -> list[Route]:
    """The paths under which faults and storms are ordered and taken back."""

    async def order(request: Request) -> Response:
        try:
            faults.ordered.append(fault_from(await request.json()))
        except (ValueError, AttributeError, TypeError) as problem:
            return JSONResponse({"message": str(problem)}, 400)
        return JSONResponse({"faults": len(faults.ordered)}, 201)

    async def take_back(_: Request) -> Response:
        faults.clear()
        return JSONResponse({"faults": 0})

    async def brew(request: Request) -> Response:
        try:
            faults.storm = storm_from(await request.json())
        except (ValueError, AttributeError, TypeError) as problem:
            return JSONResponse({"message": str(problem)}, 400)
        return JSONResponse({"left": faults.storm.left}, 201)

    async def weather(_: Request) -> Response:
        return JSONResponse({"left": faults.storm.left if faults.storm else 0})

    return [
        Route("/_sandbox/faults", order, methods=["POST"]),
        Route("/_sandbox/faults", take_back, methods=["DELETE"]),
        Route("/_sandbox/storm", brew, methods=["POST"]),
        Route("/_sandbox/storm", weather, methods=["GET"]),
    ]
