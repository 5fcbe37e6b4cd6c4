"""Who may call the local marketplaces and how often: keys, tokens, rate and daily limits.

An ASGI middleware in front of the routes plus the small state it needs; no payloads here. What is
made to go wrong on purpose is in `faults`.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from soleflip_pipelines.sandbox import alias_routes, ebay_payloads
from soleflip_pipelines.sandbox.faults import EXPIRED, Faults, strike
from soleflip_pipelines.sandbox.keys import Keys, Limits
from soleflip_pipelines.sandbox.logins import Logins


@dataclass
class Gate:
    """Who may pass, requests that were counted, faults that were ordered.

    `date_skew_s` is how far the clock behind the `Date` headers is ahead, in seconds.
    """

    keys: Keys
    limits: Limits
    logins: Logins
    date_skew_s: float = 0.0
    faults: Faults = field(default_factory=Faults)
    requests: Counter[str] = field(default_factory=Counter)
    _bucket: float = 1.0
    _refilled_at: float = field(default_factory=time.monotonic)
    _day: str = ""
    _day_count: int = 0

    def refusal(self, request: Request) -> Response | None:
        """The answer to a marketplace's call that may not pass, else None."""
        path = request.url.path
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        bearer = token if scheme == "Bearer" else ""
        if path.startswith("/stockx/"):
            if request.headers.get("x-api-key") != self.keys.api_key:
                return JSONResponse({"message": "Forbidden"}, 403)
            is_good = self.logins.stockx.is_good(bearer)
            return self._over_limit() if is_good else api_error(401, "Unauthorized")
        if path.startswith("/ebay/sell/") and not self.logins.ebay.is_good(bearer):
            return JSONResponse(ebay_payloads.error(1001, "Invalid access token"), 401)
        if path.startswith("/alias/") and bearer != self.keys.alias_token:
            return alias_routes.error(16, 401, "Unauthenticated")
        return None

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


def api_error(status: int, message: str) -> JSONResponse:
    """An error in the form of the StockX contract."""
    return JSONResponse({"statusCode": status, "message": message}, status)


class GateMiddleware:
    """Counts requests, lets ordered faults happen, and guards the marketplaces' paths."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        send = self._dated(send)
        if scope["path"].startswith("/_sandbox"):
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        self._gate.requests[f"{scope['method']} {path}"] += 1
        fault = self._gate.faults.next_for(path)
        if fault is None:
            await self._guarded(scope, receive, send)
        elif fault.kind == EXPIRED:
            self._gate.logins.expire()
            await self._guarded(scope, receive, send)
        else:
            await strike(fault, self._guarded, scope, receive, send)

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        await (self._gate.refusal(request) or self._app)(scope, receive, send)

    def _dated(self, send: Send) -> Send:
        """Sending with the `Date` of a clock that may be wrong."""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                moment = datetime.now(UTC) + timedelta(seconds=self._gate.date_skew_s)
                date = format_datetime(moment, usegmt=True).encode()
                message = {**message, "headers": [*message["headers"], (b"date", date)]}
            await send(message)

        return sending
