"""The sandbox as a process: start, find, reset, stop, and callers that come at once."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import httpx
import pytest

from soleflip_pipelines.sandbox import server, storage
from soleflip_pipelines.sandbox.business import Generation, generate
from soleflip_pipelines.sandbox.keys import Limits
from soleflip_pipelines.settings import Settings, load_settings
from tests.sandbox.conftest import KEYS

pytestmark = pytest.mark.api
UNTIL = date(2026, 11, 22)


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Settings]:
    """An installation, in a path with a blank and an umlaut, that has a small business."""
    settings = load_settings({"SOLEFLIP_HOME": str(tmp_path / "my höme")})
    generate(settings.sandbox_folder, Generation(1, 20, UNTIL))
    yield settings
    server.stop(settings)


def _pid(settings: Settings) -> int:
    return int(json.loads((settings.sandbox_folder / "server.json").read_text())["pid"])


def test_start_is_idempotent_and_tells_where(installation: Settings) -> None:
    assert server.url(installation) is None
    address = server.start(installation)
    pid = _pid(installation)
    assert server.start(installation) == address == server.url(installation)
    assert _pid(installation) == pid
    again = load_settings({"SOLEFLIP_HOME": str(installation.home)})
    assert again.stockx_api_url == f"{address}/stockx/v2"
    assert again.stockx_min_interval_s == 0
    assert again.ecb_base_url == f"{address}/ecb"
    assert (again.ebay_api_url, again.ebay_auth_url) == (f"{address}/ebay", f"{address}/ebay-auth")
    assert again.alias_api_url == f"{address}/alias/api/v1"
    assert again.ebay_refresh_token is not None
    assert again.alias_token is not None


def test_many_callers_get_one_service(installation: Settings) -> None:
    with ThreadPoolExecutor(4) as pool:
        addresses = set(pool.map(server.start, [installation] * 4))
    assert len(addresses) == 1


def test_it_comes_back_on_its_port_after_a_kill(installation: Settings) -> None:
    address = server.start(installation)
    os.kill(_pid(installation), signal.SIGKILL)
    os.waitpid(_pid(installation), 0)
    assert not server.is_running(installation)
    assert server.start(installation) == address


def test_a_busy_port_is_one_clear_sentence(installation: Settings) -> None:
    address = server.start(installation)
    server.stop(installation)
    assert server.url(installation) is None
    with (
        socket.create_server(("127.0.0.1", int(address.rsplit(":", 1)[1]))),
        pytest.raises(server.SandboxUnavailable, match="is taken by another program"),
    ):
        server.start(installation)


def test_papers_are_dropped_once(installation: Settings) -> None:
    server.start(installation)
    dropped = sorted(path.name for path in installation.inbox_folder.iterdir())
    assert dropped
    assert all(name.endswith(".csv") for name in dropped)
    (installation.inbox_folder / dropped[0]).unlink()
    server.start(installation)
    left = sorted(path.name for path in installation.inbox_folder.iterdir())
    assert left == dropped[1:]


def test_reset_replaces_business_and_papers(installation: Settings) -> None:
    address = server.start(installation)
    own = installation.inbox_folder / "my own file.csv"
    own.write_text("kept")
    generation = server.reset(installation, orders=30, seed=2, until=UNTIL)
    served = httpx.get(f"{address}/_sandbox/health").json()["generation"]
    assert served == generation == Generation(2, 30, UNTIL).generation_id
    papers = installation.sandbox_folder / storage.PAPERS / generation
    expected = {path.name: path.read_bytes() for path in papers.iterdir()}
    found = {path.name: path.read_bytes() for path in installation.inbox_folder.iterdir()}
    assert found == expected | {own.name: b"kept"}


def test_stop_without_a_service(installation: Settings) -> None:
    server.stop(installation)
    server.stop(installation)
    assert not server.is_running(installation)


def test_a_service_that_hangs_is_replaced(installation: Settings) -> None:
    address = server.start(installation)
    stuck = _pid(installation)
    os.kill(stuck, signal.SIGSTOP)
    assert server.start(installation) == address
    assert _pid(installation) != stuck


def test_a_kill_in_the_middle_of_a_reset_is_made_good(installation: Settings) -> None:
    """What was wanted last is generated, not the default business."""
    generation = server.reset(installation, orders=12, seed=4, until=UNTIL)
    (installation.sandbox_folder / storage.BUSINESS).unlink()
    (installation.sandbox_folder / ".next-1").mkdir()
    address = server.start(installation)
    assert httpx.get(f"{address}/_sandbox/health").json()["generation"] == generation
    assert not (installation.sandbox_folder / ".next-1").exists()


def test_limits_can_be_switched_on(installation: Settings) -> None:
    address = server.start(installation, limits=Limits(per_day=0))
    form = {
        "grant_type": "refresh_token",
        "client_id": KEYS.client_id,
        "client_secret": KEYS.client_secret,
        "refresh_token": KEYS.refresh_token,
    }
    token = httpx.post(f"{address}/stockx-auth/oauth/token", data=form).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}", "x-api-key": KEYS.api_key}
    listings = httpx.get(f"{address}/stockx/v2/selling/listings", headers=headers)
    assert listings.status_code == 429


def test_a_business_of_another_version_is_not_served(installation: Settings) -> None:
    business = sqlite3.connect(installation.sandbox_folder / storage.BUSINESS)
    business.execute("delete from meta where key = 'generator'")
    business.commit()
    business.close()
    with pytest.raises(server.SandboxUnavailable, match="soleflip sandbox reset"):
        server.start(installation)
    server.reset(installation, orders=10, seed=4, until=UNTIL)
    assert server.start(installation)
