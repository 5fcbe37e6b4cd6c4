"""Two hundred days with a fault on most of them: in the end raw is what the partners hold."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any

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
        found = contents(conn)
        assert_ledger_balances(conn)

        create_database(server, "fresh", template=template_database)
        fresh = settings_for(server, "fresh", tmp_path_factory.mktemp("home") / "home")
        with connect(fresh, role="loader") as other:
            final = pointed_at(fresh, url, keys, SOLEFLIP_AS_OF=day.isoformat())
            read_all(final, other, LISTS, stop=True)
            expected = contents(other)
    assert arrived > 2 * ORDERS
    for table in EXACT:
        assert found[table] == expected[table], table
    for table in GROWING:
        assert set(expected[table]) <= set(found[table]), table
