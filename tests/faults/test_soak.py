"""Days with faults, and days without a run: in the end raw is what the partners hold."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from soleflip_pipelines.sandbox.keys import Keys
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.connection import connect
from tests.conftest import create_database, settings_for
from tests.faults.test_matrix import ACTIVE, ALIAS, DETAILS, EBAY, FEED, HISTORY, LISTINGS, made
from tests.faults.whole_run import (
    LISTS,
    UNTIL,
    assert_ledger_balances,
    contents,
    order_fault,
    pointed_at,
    read_all,
    serving,
)

pytestmark = [pytest.mark.integration, pytest.mark.api, pytest.mark.usefixtures("no_waiting")]

STEPS, STEP_DAYS = 10, 20
ORDERS = 40
KINDS = ("html504", "truncated", "reset", "invalid_json", "shift", "vanish", "stale", "repeat_page")
EXACT = ("raw_stockx.orders", "raw_stockx.listings", "raw_ebay.orders", "raw_alias.orders")
GROWING = (DETAILS, "raw_awin.offers")  # what is gone or settled stays as it was known


def test_two_hundred_days_of_faults_lose_nothing(
    server: Any,
    template_database: str,
    settings: Settings,
    conn: psycopg.Connection,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    keys, rng = Keys(), Random(200)
    with serving(made(tmp_path_factory, ORDERS), keys) as url:
        arrived = 0
        for step in range(STEPS + 1):
            day = UNTIL + timedelta(days=step * STEP_DAYS)
            now = pointed_at(settings, url, keys, SOLEFLIP_AS_OF=day.isoformat())
            for _ in range(rng.randint(0, 3)):
                path = rng.choice((HISTORY, ACTIVE, LISTINGS, EBAY, ALIAS))
                order_fault(url, path=path, kind=rng.choice(KINDS), times=rng.randint(1, 8))
            if rng.random() < 0.2:
                order_fault(url, path=FEED, kind="truncated", times=1)
            arrived += read_all(now, conn, LISTS).changed
            assert_ledger_balances(conn)
            if step < STEPS:
                done = httpx.post(f"{url}/_sandbox/advance", json={"days": STEP_DAYS}, timeout=60)
                assert done.status_code == 200
        httpx.delete(f"{url}/_sandbox/faults")
        read_all(now, conn, LISTS, stop=True)
        assert arrived > 2 * ORDERS
        assert_ledger_balances(conn)
        assert_nothing_is_lacking(server, template_database, now, conn, tmp_path_factory)


def test_two_days_without_a_run_are_made_up_for_by_one(
    server: Any,
    template_database: str,
    settings: Settings,
    conn: psycopg.Connection,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """What a run reads begins where the last one ended, whenever it was to start."""
    keys = Keys()
    with serving(made(tmp_path_factory, 400), keys) as url:
        read_all(pointed_at(settings, url, keys), conn, LISTS, stop=True)
        for _ in range(2):
            assert httpx.post(f"{url}/_sandbox/advance", json={"days": 1}).status_code == 200
        day = UNTIL + timedelta(days=2)
        now = pointed_at(settings, url, keys, SOLEFLIP_AS_OF=day.isoformat())
        assert read_all(now, conn, LISTS, stop=True).changed > 0
        assert_ledger_balances(conn)
        assert_nothing_is_lacking(server, template_database, now, conn, tmp_path_factory)


def assert_nothing_is_lacking(
    server: Any,
    template_database: str,
    now: Settings,
    conn: psycopg.Connection,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Raw is what a first reading of today finds."""
    name = f"fresh_{uuid4().hex[:8]}"
    create_database(server, name, template=template_database)
    fresh = settings_for(server, name, tmp_path_factory.mktemp("home") / "home")
    with connect(fresh, role="loader") as other:
        changes = {"database_url": fresh.database_url, "home": fresh.home}
        read_all(now.model_copy(update=changes), other, LISTS, stop=True)
        expected = contents(other)
    found = contents(conn)
    for table in EXACT:
        assert found[table] == expected[table], table
    for table in GROWING:
        assert set(expected[table]) <= set(found[table]), table
