"""The whole ingestion against the sandbox over HTTP: complete, repeatable, and through faults."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import uvicorn

from soleflip_pipelines.clients.errors import PermanentPartnerError, TransientPartnerError
from soleflip_pipelines.ingestion import awin, ecb, stockx
from soleflip_pipelines.sandbox.app import create_app
from soleflip_pipelines.sandbox.business import Generation, generate
from soleflip_pipelines.sandbox.gate import Keys
from soleflip_pipelines.settings import Settings, load_settings
from soleflip_pipelines.warehouse.loader import BatchResult

pytestmark = [pytest.mark.integration, pytest.mark.api, pytest.mark.usefixtures("no_waiting")]

ORDERS = 240
UNTIL = date(2026, 6, 30)
KEYS = Keys(
    api_key="CANARY-api-key",
    client_id="client",
    client_secret="CANARY-client-secret",
    refresh_token="CANARY-refresh-token",
    awin_key="CANARY-awin-key",
)
STREAMS = (
    stockx.sync_orders,
    stockx.sync_order_details,
    stockx.sync_listings,
    stockx.sync_products,
    stockx.find_products,
    stockx.sync_variants,
    stockx.sync_market_data,
    awin.sync_feeds,
    ecb.sync_reference_rates,
)


@pytest.fixture(scope="module")
def business(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sandbox")
    generate(folder, Generation(seed=7, orders=ORDERS, until=UNTIL))
    return folder


@pytest.fixture(scope="module")
def sandbox(business: Path) -> Iterator[str]:
    """The sandbox's application, served from a thread of the test's process."""
    config = uvicorn.Config(
        create_app(business, keys=KEYS),
        port=0,
        log_level="critical",
        lifespan="off",
        date_header=False,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=5)


@pytest.fixture
def live(settings: Settings, sandbox: str) -> Iterator[Settings]:
    """Settings of the test's database with the sandbox as every partner."""
    yield pointed_at(settings, sandbox)
    httpx.delete(f"{sandbox}/_sandbox/faults")


def pointed_at(settings: Settings, url: str, **changes: str) -> Settings:
    assert settings.database_url is not None
    values = {
        "SOLEFLIP_HOME": str(settings.home),
        "SOLEFLIP_DATABASE_URL": settings.database_url.get_secret_value(),
        "SOLEFLIP_AS_OF": UNTIL.isoformat(),
        "STOCKX_API_URL": f"{url}/stockx/v2",
        "STOCKX_AUTH_URL": f"{url}/stockx-auth",
        "STOCKX_API_KEY": KEYS.api_key,
        "STOCKX_CLIENT_ID": KEYS.client_id,
        "STOCKX_CLIENT_SECRET": KEYS.client_secret,
        "STOCKX_REFRESH_TOKEN": KEYS.refresh_token,
        "STOCKX_MIN_INTERVAL_S": "0",
        "AWIN_BASE_URL": f"{url}/awin",
        "AWIN_API_KEY": KEYS.awin_key,
        "ECB_BASE_URL": f"{url}/ecb",
    }
    return load_settings({**values, **changes})


def order_fault(sandbox: str, path: str, kind: str, times: int = 1) -> None:
    fault = {"path": path, "kind": kind, "times": times}
    assert httpx.post(f"{sandbox}/_sandbox/faults", json=fault).status_code == 201


def run_all(settings: Settings, conn: psycopg.Connection, log: Any = str) -> list[BatchResult]:
    return [result for sync in STREAMS for result in sync(settings, conn, log=log)]


def fingerprint(conn: psycopg.Connection) -> dict[str, Any]:
    tables = [
        table
        for (table,) in conn.execute(
            "select table_schema || '.' || table_name from information_schema.tables"
            " where table_schema like 'raw\\_%' order by 1"
        ).fetchall()
    ]
    return {
        table: conn.execute(
            f"select count(*), md5(string_agg(payload_hash, '' order by payload_hash)) from {table}"
        ).fetchone()
        for table in tables
    }


