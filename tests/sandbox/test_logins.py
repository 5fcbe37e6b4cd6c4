"""Logins at the sandbox: the browser's part, codes with PKCE, tokens that stay or rotate."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.sandbox.conftest import KEYS, refresh, serving

pytestmark = pytest.mark.api
BACK = "http://127.0.0.1:9/callback"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode()[:-1]
TOKEN = "/stockx-auth/oauth/token"
STOCKX = {
    "response_type": "code",
    "client_id": KEYS.client_id,
    "redirect_uri": BACK,
    "scope": "offline_access openid",
    "audience": "gateway.stockx.com",
    "state": "a state",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


def _code(client: httpx.Client) -> str:
    answer = client.get("/stockx-auth/authorize", params=STOCKX)
    assert answer.status_code == 302
    address = answer.headers["location"]
    assert address.startswith(f"{BACK}?")
    query = parse_qs(urlsplit(address).query)
    assert query["state"] == ["a state"]
    return query["code"][0]


def _exchange(client: httpx.Client, code: str, /, **changes: str) -> httpx.Response:
    form = {
        "grant_type": "authorization_code",
        "client_id": KEYS.client_id,
        "client_secret": KEYS.client_secret,
        "code": code,
        "redirect_uri": BACK,
        "code_verifier": VERIFIER,
    }
    return client.post(TOKEN, data=form | changes)


def test_a_code_is_exchanged_once(client: httpx.Client) -> None:
    code = _code(client)
    body = _exchange(client, code).json()
    assert refresh(client, refresh_token=body["refresh_token"]).status_code == 200
    again = _exchange(client, code)
    assert (again.status_code, again.json()["error"]) == (403, "invalid_grant")


@pytest.mark.parametrize(
    ("field", "value"),
    [("code_verifier", "x" * 64), ("redirect_uri", "http://127.0.0.1:10/callback"), ("code", "x")],
)
def test_a_wrong_exchange_is_refused(client: httpx.Client, field: str, value: str) -> None:
    answer = _exchange(client, _code(client), **{field: value})
    assert answer.json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("redirect_uri", "https://elsewhere.example/callback"),
        ("client_id", "somebody"),
        ("response_type", "token"),
        ("code_challenge_method", "plain"),
        ("audience", ""),
    ],
)
def test_nobody_is_sent_elsewhere(client: httpx.Client, field: str, value: str) -> None:
    answer = client.get("/stockx-auth/authorize", params=STOCKX | {field: value})
    assert answer.status_code in (400, 401)
    assert "location" not in answer.headers


@pytest.mark.parametrize("redirect_uri", [BACK, "Demo-Seller-RuName"])
def test_ebay(client: httpx.Client, redirect_uri: str) -> None:
    """An application may be known by a name; the browser then ends on a page to copy from."""
    query = {
        "client_id": KEYS.ebay_client_id,
        "response_type": "code",
        "redirect_uri": redirect_uri,
        "scope": "https://api.ebay.com/oauth/api_scope/sell.fulfillment.readonly",
        "state": "s",
    }
    answer = client.get("/ebay-auth/oauth2/authorize", params=query)
    address = answer.headers["location"]
    if redirect_uri == BACK:
        assert address.startswith(BACK)
    else:
        assert "Copy the address" in client.get(address).text
    form = {
        "grant_type": "authorization_code",
        "code": parse_qs(urlsplit(address).query)["code"][0],
        "redirect_uri": redirect_uri,
    }
    pair = (KEYS.ebay_client_id, KEYS.ebay_client_secret)
    path = "/ebay/identity/v1/oauth2/token"
    body = client.post(path, data=form, auth=pair).json()
    assert (body["token_type"], body["expires_in"]) == ("User Access Token", 7_200)
    assert body["refresh_token_expires_in"] == 47_304_000
    again = {"grant_type": "refresh_token", "refresh_token": body["refresh_token"]}
    assert "refresh_token" not in client.post(path, data=again, auth=pair).json()


def test_rotation(business: Path) -> None:
    """The token before stays good until its successor is used; then it is worthless."""
    with serving(business) as client:
        client.post("/_sandbox/options", json={"rotate_refresh_tokens": True})
        first = refresh(client).json()["refresh_token"]
        repeated = refresh(client).json()["refresh_token"]
        assert first != repeated
        second = refresh(client, refresh_token=first).json()["refresh_token"]
        assert refresh(client).json()["error"] == "invalid_grant"
        assert refresh(client, refresh_token=second).status_code == 200
        assert refresh(client, refresh_token=first).json()["error"] == "invalid_grant"
    with serving(business) as client:
        assert refresh(client, refresh_token=second).status_code == 200


def test_a_clock_that_is_wrong(client: httpx.Client) -> None:
    assert client.post("/_sandbox/options", json={"date_skew_s": -3600}).status_code == 200
    answer = refresh(client)
    (date,) = answer.headers.get_list("date")
    behind = datetime.now(UTC) - parsedate_to_datetime(date)
    assert abs(behind - timedelta(hours=1)) < timedelta(seconds=30)
    assert client.post("/_sandbox/options", json={"nonsense": 1}).status_code == 400
