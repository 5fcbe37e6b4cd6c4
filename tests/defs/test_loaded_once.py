"""What was loaded is loaded once: the ledger says so, however little Dagster knows of it."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import closing
from io import StringIO
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.storage.tags import RUN_KEY_TAG
from rich.console import Console

from soleflip_pipelines.defs import run_job
from soleflip_pipelines.defs.instance import open_instance
from soleflip_pipelines.defs.raw_feeds import INBOX, raw_ecb_reference_rates
from soleflip_pipelines.defs.resources import WarehouseResource
from soleflip_pipelines.ingestion import ecb, inbox
from soleflip_pipelines.settings import Settings, get_settings
from soleflip_pipelines.warehouse.connection import connect, dagster_environment
from soleflip_pipelines.warehouse.loader import load_batch
from tests.defs.test_sensors import tick
from tests.ingestion.conftest import Partner

pytestmark = [pytest.mark.integration, pytest.mark.api]

FORK = multiprocessing.get_context("fork")
PURCHASES = "raw_csv.purchases"
RATES = "raw_ecb.reference_rates"
FILE = (
    "Supplier,Order,Date,Item,Quantity,Price,Currency\n"
    "Shop,1,2025-01-02,Shoe,1,50,EUR\n"
    "Shop,2,2025-01-03,Shoe,1,60,EUR\n"
)
RATES_FILE = b"Date,USD,JPY\n2026-05-29,1.10,150\n2026-05-28,1.09,151\n"


@pytest.fixture
def fresh(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """This test's own empty warehouse, which the code location takes for its own."""
    assert settings.database_url is not None
    monkeypatch.setenv("SOLEFLIP_HOME", str(settings.home))
    monkeypatch.setenv("SOLEFLIP_DATABASE_URL", settings.database_url.get_secret_value())
    for name, text in dagster_environment(settings).items():
        monkeypatch.setenv(name, text)
    get_settings.cache_clear()
    yield settings
    get_settings.cache_clear()


@pytest.fixture
def rates() -> Iterator[str]:
    """The address of a bank that always gives the same rates."""
    bank = Partner()
    bank.script(bank.reply(body=RATES_FILE))
    yield bank.url
    bank.close()


def drop(settings: Settings) -> Path:
    """Put a whole file into the inbox."""
    settings.inbox_folder.mkdir(parents=True)
    file = settings.inbox_folder / "purchases.csv"
    file.write_text(FILE)
    os.utime(file, (1, 1))
    return file


def job_of(definitions: dg.Definitions, table: str) -> dg.JobDefinition:
    """A job that loads this table."""
    if table == PURCHASES:
        return definitions.resolve_job_def("import_files")
    assets = [raw_ecb_reference_rates]
    alone = dg.Definitions(
        assets=assets,
        jobs=[dg.define_asset_job("rates_alone", assets)],
        resources={"warehouse": WarehouseResource()},
    )
    return alone.resolve_job_def("rates_alone")


def run(settings: Settings, job: dg.JobDefinition) -> run_job.RunOutcome:
    return run_job._run_once(settings, job, {}, Console(file=StringIO()))


def dying(*given: Any, **named: Any) -> None:
    """`load_batch`, after which nothing of this process is left to say what it did."""
    load_batch(*given, **named)
    os.kill(os.getpid(), signal.SIGKILL)


def killed_after_commit(settings: Settings, job: dg.JobDefinition) -> None:
    def body() -> None:
        inbox.load_batch = ecb.load_batch = dying  # type: ignore[attr-defined, assignment]
        run(settings, job)

    process = FORK.Process(target=body)
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL


def in_warehouse(settings: Settings, table: str) -> tuple[list[Any], list[Any]]:
    """The rows of a raw table with all that would show a second writing, and its ledger."""
    with closing(connect(settings)) as conn:
        rows = conn.execute(f"select xmin::text, t.* from {table} t order by 2, 3").fetchall()
        ledger = conn.execute(
            "select batch_id, dagster_run_id, rows_read, rows_inserted, rows_unchanged"
            " from integration.import_batches where asset = %s order by 1",
            [table],
        ).fetchall()
    return rows, ledger


