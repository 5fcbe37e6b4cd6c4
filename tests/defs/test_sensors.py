"""The inbox sensor asks for a run once for each new state; what was killed does not go on."""

from __future__ import annotations

import os
import socket
import time

import dagster as dg
import pytest

from soleflip_pipelines.defs.instance import PROCESS_TAG, open_instance
from soleflip_pipelines.settings import Settings

pytestmark = pytest.mark.integration

OLD_ENOUGH_S = 60


def tick(definitions: dg.Definitions, cursor: str | None) -> dg.SensorResult | dg.SkipReason:
    sensor = definitions.resolve_sensor_def("inbox_sensor")
    context = dg.build_sensor_context(
        cursor=cursor, resources=dict(definitions.resources or {}), definitions=definitions
    )
    result = sensor(context)
    assert isinstance(result, dg.SensorResult | dg.SkipReason)
    return result


def test_a_new_file_asks_for_one_run(
    definitions: dg.Definitions, location_settings: Settings
) -> None:
    folder = location_settings.inbox_folder
    folder.mkdir(parents=True, exist_ok=True)
    assert isinstance(tick(definitions, None), dg.SkipReason)

    file = folder / "purchases.csv"
    file.write_text("Supplier,Order,Date,Item,Quantity,Price\n", "utf-8")
    then = time.time() - OLD_ENOUGH_S
    os.utime(file, (then, then))
    first = tick(definitions, None)
    assert isinstance(first, dg.SensorResult)
    assert len(first.run_requests or []) == 1

    assert isinstance(tick(definitions, first.cursor), dg.SkipReason)

    file.write_text("Supplier,Order,Date,Item,Quantity,Price\nShop,1,2025-01-02,x,1,5\n", "utf-8")
    os.utime(file, (then + 1, then + 1))
    changed = tick(definitions, first.cursor)
    assert isinstance(changed, dg.SensorResult)
    first_key, changed_key = (
        result.run_requests[0].run_key for result in (first, changed) if result.run_requests
    )
    assert first_key != changed_key


def test_an_inbox_that_is_away_for_a_while_loses_and_repeats_nothing(
    definitions: dg.Definitions, location_settings: Settings
) -> None:
    folder = location_settings.inbox_folder
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "stock.csv"
    file.write_text("Style,Size,Quantity\n", "utf-8")
    then = time.time() - OLD_ENOUGH_S
    os.utime(file, (then, then))
    asked = tick(definitions, None)
    assert isinstance(asked, dg.SensorResult)

    away = folder.with_name("away")
    folder.rename(away)
    assert isinstance(tick(definitions, None), dg.SkipReason)
    folder.write_text("a disk that is not mounted")
    assert isinstance(tick(definitions, asked.cursor), dg.SkipReason)
    folder.unlink()
    away.rename(folder)

    # The cursor moves with a request alone.
    assert isinstance(tick(definitions, asked.cursor), dg.SkipReason)
    again = tick(definitions, None)
    assert isinstance(again, dg.SensorResult)
    assert again.cursor == asked.cursor


def test_a_run_that_was_killed_is_failed_while_the_daemon_runs(
    definitions: dg.Definitions, location_settings: Settings
) -> None:
    sensor = definitions.resolve_sensor_def("run_log_sensor")
    killed = dg.DagsterRun(
        job_name="sync_orders",
        tags={PROCESS_TAG: f"{os.getppid()}@1@{socket.gethostname()}"},
        status=dg.DagsterRunStatus.STARTED,
    )
    with open_instance(location_settings) as instance:
        instance.run_storage.add_run(killed)
        resources = dict(definitions.resources or {})
        sensor(dg.build_sensor_context(instance, resources=resources, definitions=definitions))
        run = instance.get_run_by_id(killed.run_id)
    assert run is not None
    assert run.status is dg.DagsterRunStatus.FAILURE
