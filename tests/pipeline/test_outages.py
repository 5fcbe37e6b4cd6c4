"""The database dies under a run: the run waits for it, goes on, and nothing is doubled or lost."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from soleflip_pipelines.settings import PROJECT_ROOT
from soleflip_pipelines.warehouse.embedded import EmbeddedPostgres
from tests.pipeline.installation import RUN_TIMEOUT_S, SOLEFLIP, Installation

pytestmark = pytest.mark.integration

TABLES = ("orders", "order_details", "products", "variants", "listings")


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Installation]:
    """An installation with an embedded server of its own, which the test may kill."""
    environment = {
        **{k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG", "TMPDIR")},
        "SOLEFLIP_HOME": str(tmp_path),
        "SOLEFLIP_AS_OF": "2026-07-01",
    }
    installation = Installation(environment, "")
    installation.soleflip(
        *("sandbox", "reset", "--orders", "80", "--seed", "7", "--until", "2026-06-30")
    )
    installation.soleflip("db", "start")
    installation.url = installation.soleflip("db", "url").stdout.strip()
    yield installation
    installation.soleflip("sandbox", "stop", check=False)
    installation.soleflip("db", "stop", check=False)


def batches(installation: Installation) -> int:
    try:
        return int(str(installation.query("select count(*) from integration.import_batches")[0][0]))
    except psycopg.OperationalError:
        return -1


def test_a_killed_postmaster_under_a_run(embedded: Installation) -> None:
    run = subprocess.Popen(
        [SOLEFLIP, "run", "sync_orders"],
        cwd=PROJECT_ROOT,
        env=embedded.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    data = EmbeddedPostgres(embedded.home).data_folder
    deadline = time.monotonic() + RUN_TIMEOUT_S
    while batches(embedded) < 1:
        assert run.poll() is None, "the run ended before the server could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(int((data / "postmaster.pid").read_text().splitlines()[0]), signal.SIGKILL)
    output = run.communicate(timeout=RUN_TIMEOUT_S)[0]
    assert run.returncode == 0, output
    assert "Traceback" not in output

    def sizes() -> dict[str, object]:
        return {
            table: embedded.query(
                f"select count(*), (select sum(rows_inserted) from integration.import_batches"
                f" where asset = 'raw_stockx.{table}') from raw_stockx.{table}"
            )[0]
            for table in TABLES
        }

    after = sizes()
    assert all(stored == inserted > 0 for stored, inserted in after.values())  # type: ignore[misc]
    embedded.soleflip("run", "sync_orders")
    assert sizes() == after