@pytest.mark.parametrize(
    ("table", "row_count", "known_again"), [(PURCHASES, 2, None), (RATES, 4, 4)]
)
def test_a_kill_after_the_commit_is_made_good_by_the_next_run(
    definitions: dg.Definitions,
    fresh: Settings,
    rates: str,
    monkeypatch: pytest.MonkeyPatch,
    table: str,
    row_count: int,
    known_again: int | None,
) -> None:
    """Between our commit and Dagster's event: the rows are there, and Dagster never heard of it.

    A file whose hash is in the ledger is not even read again; rates come again, all unchanged.
    """
    monkeypatch.setenv("ECB_BASE_URL", f"{rates}/ecb")
    file = drop(fresh)
    job, key = job_of(definitions, table), dg.AssetKey(table.split("."))
    killed_after_commit(fresh, job)
    rows, ledger = in_warehouse(fresh, table)
    ((_, killed_run, *counts),) = ledger
    assert (len(rows), counts) == (row_count, [row_count, row_count, 0])
    with open_instance(fresh) as instance:
        assert instance.get_latest_materialization_event(key) is None
        left = instance.get_run_by_id(killed_run)
    assert left is not None
    assert left.status is dg.DagsterRunStatus.FAILURE
    assert file.exists()

    outcome = run(fresh, job)
    assert outcome.succeeded
    after, (first, *others) = in_warehouse(fresh, table)
    assert after == rows
    assert first == ledger[0]
    assert [line[1:] for line in others] == (
        [(outcome.run_id, known_again, 0, known_again)] if known_again else []
    )
    with open_instance(fresh) as instance:
        event = instance.get_latest_materialization_event(key)
    assert event is not None
    assert event.run_id == outcome.run_id
    assert event.asset_materialization is not None
    told = {name: value.value for name, value in event.asset_materialization.metadata.items()}
    expected = {"read": known_again or 0, "inserted": 0, "updated": 0}
    assert {name: told[name] for name in expected} == expected
    assert told["dagster/row_count"] == row_count
    assert file.exists() is (table == RATES)


def test_a_run_key_whose_run_was_deleted_asks_again_and_loads_nothing(
    definitions: dg.Definitions, fresh: Settings
) -> None:
    """Dagster knows a run key by the run that bears it, for as long as that run is kept."""
    drop(fresh)
    # A file that cannot be moved away is all that a sensor sees: here the folder is none.
    (fresh.inbox_folder / "imported").write_text("in the way")
    job = definitions.resolve_job_def("import_files")

    def ask_and_run(cursor: str | None) -> tuple[str | None, str, str]:
        asked = tick(definitions, cursor)
        assert isinstance(asked, dg.SensorResult)
        (request,) = asked.run_requests or []
        tags = {RUN_KEY_TAG: str(request.run_key)}
        with open_instance(fresh, job) as instance:
            assert not instance.get_run_ids(dg.RunsFilter(tags=tags))
            result = job.execute_in_process(instance=instance, tags=tags)
        assert result.success
        (left,) = (e for e in result.get_asset_check_evaluations() if e.check_name == INBOX)
        assert "cannot be moved to imported/" in str(left.metadata["reasons"].value)
        return asked.cursor, tags[RUN_KEY_TAG], result.run_id

    cursor, key, run_id = ask_and_run(None)
    before = in_warehouse(fresh, PURCHASES)
    assert len(before[0]) == 2
    with open_instance(fresh) as instance:
        instance.delete_run(run_id)
    assert isinstance(tick(definitions, cursor), dg.SkipReason)
    # Without its cursor as well, nothing in Dagster knows of the file any more.
    assert ask_and_run(None)[:2] == (cursor, key)
    assert in_warehouse(fresh, PURCHASES) == before
