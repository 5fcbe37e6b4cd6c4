"""The whole ingestion against the sandbox over HTTP: complete, repeatable, and through faults."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from soleflip_pipelines.clients.errors import PermanentPartnerError, TransientPartnerError
from soleflip_pipelines.ingestion import awin, stockx
from soleflip_pipelines.sandbox.business import Generation, generate
from soleflip_pipelines.sandbox.keys import Keys
from soleflip_pipelines.settings import Settings
from tests.faults.whole_run import UNTIL, contents, order_fault, pointed_at, read_all, serving

pytestmark = [pytest.mark.integration, pytest.mark.api, pytest.mark.usefixtures("no_waiting")]

ORDERS = 240
KEYS = Keys(
    api_key="CANARY-api-key",
    client_id="client",
    client_secret="CANARY-client-secret",
    refresh_token="CANARY-refresh-token",
    awin_key="CANARY-awin-key",
    ebay_client_secret="CANARY-ebay-secret",
    ebay_refresh_token="CANARY-ebay-refresh-token",
    alias_token="CANARY-alias-token",
)

# What all readings together have asked for by number.
DETAIL_ROWS_READ = """
    select coalesce(sum(rows_read), 0)::bigint from integration.import_batches
    where asset = 'raw_stockx.order_details'
"""


@pytest.fixture(scope="module")
def business(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sandbox")
    generate(folder, Generation(seed=7, orders=ORDERS, until=UNTIL))
    return folder


@pytest.fixture(scope="module")
def sandbox(business: Path) -> Iterator[str]:
    with serving(business, KEYS) as url:
        yield url


@pytest.fixture
def live(settings: Settings, sandbox: str) -> Iterator[Settings]:
    """Settings of the test's database with the sandbox as every partner."""
    yield pointed_at(settings, sandbox, KEYS)
    httpx.delete(f"{sandbox}/_sandbox/faults")


def test_everything_arrives_and_a_second_run_changes_nothing(
    live: Settings, conn: psycopg.Connection, business: Path
) -> None:
    read_all(live, conn, stop=True)
    before = contents(conn)
    details = conn.execute("select count(*) from raw_stockx.order_details").fetchone()
    assert len(before["raw_stockx.orders"]) == ORDERS
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
    assert read_all(live, conn, stop=True).changed == 0
    assert contents(conn) == before
    assert conn.execute(DETAIL_ROWS_READ).fetchone() == details


def test_a_marketplace_that_stays_down_fails_clearly_and_heals_later(
    live: Settings, conn: psycopg.Connection, sandbox: str
) -> None:
    order_fault(sandbox, path="/stockx/v2/selling", kind="html504", times=100)
    with pytest.raises(TransientPartnerError, match=r"^StockX: GET http\S+ gave 504$"):
        stockx.sync_orders(live, conn, log=str)
    assert "raw_stockx.orders" not in contents(conn)
    httpx.delete(f"{sandbox}/_sandbox/faults")
    stockx.sync_orders(live, conn, log=str)
    assert len(contents(conn)["raw_stockx.orders"]) == ORDERS


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
    wrong = pointed_at(live, sandbox, KEYS, **{variable: "WRONG-secret"})
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
    for path in ("/awin", "/stockx", "/ebay", "/alias"):
        order_fault(sandbox, path=path, kind="errorMessage", times=2)
    outcome = read_all(live, conn, stop=True)
    assert "trying again" in caplog.text
    assert "CANARY" not in caplog.text + "".join(outcome.lines)
    for table in (*contents(conn), "integration.import_batches", "integration.sync_state"):
        query = f"select count(*) from {table} t where t::text like '%CANARY%'"
        assert conn.execute(query).fetchone() == (0,), table
