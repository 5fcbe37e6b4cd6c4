"""Every fault of the matrix against the whole ingestion: after it, one clean run makes all whole.

Each fault strikes real HTTP replies of the sandbox. Whatever a faulty reading left behind, the next
clean one ends with raw tables equal to those of an undisturbed reading, nothing doubled or lost,
and a ledger that balances.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from soleflip_pipelines.clients import http as partner_http
from soleflip_pipelines.sandbox.business import Generation, generate
from soleflip_pipelines.sandbox.faults import EXPIRED, KINDS
from soleflip_pipelines.sandbox.keys import Keys
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.connection import connect
from tests.conftest import create_database, settings_for
from tests.faults.whole_run import (
    LISTS,
    STREAMS,
    UNTIL,
    assert_ledger_balances,
    contents,
    order_fault,
    pointed_at,
    read_all,
    serving,
)

pytestmark = [pytest.mark.integration, pytest.mark.api, pytest.mark.usefixtures("no_waiting")]

ORDERS = 40
STORM_ORDERS = 200
KEYS = Keys()
HISTORY = "/stockx/v2/selling/orders/history"
ACTIVE = "/stockx/v2/selling/orders/active"
LISTINGS = "/stockx/v2/selling/listings"
EBAY = "/ebay/sell/fulfillment/v1/order"
ALIAS = "/alias/api/v1/orders"
FEED = "/awin/datafeed/download"
DETAILS = "raw_stockx.order_details"
OF_LISTS = {
    "raw_stockx.orders",
    DETAILS,
    "raw_stockx.listings",
    "raw_ebay.orders",
    "raw_alias.orders",
    "raw_awin.feeds",
    "raw_awin.offers",
}
JSON_PATHS = (HISTORY, LISTINGS, EBAY, ALIAS)
# What no number of tries within one run can make good: the stream must say so in one sentence.
FATAL = {
    "redirect": "redirect to another host",
    "gzip_bomb": "implausibly many bytes",
    "empty": "it is empty",
    "endless": "more than",
}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A small business, so that each of many readings is short."""
    with serving(made(tmp_path_factory, ORDERS), KEYS) as url:
        yield url


@pytest.fixture(scope="module")
def undisturbed(
    server: Any, template_database: str, sandbox: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[str]]:
    """What a reading without any fault leaves in raw."""
    create_database(server, "undisturbed", template=template_database)
    calm = settings_for(server, "undisturbed", tmp_path_factory.mktemp("home") / "home")
    return read_undisturbed(calm, sandbox, ORDERS)


def made(tmp_path_factory: pytest.TempPathFactory, orders: int) -> Path:
    folder = tmp_path_factory.mktemp("sandbox")
    generate(folder, Generation(seed=7, orders=orders, until=UNTIL))
    return folder


def read_undisturbed(calm: Settings, url: str, orders: int) -> dict[str, list[str]]:
    with connect(calm, role="loader") as conn:
        outcome = read_all(pointed_at(calm, url, KEYS), conn, stop=True)
        assert outcome.changed > orders
        assert_ledger_balances(conn)
        return contents(conn)


@pytest.fixture
def live(settings: Settings, sandbox: str) -> Iterator[Settings]:
    yield pointed_at(settings, sandbox, KEYS)
    httpx.delete(f"{sandbox}/_sandbox/faults")


def assert_healed(
    live: Settings,
    conn: psycopg.Connection,
    sandbox: str,
    undisturbed: dict[str, list[str]],
    streams: Sequence[Callable[..., Any]] = LISTS,
) -> None:
    """One clean run makes everything whole."""
    httpx.delete(f"{sandbox}/_sandbox/faults")
    read_all(live, conn, streams, stop=True)
    found = contents(conn)
    # An order that a faulty list made look open was asked for: a true detail more does no harm.
    assert set(undisturbed[DETAILS]) <= set(found[DETAILS])
    expected = {**undisturbed, DETAILS: found[DETAILS]}
    if streams is LISTS:
        expected = {table: rows for table, rows in expected.items() if table in OF_LISTS}
    differing = {
        table: (sorted(set(rows) - set(found[table])), sorted(set(found[table]) - set(rows)))
        for table, rows in expected.items()
        if table in found and found[table] != rows
    }
    assert not differing, "lacking and unknown hashes by table"
    assert found == expected
    assert_ledger_balances(conn)


