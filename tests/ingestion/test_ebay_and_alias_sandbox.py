"""eBay and Alias against the sandbox over HTTP: complete, repeatable, and through its faults."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import httpx
import psycopg
import pytest

from soleflip_pipelines.clients import ebay as ebay_client
from soleflip_pipelines.clients.errors import PermanentPartnerError
from soleflip_pipelines.ingestion.alias import sync_alias_listings, sync_alias_orders
from soleflip_pipelines.ingestion.ebay import sync_ebay_orders
from soleflip_pipelines.sandbox.business import Generation, generate
from soleflip_pipelines.settings import Settings, load_settings
from soleflip_pipelines.warehouse.loader import BatchResult
from tests.sandbox.conftest import KEYS, UNTIL, serving

pytestmark = [pytest.mark.integration, pytest.mark.api, pytest.mark.usefixtures("no_waiting")]

STREAMS = (sync_ebay_orders, sync_alias_orders, sync_alias_listings)
PASSING = (
    "status", "html504", "errorMessage", "truncated", "invalid_json", "wrong_type", "reset",
    "shift", "repeat_page", "vanish",
)  # fmt: skip


@pytest.fixture(scope="module")
def business(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("marketplaces")
    generate(folder, Generation(7, 1_400, UNTIL))
    return folder


@pytest.fixture(scope="module")
def service(business: Path) -> Iterator[httpx.Client]:
    with serving(business) as client:
        yield client


@pytest.fixture
def sandbox(service: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    """The service, with pages so small that a fault has some to strike."""
    monkeypatch.setattr(ebay_client, "PAGE_SIZE", 10)
    yield service
    service.delete("/_sandbox/faults")


@pytest.fixture
def live(settings: Settings, sandbox: httpx.Client) -> Settings:
    return pointed_at(settings, sandbox)


def pointed_at(settings: Settings, sandbox: httpx.Client, **changes: str) -> Settings:
    assert settings.database_url is not None
    url = str(sandbox.base_url).rstrip("/")
    values = {
        "SOLEFLIP_HOME": str(settings.home),
        "SOLEFLIP_DATABASE_URL": settings.database_url.get_secret_value(),
        "SOLEFLIP_AS_OF": UNTIL.isoformat(),
        "EBAY_API_URL": f"{url}/ebay",
        "EBAY_AUTH_URL": f"{url}/ebay-auth",
        "EBAY_CLIENT_ID": KEYS.ebay_client_id,
        "EBAY_CLIENT_SECRET": KEYS.ebay_client_secret,
        "EBAY_REFRESH_TOKEN": KEYS.ebay_refresh_token,
        "ALIAS_API_URL": f"{url}/alias/api/v1",
        "ALIAS_TOKEN": KEYS.alias_token,
    }
    return load_settings({**values, **changes})


def quiet(_: str) -> None:
    """A log that nobody reads."""


def run_all(settings: Settings, conn: psycopg.Connection) -> list[BatchResult]:
    return [result for sync in STREAMS for result in sync(settings, conn, log=quiet)]


def assert_complete(conn: psycopg.Connection, folder: Path) -> None:
    """Every order line of the truth that an interface tells is in raw, and nothing else."""
    with sqlite3.connect(folder / "truth.sqlite") as truth:
        known = truth.execute(
            "select platform, order_number, order_line from sold_order"
            " where platform <> 'stockx' and sources like '%api%' order by 1, 2, 3"
        ).fetchall()
    found = conn.execute(
        "select 'alias', payload ->> 'purchase_order_number', '1' from raw_alias.orders union all"
        " select 'ebay', order_id, line ->> 'lineItemId' from raw_ebay.orders,"
        " jsonb_array_elements(payload -> 'lineItems') as line"
    ).fetchall()
    assert sorted(found) == known
    assert len({platform for platform, _, _ in known}) == 2
    rejected = conn.execute("select asset, reason from integration.rejected_rows").fetchall()
    assert rejected == []
    booked = conn.execute(
        "select asset, sum(rows_inserted) from integration.import_batches group by asset order by 1"
    ).fetchall()
    stored = conn.execute(
        "select 'raw_alias.listings', count(*) from raw_alias.listings union all"
        " select 'raw_alias.orders', count(*) from raw_alias.orders union all"
        " select 'raw_ebay.orders', count(*) from raw_ebay.orders order by 1"
    ).fetchall()
    assert booked == stored


def test_everything_arrives_and_a_second_run_loads_nothing(
    live: Settings, conn: psycopg.Connection, business: Path
) -> None:
    run_all(live, conn)
    assert_complete(conn, business)
    kinds = conn.execute(
        "select count(*) filter (where jsonb_array_length(payload -> 'lineItems') > 1),"
        " count(*) filter (where payload ->> 'orderPaymentStatus' = 'FULLY_REFUNDED'),"
        " count(*) filter (where payload ->> 'orderPaymentStatus' = 'PARTIALLY_REFUNDED'),"
        " count(*) filter (where payload #>> '{cancelStatus,cancelState}' = 'CANCELED'),"
        " count(*) filter (where payload #>> '{cancelStatus,cancelState}' = 'CANCELED'"
        "   and jsonb_array_length(payload #> '{cancelStatus,cancelRequests}') = 0)"
        " from raw_ebay.orders"
    ).fetchone()
    assert kinds is not None
    assert all(count > 0 for count in kinds[:4])
    assert kinds[4] == 0
    again = run_all(live, conn)
    assert sum(result.inserted + result.updated for result in again) == 0
    assert all(result.read > 0 for result in again[1:])


@pytest.mark.parametrize("kind", PASSING)
def test_passing_faults_cost_nothing_in_the_end(
    live: Settings, conn: psycopg.Connection, sandbox: httpx.Client, business: Path, kind: str
) -> None:
    for path in ("/ebay/sell", "/alias/api/v1/orders", "/alias/api/v1/listings"):
        fault = {"path": path, "kind": kind, "times": 2, "status": 503}
        assert sandbox.post("/_sandbox/faults", json=fault).status_code == 201
    run_all(live, conn)
    run_all(live, conn)
    assert_complete(conn, business)


def test_a_storm_costs_nothing_in_the_end(
    live: Settings, conn: psycopg.Connection, sandbox: httpx.Client, business: Path
) -> None:
    storm = {"seed": 3, "count": 60, "share": 0.3, "kinds": [*PASSING, "rate_limit"]}
    assert sandbox.post("/_sandbox/storm", json=storm).status_code == 201
    run_all(live, conn)
    sandbox.delete("/_sandbox/faults")
    run_all(live, conn)
    assert_complete(conn, business)


def test_a_token_that_expires_in_mid_run_is_renewed(
    live: Settings, conn: psycopg.Connection, sandbox: httpx.Client, business: Path
) -> None:
    fault = {"path": "/ebay/sell", "kind": "expired_token"}
    assert sandbox.post("/_sandbox/faults", json=fault).status_code == 201
    run_all(live, conn)
    assert_complete(conn, business)


@pytest.mark.parametrize(
    ("variable", "hint"),
    [
        ("EBAY_REFRESH_TOKEN", r"soleflip connect ebay.*EBAY_REFRESH_TOKEN"),
        ("EBAY_CLIENT_SECRET", "check EBAY_CLIENT_ID and EBAY_CLIENT_SECRET"),
        ("ALIAS_TOKEN", "check ALIAS_TOKEN"),
    ],
)
def test_a_wrong_secret_is_one_sentence_that_names_it(
    settings: Settings, conn: psycopg.Connection, sandbox: httpx.Client, variable: str, hint: str
) -> None:
    wrong = pointed_at(settings, sandbox, **{variable: "WRONG-secret"})
    with pytest.raises(PermanentPartnerError, match=hint) as caught:
        (sync_alias_orders if variable == "ALIAS_TOKEN" else sync_ebay_orders)(
            wrong, conn, log=quiet
        )
    assert "\n" not in str(caught.value)
    assert "WRONG-secret" not in str(caught.value)


def test_time_that_passes_is_followed(
    settings: Settings, conn: psycopg.Connection, tmp_path: Path
) -> None:
    """Orders that are new or move on are found by when they changed."""
    generate(tmp_path, Generation(7, 400, UNTIL))
    with serving(tmp_path) as sandbox:
        run_all(pointed_at(settings, sandbox), conn)
        assert sandbox.post("/_sandbox/advance", json={"days": 20}).status_code == 200
        later = date.fromordinal(UNTIL.toordinal() + 20).isoformat()
        moved = run_all(pointed_at(settings, sandbox, SOLEFLIP_AS_OF=later), conn)
    assert sum(result.inserted + result.updated for result in moved) > 0
    assert_complete(conn, tmp_path)
