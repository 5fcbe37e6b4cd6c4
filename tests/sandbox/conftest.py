"""Fixtures of the sandbox tests: a small generated business, a client on its app, the contract."""

from __future__ import annotations

import json
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from soleflip_pipelines.sandbox import storage
from soleflip_pipelines.sandbox.app import create_app
from soleflip_pipelines.sandbox.business import DEFAULT_SEED, Generation, generate
from soleflip_pipelines.sandbox.catalogue import DEFAULT_ORDERS
from soleflip_pipelines.sandbox.keys import Keys, Limits

UNTIL = date(2026, 11, 22)
CONTRACTS = Path(__file__).parent / "contracts"
KEYS = Keys()


def make_business(folder: Path, orders: int, seed: int = 7) -> Path:
    """Generate a business into a folder and return the folder."""
    generate(folder, Generation(seed, orders, UNTIL))
    return folder


@pytest.fixture(scope="session")
def business(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A business of 300 orders."""
    return make_business(tmp_path_factory.mktemp("business"), 300)


@pytest.fixture(scope="session")
def full_business(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The business of the first start."""
    folder = tmp_path_factory.mktemp("full")
    generate(folder, Generation(DEFAULT_SEED, DEFAULT_ORDERS, UNTIL))
    return folder


@pytest.fixture
def truth(full_business: Path) -> Iterator[sqlite3.Connection]:
    """The truth of the business of the first start."""
    connection = storage.open_read_only(full_business / storage.TRUTH)
    yield connection
    connection.close()


@contextmanager
def serving(folder: Path, limits: Limits | None = None) -> Iterator[httpx.Client]:
    """Serve a business over HTTP from a thread; yields a client that is not yet authorised."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(create_app(folder, limits=limits), log_level="critical", ws="none",
                            date_header=False)  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    port = listener.getsockname()[1]
    try:
        address = f"http://127.0.0.1:{port}"
        with httpx.Client(base_url=address, timeout=10.0, verify=False) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="session")
def service(business: Path) -> Iterator[httpx.Client]:
    """A running service without limits."""
    with serving(business) as client:
        yield client


@pytest.fixture
def client(service: httpx.Client) -> Iterator[httpx.Client]:
    """A client of the service, on which no ordered fault or option outlives the test."""
    yield service
    service.delete("/_sandbox/faults")
    service.post("/_sandbox/options", json={"rotate_refresh_tokens": False, "date_skew_s": 0})


def refresh(client: httpx.Client, **changes: str) -> httpx.Response:
    """Ask for an access token; returns the answer."""
    form = {
        "grant_type": "refresh_token",
        "client_id": KEYS.client_id,
        "client_secret": KEYS.client_secret,
        "audience": "gateway.stockx.com",
        "refresh_token": KEYS.refresh_token,
    }
    return client.post("/stockx-auth/oauth/token", data=form | changes)


@pytest.fixture
def stockx(client: httpx.Client) -> Callable[..., Any]:
    """Call a StockX path with good keys: `stockx("/selling/listings", pageSize=10)`."""
    token = refresh(client).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}", "x-api-key": KEYS.api_key}

    def call(path: str, **query: object) -> Any:
        return client.get("/stockx/v2" + path, params=query, headers=headers)  # type: ignore[arg-type]

    return call


@pytest.fixture
def ebay(client: httpx.Client) -> Callable[..., Any]:
    """Call a path of eBay's Fulfillment interface with a good token: `ebay("/order", limit=5)`."""
    form = {"grant_type": "refresh_token", "refresh_token": KEYS.ebay_refresh_token}
    pair = (KEYS.ebay_client_id, KEYS.ebay_client_secret)
    answer = client.post("/ebay/identity/v1/oauth2/token", data=form, auth=pair)
    headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def call(path: str, **query: object) -> Any:
        base = "" if path.startswith("http") else "/ebay/sell/fulfillment/v1"
        return client.get(base + path, params=query or None, headers=headers)  # type: ignore[arg-type]

    return call


@pytest.fixture
def alias(client: httpx.Client) -> Callable[..., Any]:
    """Call a path of Alias with a good token: `alias("/orders", page_size=5)`."""
    headers = {"Authorization": f"Bearer {KEYS.alias_token}"}

    def call(path: str, **query: object) -> Any:
        return client.get("/alias/api/v1" + path, params=query, headers=headers)  # type: ignore[arg-type]

    return call


def _as_json_schema(node: Any, *, is_closed: bool) -> Any:
    """An OpenAPI 3.0 schema as JSON Schema: `nullable` becomes a second allowed type.

    In a closed schema an object has no other properties than those that are named.
    """
    if isinstance(node, list):
        return [_as_json_schema(item, is_closed=is_closed) for item in node]
    if not isinstance(node, dict):
        return node
    plain = {k: _as_json_schema(v, is_closed=is_closed) for k, v in node.items() if k != "nullable"}
    if is_closed and node.get("type") == "object" and "properties" in node:
        plain["additionalProperties"] = False
    if node.get("nullable") is True:
        return {"anyOf": [plain, {"type": "null"}]}
    return plain


@pytest.fixture(scope="session")
def problems() -> Callable[[str, Any], list[str]]:
    """What is wrong with a value by a named schema of StockX's published contract."""
    return _checker("stockx-public-api-v2.openapi.json", is_closed=False)


@pytest.fixture(scope="session")
def ebay_problems() -> Callable[[str, Any], list[str]]:
    """What is wrong with a value by a named schema of eBay's, which require and close nothing."""
    return _checker("ebay-sell-fulfillment-v1.openapi.json", is_closed=True)


def _checker(contract: str, *, is_closed: bool) -> Callable[[str, Any], list[str]]:
    text = (CONTRACTS / contract).read_text("utf-8")
    document = _as_json_schema(json.loads(text), is_closed=is_closed)
    registry: Registry[Any] = Registry().with_resource("contract", Resource(document, DRAFT202012))

    def check(schema: str, value: Any) -> list[str]:
        reference = {"$ref": f"contract#/components/schemas/{schema}"}
        validator = Draft202012Validator(reference, registry=registry)
        return [f"{e.json_path}: {e.message}" for e in validator.iter_errors(value)]

    return check
