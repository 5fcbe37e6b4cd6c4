"""Who may call the local marketplaces and how often: keys, tokens, rate and daily limits, faults.

An ASGI middleware in front of the routes plus the small state it needs; no payloads here.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from soleflip_pipelines.sandbox.keys import Keys, Limits

TOKEN_LIFE_S = 43_200
_HTML_504 = "<html><head><title>504 Gateway Time-out</title></head><body>504</body></html>"
KINDS = ("status", "html504", "truncated", "errorMessage", "reset", "rate_limit",
         "expired_token", "slow")  # fmt: skip


@dataclass
class Fault:
    """Something to go wrong on a path, so many times."""

    path: str
    kind: str
    times: int
    status: int = 500
    body: str | None = None
    seconds: float = 1.0


@dataclass
class Gate:
    """Tokens that were given out, requests that were counted, faults that were ordered."""

    keys: Keys
    limits: Limits
    faults: list[Fault] = field(default_factory=list)
    requests: Counter[str] = field(default_factory=Counter)
    _tokens: dict[str, float] = field(default_factory=dict)
    _bucket: float = 1.0
    _refilled_at: float = field(default_factory=time.monotonic)
    _day: str = ""
    _day_count: int = 0

    def give_token(self) -> str:
        """A new bearer token, good for twelve hours."""
        token = secrets.token_urlsafe(32)
        self._tokens[token] = time.monotonic() + TOKEN_LIFE_S
        return token

    def expire_tokens(self) -> None:
        """Make every token that was given out worthless."""
        self._tokens.clear()

    def refusal(self, request: Request) -> Response | None:
        """The answer to a StockX call that may not pass, else None."""
        if request.headers.get("x-api-key") != self.keys.api_key:
            return JSONResponse({"message": "Forbidden"}, 403)
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        is_good = scheme == "Bearer" and self._tokens.get(token, 0.0) > time.monotonic()
        if not is_good:
            return api_error(401, "Unauthorized")
        return self._over_limit()

    def _over_limit(self) -> Response | None:
        today = datetime.now(UTC).date().isoformat()
        if today != self._day:
            self._day, self._day_count = today, 0
        self._day_count += 1
        if self.limits.per_day is not None and self._day_count > self.limits.per_day:
            return self.too_many(60)
        if self.limits.per_second is not None:
            now = time.monotonic()
            refill = (now - self._refilled_at) * self.limits.per_second
            self._bucket = min(1.0, self._bucket + refill)
            self._refilled_at = now
            if self._bucket < 1.0:
                return self.too_many(1)
            self._bucket -= 1.0
        return None

    def too_many(self, seconds: int) -> Response:
        """429, with Retry-After unless that is switched off."""
        headers = {"Retry-After": str(seconds)} if self.limits.sends_retry_after else {}
        return JSONResponse({"statusCode": 429, "message": "Too many requests"}, 429, headers)

    def next_fault(self, path: str) -> Fault | None:
        """The next ordered fault for a path, counted down."""
        for fault in self.faults:
            if path.startswith(fault.path):
                fault.times -= 1
                if fault.times <= 0:
                    self.faults.remove(fault)
                return fault
        return None


def api_error(status: int, message: str) -> JSONResponse:
    """An error in the form of the StockX contract."""
    return JSONResponse({"statusCode": status, "message": message}, status)


def fault_from(data: dict[str, Any]) -> Fault:
    """Read an ordered fault.

    Raises:
        ValueError: no path, an unknown kind, or a number that is none.
    """
    kind = str(data.get("kind", "status"))
    path = str(data.get("path", ""))
    if kind not in KINDS or not path.startswith("/"):
        raise ValueError(f"a fault needs a path and a kind out of {', '.join(KINDS)}")
    body = data.get("body")
    return Fault(
        path=path,
        kind=kind,
        times=int(data.get("times", 1)),
        status=int(data.get("status", 500)),
        body=body if body is None or isinstance(body, str) else json.dumps(body),
        seconds=float(data.get("seconds", 1.0)),
    )


class ConnectionCut(Exception):
    """Raised in the middle of an answer, whereupon the server drops the connection."""


class GateMiddleware:
    """Counts requests, lets ordered faults happen, and guards the StockX paths."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["path"].startswith("/_sandbox"):
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        path = request.url.path
        self._gate.requests[f"{request.method} {path}"] += 1
        fault = self._gate.next_fault(path)
        if fault is not None and fault.kind == "expired_token":
            self._gate.expire_tokens()
        elif fault is not None and fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        elif fault is not None:
            await self._fail(fault, scope, receive, send)
            return
        refusal = self._gate.refusal(request) if path.startswith("/stockx/") else None
        await (refusal or self._app)(scope, receive, send)

    async def _fail(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        if fault.kind == "reset":
            promised = [(b"content-type", b"application/json"), (b"content-length", b"1000")]
            await send({"type": "http.response.start", "status": 200, "headers": promised})
            await send({"type": "http.response.body", "body": b"{", "more_body": True})
            raise ConnectionCut(fault.path)
        if fault.kind == "truncated":
            await self._app(scope, receive, _Cut(send))
            return
        await self._answer(fault)(scope, receive, send)

    def _answer(self, fault: Fault) -> Response:
        if fault.kind == "html504":
            return Response(_HTML_504, 504, media_type="text/html")
        if fault.kind == "rate_limit":
            return self._gate.too_many(1)
        if fault.kind == "errorMessage":
            text = fault.body or "Failed to fetch flex market data"
            return JSONResponse({"statusCode": 500, "errorMessage": text}, 500)
        if fault.body is None:
            return api_error(fault.status, "Internal server error")
        return Response(fault.body, fault.status, media_type="application/json")


class _Cut:
    """Passes on a whole-looking answer whose body is only the first half."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        body = message.get("body", b"")
        half = body[: len(body) // 2]
        if self._start is not None:
            headers = [h for h in self._start["headers"] if h[0] != b"content-length"]
            await self._send({**self._start, "headers": headers})
            self._start = None
        await self._send({**message, "body": half})
