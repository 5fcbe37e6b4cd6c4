"""Who may call the local marketplaces and how often: keys, tokens, rate and daily limits.

An ASGI middleware in front of the routes plus the small state it needs; no payloads here. What is
made to go wrong on purpose is in `faults`.
"""

from __future__ import annotations

import secrets
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from soleflip_pipelines.sandbox.faults import EXPIRED, Faults, strike
from soleflip_pipelines.sandbox.keys import Keys, Limits

TOKEN_LIFE_S = 43_200


@dataclass
class Gate:
    """Tokens that were given out, requests that were counted, faults that were ordered."""

    keys: Keys
    limits: Limits
    faults: Faults = field(default_factory=Faults)
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


def api_error(status: int, message: str) -> JSONResponse:
    """An error in the form of the StockX contract."""
    return JSONResponse({"statusCode": status, "message": message}, status)


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
        path = scope["path"]
        self._gate.requests[f"{scope['method']} {path}"] += 1
        fault = self._gate.faults.next_for(path)
        if fault is None:
            await self._guarded(scope, receive, send)
        elif fault.kind == EXPIRED:
            self._gate.expire_tokens()
            await self._guarded(scope, receive, send)
        else:
            await strike(fault, self._guarded, scope, receive, send)

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        refusal = self._gate.refusal(request) if scope["path"].startswith("/stockx/") else None
        await (refusal or self._app)(scope, receive, send)