def test_everything_arrives_and_a_second_run_changes_nothing(
    live: Settings, conn: psycopg.Connection, business: Path
) -> None:
    run_all(live, conn)
    before = fingerprint(conn)
    assert before["raw_stockx.orders"][0] == ORDERS
    with sqlite3.connect(business / "truth.sqlite") as truth:
        known = truth.execute(
            "select order_number from sold_order where platform = 'stockx' order by 1"
        ).fetchall()
    assert conn.execute("select order_number from raw_stockx.orders order by 1").fetchall() == known
    unfetched = conn.execute(
        "select count(*) from raw_stockx.orders o where not exists (select from raw_stockx.variants"
        " v where v.variant_id = o.payload #>> '{variant,variantId}')"
    ).fetchone()
    assert unfetched == (0,)
    again = run_all(live, conn)
    assert fingerprint(conn) == before
    assert sum(result.inserted + result.updated for result in again) == 0
    assert not [r for r in again if r.asset == "raw_stockx.order_details"]


@pytest.mark.parametrize(
    "kind", ["status", "html504", "truncated", "errorMessage", "reset", "rate_limit"]
)
def test_passing_faults_in_mid_run_cost_nothing(
    live: Settings, conn: psycopg.Connection, sandbox: str, kind: str
) -> None:
    for path in ("/stockx/v2/selling/orders/history", "/stockx/v2/selling/listings"):
        order_fault(sandbox, path, kind, times=2)
    stockx.sync_orders(live, conn, log=str)
    stockx.sync_listings(live, conn, log=str)
    assert fingerprint(conn)["raw_stockx.orders"][0] == ORDERS


def test_a_token_that_expires_in_mid_run_is_renewed(
    live: Settings, conn: psycopg.Connection, sandbox: str
) -> None:
    order_fault(sandbox, "/stockx/v2/selling/orders/history", "expired_token")
    stockx.sync_orders(live, conn, log=str)
    assert fingerprint(conn)["raw_stockx.orders"][0] == ORDERS


def test_a_marketplace_that_stays_down_fails_clearly_and_heals_later(
    live: Settings, conn: psycopg.Connection, sandbox: str
) -> None:
    order_fault(sandbox, "/stockx/v2/selling", "html504", times=100)
    with pytest.raises(TransientPartnerError, match=r"^StockX: GET http\S+ gave 504$"):
        stockx.sync_orders(live, conn, log=str)
    assert fingerprint(conn)["raw_stockx.orders"][0] == 0
    httpx.delete(f"{sandbox}/_sandbox/faults")
    stockx.sync_orders(live, conn, log=str)
    assert fingerprint(conn)["raw_stockx.orders"][0] == ORDERS


@pytest.mark.parametrize(
    ("variable", "sync", "hint"),
    [
        ("STOCKX_API_KEY", stockx.sync_orders, "check STOCKX_API_KEY"),
        ("STOCKX_REFRESH_TOKEN", stockx.sync_orders, "check STOCKX_REFRESH_TOKEN"),
        ("AWIN_API_KEY", awin.sync_feeds, "check AWIN_API_KEY"),
    ],
)
def test_a_wrong_secret_is_one_sentence_that_names_it(
    live: Settings, conn: psycopg.Connection, sandbox: str, variable: str, sync: Any, hint: str
) -> None:
    wrong = pointed_at(live, sandbox, **{variable: "WRONG-secret"})
    with pytest.raises(PermanentPartnerError, match=hint) as caught:
        sync(wrong, conn, log=str)
    assert "\n" not in str(caught.value)
    assert "WRONG-secret" not in str(caught.value)


def test_no_secret_is_stored_or_logged(
    live: Settings,
    conn: psycopg.Connection,
    sandbox: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    order_fault(sandbox, "/awin", "errorMessage", times=2)
    order_fault(sandbox, "/stockx", "status", times=2)
    lines: list[str] = []
    run_all(live, conn, log=lines.append)
    assert "trying again" in caplog.text
    assert "CANARY" not in caplog.text + "".join(lines)
    for table in (*fingerprint(conn), "integration.import_batches", "integration.sync_state"):
        query = f"select count(*) from {table} t where t::text like '%CANARY%'"
        assert conn.execute(query).fetchone() == (0,), table
