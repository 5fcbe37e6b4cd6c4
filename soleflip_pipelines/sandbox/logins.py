"""Logins at the sandbox: authorize pages that say yes at once, codes, refresh and access tokens.

StockX and eBay, each as its documentation words it. A person would be asked here; redirects go to
this machine alone, and what was given out before a restart of the sandbox stays good.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from soleflip_pipelines.sandbox.keys import Keys

STOCKX_LIFE_S, EBAY_LIFE_S = 43_200, 7_200
_EBAY_REFRESH_LIFE_S = 47_304_000
_CODE_LIFE_S = 300
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
# Where eBay's own page is that an application without an address of its own ends on.
_EBAY_ACCEPTED = "/ebay-auth/oauth2/accepted"


@dataclass(frozen=True)
class Code:
    """An authorization code that was given out, good once and not for long."""

    redirect_uri: str
    challenge: str
    good_until: float


@dataclass
class Login:
    """The tokens and codes of one marketplace's login.

    `rotates` makes every refresh give a new refresh token; the one before stays good until its
    successor is used, as where an answer may have been lost.
    """

    client_id: str
    client_secret: str
    first_refresh_token: str
    life_s: int
    rotates: bool = False
    _access: dict[str, float] = field(default_factory=dict)
    _codes: dict[str, Code] = field(default_factory=dict)
    _retired: set[str] = field(default_factory=set)
    _replaces: dict[str, str] = field(default_factory=dict)

    def is_good(self, token: str) -> bool:
        """Whether an access token was given out and is not too old."""
        return self._access.get(token, 0.0) > time.monotonic()

    def expire(self) -> None:
        """Make every access token that was given out worthless."""
        self._access.clear()

    def new_access_token(self) -> str:
        """An access token, good for its life."""
        token = secrets.token_urlsafe(32)
        self._access[token] = time.monotonic() + self.life_s
        return token

    def new_code(self, redirect_uri: str, challenge: str) -> str:
        """A code for an address, and for who can answer its PKCE challenge if there is one."""
        code = secrets.token_urlsafe(24)
        self._codes[code] = Code(redirect_uri, challenge, time.monotonic() + _CODE_LIFE_S)
        return code

    def takes_code(self, form: Mapping[str, str]) -> bool:
        """Whether an exchange is right; its code is used up either way."""
        code = self._codes.pop(form.get("code", ""), None)
        if code is None or code.good_until < time.monotonic():
            return False
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        answer = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        is_answered = not code.challenge or hmac.compare_digest(answer, code.challenge)
        return is_answered and form.get("redirect_uri") == code.redirect_uri

    def new_refresh_token(self) -> str:
        """A refresh token; it is signed, so that a restarted sandbox knows it again."""
        nonce = secrets.token_urlsafe(16)
        return f"{nonce}.{self._signature(nonce)}"

    def takes_refresh_token(self, token: str) -> bool:
        """Whether a refresh token is good; its use ends the one that it came after."""
        nonce, _, signature = token.partition(".")
        is_known = token == self.first_refresh_token or (
            bool(signature) and hmac.compare_digest(signature, self._signature(nonce))
        )
        if not is_known or token in self._retired:
            return False
        if before := self._replaces.pop(token, None):
            self._retired.add(before)
        return True

    def rotated(self, token: str) -> str | None:
        """The successor of a refresh token, or None where tokens stay."""
        if not self.rotates:
            return None
        successor = self.new_refresh_token()
        self._replaces[successor] = token
        return successor

    def _signature(self, nonce: str) -> str:
        key = self.client_secret.encode()
        return hmac.new(key, nonce.encode(), hashlib.sha256).hexdigest()[:32]


class Logins:
    """The logins of all marketplaces that have one, and their paths."""

    def __init__(self, keys: Keys) -> None:
        self.stockx = Login(keys.client_id, keys.client_secret, keys.refresh_token, STOCKX_LIFE_S)
        self.ebay = Login(
            keys.ebay_client_id, keys.ebay_client_secret, keys.ebay_refresh_token, EBAY_LIFE_S
        )

    def routes(self) -> list[Route]:
        """Authorize pages and token endpoints."""
        return [
            Route("/stockx-auth/authorize", self.stockx_authorize, methods=["GET"]),
            Route("/stockx-auth/oauth/token", self.stockx_token, methods=["POST"]),
            Route("/ebay-auth/oauth2/authorize", self.ebay_authorize, methods=["GET"]),
            Route(_EBAY_ACCEPTED, _accepted, methods=["GET"]),
            Route("/ebay/identity/v1/oauth2/token", self.ebay_token, methods=["POST"]),
        ]

    def expire(self) -> None:
        """Make every access token that was given out worthless."""
        self.stockx.expire()
        self.ebay.expire()

    def stockx_authorize(self, request: Request) -> Response:
        """Sends the browser back to the application with a code."""
        if request.query_params.get("audience") != "gateway.stockx.com":
            return PlainTextResponse("invalid_request: audience", 400)
        address = request.query_params.get("redirect_uri", "")
        if urlsplit(address).hostname not in _LOOPBACK:
            return PlainTextResponse("invalid_request: redirect_uri is not on this machine", 400)
        return _authorize(self.stockx, request, address)

    def ebay_authorize(self, request: Request) -> Response:
        """As above; an application is known by its RuName, which is no address."""
        address = request.query_params.get("redirect_uri", "")
        if urlsplit(address).hostname not in _LOOPBACK:
            address = str(request.url.replace(path=_EBAY_ACCEPTED, query=""))
        return _authorize(self.ebay, request, address)

    async def stockx_token(self, request: Request) -> Response:
        """A refresh token or a code for an access token."""
        form = await _form(request)
        login, grant = self.stockx, form.get("grant_type")
        if grant not in ("refresh_token", "authorization_code"):
            text = "Grant type not allowed for the client."
            return _refused(403, "unauthorized_client", text)
        if (form.get("client_id"), form.get("client_secret")) != (
            login.client_id,
            login.client_secret,
        ):
            return _refused(401, "access_denied", "Unauthorized")
        body: dict[str, Any] = {
            "id_token": "sandbox",
            "scope": "openid email offline_access",
            "expires_in": login.life_s,
            "token_type": "Bearer",
        }
        if grant == "authorization_code":
            if not login.takes_code(form):
                return _refused(403, "invalid_grant", "Invalid authorization code")
            body["refresh_token"] = login.new_refresh_token()
        else:
            token = form.get("refresh_token", "")
            if not login.takes_refresh_token(token):
                return _refused(403, "invalid_grant", "Unknown or invalid refresh token.")
            if successor := login.rotated(token):
                body["refresh_token"] = successor
        return JSONResponse({"access_token": login.new_access_token(), **body})

    async def ebay_token(self, request: Request) -> Response:
        """As above, with the client's keys as Basic authorization."""
        form = await _form(request)
        login, grant = self.ebay, form.get("grant_type")
        pair = base64.b64encode(f"{login.client_id}:{login.client_secret}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {pair}":
            return _refused(401, "invalid_client", "client authentication failed")
        body: dict[str, Any] = {"expires_in": login.life_s, "token_type": "User Access Token"}
        if grant == "authorization_code":
            if not login.takes_code(form):
                text = "the provided authorization grant code is invalid or was issued to another"
                return _refused(400, "invalid_grant", f"{text} client")
            body["refresh_token"] = login.new_refresh_token()
            body["refresh_token_expires_in"] = _EBAY_REFRESH_LIFE_S
        elif grant == "refresh_token":
            if not login.takes_refresh_token(form.get("refresh_token", "")):
                text = "the provided authorization refresh token is invalid or was issued to"
                return _refused(400, "invalid_grant", f"{text} another client")
        else:
            text = "grant type in request is not supported by the authorization server"
            return _refused(400, "unsupported_grant_type", text)
        return JSONResponse({"access_token": login.new_access_token(), **body})


def _authorize(login: Login, request: Request, address: str) -> Response:
    """The code is tied to the `redirect_uri` as it was asked for, wherever the browser goes."""
    query = request.query_params
    if query.get("client_id") != login.client_id or query.get("response_type") != "code":
        return PlainTextResponse("unauthorized_client", 401)
    if query.get("code_challenge") and query.get("code_challenge_method") != "S256":
        return PlainTextResponse("invalid_request: code_challenge_method", 400)
    code = login.new_code(query.get("redirect_uri", ""), query.get("code_challenge", ""))
    answer = urlencode({"code": code, "state": query.get("state", "")})
    mark = "&" if urlsplit(address).query else "?"
    return RedirectResponse(f"{address}{mark}{answer}", 302)


async def _accepted(_: Request) -> Response:
    return PlainTextResponse(
        "Access was granted. Copy the address of this page to the application that asked for it."
    )


async def _form(request: Request) -> dict[str, str]:
    return {k: v[0] for k, v in parse_qs((await request.body()).decode()).items()}


def _refused(status: int, code: str, text: str) -> JSONResponse:
    return JSONResponse({"error": code, "error_description": text}, status)
