"""The whole ingestion against a sandbox served from a thread, and what it left in raw."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import psycopg
import uvicorn

from soleflip_pipelines.errors import SoleflipError
from soleflip_pipelines.ingestion import alias, awin, ebay, ecb, stockx
from soleflip_pipelines.sandbox.app import create_app
from soleflip_pipelines.sandbox.keys import Keys
from soleflip_pipelines.settings import Settings, load_settings
from soleflip_pipelines.warehouse.loader import BatchResult

UNTIL = date(2026, 6, 30)
# The streams that read lists and files, whose pages and bodies the faults strike.
LISTS = (
    stockx.sync_orders,
    stockx.sync_order_details,
    stockx.sync_listings,
    ebay.sync_ebay_orders,
    alias.sync_alias_orders,
    awin.sync_feeds,
)
STREAMS = (
    *LISTS,
    stockx.sync_products,
    stockx.find_products,
    stockx.sync_variants,
    stockx.sync_market_data,
    alias.sync_alias_listings,
    ecb.sync_reference_rates,
)
LEDGER = """
    select asset, sum(rows_inserted), bool_and(
        rows_read
        = rows_inserted + rows_updated + rows_unchanged + rows_duplicate + rows_rejected
    )
    from integration.import_batches group by asset order by asset
"""


@contextmanager
def serving(folder: Path, keys: Keys) -> Iterator[str]:
    """The sandbox's application on a port of its own; yields its address."""
    app = create_app(folder, keys=keys)
    config = uvicorn.Config(
        app, port=0, log_level="critical", lifespan="off", ws="none", date_header=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=5)


def pointed_at(settings: Settings, url: str, keys: Keys, **changes: str) -> Settings:
    """Settings under which the sandbox at `url` is every partner."""
    assert settings.database_url is not None
    values = {
        "SOLEFLIP_HOME": str(settings.home),
        "SOLEFLIP_DATABASE_URL": settings.database_url.get_secret_value(),
        "SOLEFLIP_AS_OF": UNTIL.isoformat(),
        "STOCKX_API_URL": f"{url}/stockx/v2",
        "STOCKX_AUTH_URL": f"{url}/stockx-auth",
        "STOCKX_API_KEY": keys.api_key,
        "STOCKX_CLIENT_ID": keys.client_id,
        "STOCKX_CLIENT_SECRET": keys.client_secret,
        "STOCKX_REFRESH_TOKEN": keys.refresh_token,
        "STOCKX_MIN_INTERVAL_S": "0",
        "EBAY_API_URL": f"{url}/ebay",
        "EBAY_AUTH_URL": f"{url}/ebay-auth",
        "EBAY_CLIENT_ID": keys.ebay_client_id,
        "EBAY_CLIENT_SECRET": keys.ebay_client_secret,
        "EBAY_REFRESH_TOKEN": keys.ebay_refresh_token,
        "ALIAS_API_URL": f"{url}/alias/api/v1",
        "ALIAS_TOKEN": keys.alias_token,
        "AWIN_BASE_URL": f"{url}/awin",
        "AWIN_API_KEY": keys.awin_key,
        "ECB_BASE_URL": f"{url}/ecb",
    }
    return load_settings({**values, **changes})


@dataclass
class Outcome:
    """One reading of everything: what was logged, and the sentence of each stream that failed."""

    lines: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    changed: int = 0


def read_all(
    settings: Settings,
    conn: psycopg.Connection,
    streams: Sequence[Callable[..., list[BatchResult]]] = STREAMS,
    *,
    stop: bool = False,
) -> Outcome:
    """Run the streams; one that fails keeps no other from its turn, unless `stop` is set."""
    outcome = Outcome()
    for sync in streams:
        try:
            results = sync(settings, conn, log=outcome.lines.append)
        except SoleflipError as error:
            if stop:
                raise
            outcome.errors.append(str(error))
        else:
            outcome.changed += sum(r.inserted + r.updated for r in results)
    return outcome


def contents(conn: psycopg.Connection) -> dict[str, list[str]]:
    """The hashes of the rows of every raw table that has any, sorted."""
    tables = conn.execute(
        "select table_schema || '.' || table_name from information_schema.tables"
        " where table_schema like 'raw\\_%' order by 1"
    ).fetchall()
    found = {
        table: conn.execute(f"select payload_hash from {table} order by 1").fetchall()
        for (table,) in tables
    }
    return {table: [row[0] for row in rows] for table, rows in found.items() if rows}


def assert_ledger_balances(conn: psycopg.Connection) -> None:
    """Each batch adds up, and each table holds what its batches inserted."""
    for asset, inserted, balances in conn.execute(LEDGER).fetchall():
        stored = conn.execute(f"select count(*) from {asset}").fetchone()
        assert stored == (inserted,), asset
        assert balances, asset


def order_fault(url: str, **fault: Any) -> None:
    """Order a fault of the sandbox at `url`."""
    assert httpx.post(f"{url}/_sandbox/faults", json=fault).status_code == 201
