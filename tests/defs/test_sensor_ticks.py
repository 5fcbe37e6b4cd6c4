"""Ticks of the inbox sensor as the daemon makes them: one that dies half way doubles nothing."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import dagster as dg
import pytest
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.test_utils import create_test_daemon_workspace_context, freeze_time
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from dagster._daemon.sensor import execute_sensor_iteration

from soleflip_pipelines.defs import sensors
from soleflip_pipelines.defs.instance import open_instance
from soleflip_pipelines.settings import Settings

pytestmark = pytest.mark.integration

SENSOR = "inbox_sensor"
MANY_FILES = 300
Tick = Callable[..., list[str]]


@pytest.fixture(scope="module")
def daemon(definitions: dg.Definitions, location_settings: Settings) -> Iterator[Tick]:
    """One turn of the sensor daemon; returns the keys of the runs that wait for their start."""
    origin = InProcessCodeLocationOrigin(
        LoadableTargetOrigin(module_name="soleflip_pipelines.definitions"),
        location_name="soleflip",
    )
    turns = 0
    with (
        open_instance(location_settings) as instance,
        create_test_daemon_workspace_context(
            InProcessWorkspaceLoadTarget(origin), instance
        ) as workspace,
    ):

        def tick(dies_after: str | None = None) -> list[str]:
            nonlocal turns
            turns += 1
            dying = {SENSOR: {dies_after: RuntimeError("the daemon dies")}} if dies_after else {}
            with freeze_time(datetime.now(UTC) + timedelta(minutes=2 * turns)):
                turn = execute_sensor_iteration(
                    workspace, logging.getLogger("ticks"), None, None, debug_crash_flags=dying
                )
                list(turn)
            runs = instance.get_runs(dg.RunsFilter(job_name="import_files"))
            assert {run.status for run in runs} <= {dg.DagsterRunStatus.QUEUED}
            return [run.tags["dagster/run_key"] for run in runs]

        yield tick
        for run in instance.get_runs(dg.RunsFilter(job_name="import_files")):
            instance.delete_run(run.run_id)


@pytest.fixture
def inbox(location_settings: Settings) -> Iterator[Path]:
    """The inbox with many files in it."""
    folder = location_settings.inbox_folder
    folder.mkdir(parents=True, exist_ok=True)
    then, chance = time.time() - 60, Random(1)
    paths = [folder / f"purchases of supplier {number}.csv" for number in range(MANY_FILES)]
    for path in paths:
        path.write_text(f"Supplier,Order,Date,Item,Quantity,Price\n{path.name}\n", "utf-8")
        changed = then - chance.random() * 10**8
        os.utime(path, (changed, changed))
    yield folder
    for path in paths:
        path.unlink()


def test_a_tick_that_dies_half_way_is_made_up_for_and_doubles_nothing(
    daemon: Tick, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert daemon("TICK_HELD") == []
    with monkeypatch.context() as broken:
        broken.setattr(sensors.json, "dumps", _fail)  # the last thing before it answers
        assert daemon() == []
    asked = daemon("RUN_LAUNCHED")
    assert len(asked) == 1, "however many files, a tick asks for one run"
    assert daemon() == asked, "the cursor was not saved, but the run is known by its key"
    assert daemon() == asked
    (inbox / "purchases of supplier 7.csv").write_text("changed", "utf-8")
    assert len(set(daemon())) == 2


def _fail(*_: object, **__: object) -> str:
    raise OSError("half way")