def test_every_kind_of_fault_is_in_this_matrix() -> None:
    tested = {kind for kind, *_ in CASES} | set(FATAL) | {"drip", "slow"}
    assert tested == KINDS


CASES: list[tuple[str, tuple[str, ...], dict[str, Any]]] = [
    ("status", (*JSON_PATHS, FEED), {"status": 503}),
    ("html504", (*JSON_PATHS, FEED), {}),
    ("errorMessage", JSON_PATHS, {}),
    ("errorMessage", JSON_PATHS, {"status": 200}),
    ("rate_limit", JSON_PATHS, {"retry_after": "0"}),
    ("rate_limit", JSON_PATHS, {"retry_after": "86400"}),
    ("truncated", (*JSON_PATHS, FEED), {}),
    ("invalid_json", JSON_PATHS, {}),
    ("wrong_type", JSON_PATHS, {}),
    ("reset", (*JSON_PATHS, FEED), {}),
    (EXPIRED, (HISTORY, LISTINGS, EBAY), {}),
    ("shift", JSON_PATHS, {}),
    ("vanish", (ACTIVE, *JSON_PATHS), {}),
    ("repeat_page", JSON_PATHS, {}),
    ("stale", (ACTIVE, *JSON_PATHS), {}),
    ("one_row", (FEED,), {}),
]


@pytest.mark.parametrize(
    ("kind", "paths", "options"), CASES, ids=lambda v: v if isinstance(v, str) else None
)
def test_a_fault_is_made_good_by_the_next_clean_run(
    live: Settings,
    conn: psycopg.Connection,
    sandbox: str,
    undisturbed: dict[str, list[str]],
    kind: str,
    paths: tuple[str, ...],
    options: dict[str, Any],
) -> None:
    for path in paths:
        order_fault(sandbox, path=path, kind=kind, times=2, **options)
    outcome = read_all(live, conn, LISTS)
    assert all("\n" not in error for error in outcome.errors)
    assert_ledger_balances(conn)
    assert_healed(live, conn, sandbox, undisturbed)


@pytest.mark.parametrize("kind", FATAL)
def test_what_cannot_pass_is_said_in_one_sentence(
    live: Settings,
    conn: psycopg.Connection,
    sandbox: str,
    undisturbed: dict[str, list[str]],
    kind: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(partner_http, "MAX_JSON_BYTES", 1024 * 1024)
    path = FEED if kind in ("gzip_bomb", "empty") else LISTINGS
    order_fault(sandbox, path=path, kind=kind, times=100)
    outcome = read_all(live, conn, LISTS)
    assert any(FATAL[kind] in error for error in outcome.errors), outcome.errors
    assert_healed(live, conn, sandbox, undisturbed)


def test_a_storm_of_hundreds_is_made_good_by_one_clean_run(
    server: Any,
    template_database: str,
    settings: Settings,
    conn: psycopg.Connection,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """A larger business, whose first reading makes hundreds of calls."""
    create_database(server, "calm", template=template_database)
    calm = settings_for(server, "calm", tmp_path_factory.mktemp("home") / "home")
    with serving(made(tmp_path_factory, STORM_ORDERS), KEYS) as url:
        expected = read_undisturbed(calm, url, STORM_ORDERS)
        live = pointed_at(settings, url, KEYS)
        storm = {"seed": 1, "count": 200, "share": 0.4}
        assert httpx.post(f"{url}/_sandbox/storm", json=storm).status_code == 201
        for _ in range(40):
            read_all(live, conn)
            assert_ledger_balances(conn)
            left = httpx.get(f"{url}/_sandbox/storm").json()["left"]
            if left == 0:
                break
        assert left == 0
        assert_healed(live, conn, url, expected, STREAMS)
