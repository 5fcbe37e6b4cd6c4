"""What the code location defines, as a snapshot: a changed key, owner or cron is a diff.

After a change on purpose: `pytest tests/defs --snapshot-update`.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from soleflip_pipelines.defs.support import READ_TO_THE_END
from soleflip_pipelines.settings import PROJECT_ROOT

SNAPSHOT = Path(__file__).parent / "snapshot.json"

pytestmark = pytest.mark.integration


def described(definitions: dg.Definitions) -> dict[str, Any]:
    specs = sorted(definitions.resolve_all_asset_specs(), key=lambda spec: spec.key.path)
    graph = definitions.resolve_asset_graph()
    repository = definitions.get_repository_def()
    return {
        "assets": {
            spec.key.to_user_string(): {
                "group": spec.group_name,
                "kinds": sorted(spec.kinds),
                "owners": list(spec.owners),
            }
            for spec in specs
            if graph.get(spec.key).is_executable
        },
        "checks": sorted(
            f"{key.asset_key.to_user_string()}: {key.name}" for key in graph.asset_check_keys
        ),
        "jobs": {
            job.name: sorted(key.to_user_string() for key in job.asset_layer.executable_asset_keys)
            for job in sorted(definitions.resolve_all_job_defs(), key=lambda job: job.name)
            if not job.name.startswith("__")
        },
        "schedules": {
            schedule.name: [schedule.cron_schedule, schedule.execution_timezone, schedule.job_name]
            for schedule in sorted(repository.schedule_defs, key=lambda item: item.name)
        },
        "sensors": sorted(sensor.name for sensor in repository.sensor_defs),
    }


def test_the_code_location_is_as_recorded(
    definitions: dg.Definitions, pytestconfig: pytest.Config
) -> None:
    now = described(definitions)
    if pytestconfig.getoption("--snapshot-update"):
        SNAPSHOT.write_text(json.dumps(now, indent=1) + "\n", "utf-8")
    assert now == json.loads(SNAPSHOT.read_text("utf-8"))


def test_every_asset_is_described_owned_and_grouped(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    bare = [
        spec.key.to_user_string()
        for spec in definitions.resolve_all_asset_specs()
        if graph.get(spec.key).is_executable
        and not (spec.description and spec.owners and spec.kinds and spec.group_name)
    ]
    assert bare == []


def test_a_key_is_the_address_of_its_group(definitions: dg.Definitions) -> None:
    for spec in definitions.resolve_all_asset_specs():
        assert len(spec.key.path) == 2
        assert spec.group_name in (spec.key.path[0], "default")


def test_every_schedule_runs_on_berlin_time(definitions: dg.Definitions) -> None:
    for schedule in definitions.get_repository_def().schedule_defs:
        assert schedule.execution_timezone == "Europe/Berlin"
        assert schedule.description


def test_a_run_does_not_know_for_when_it_was_planned(definitions: dg.Definitions) -> None:
    """A tick that was missed would take its period with it."""
    for schedule in definitions.get_repository_def().schedule_defs:
        moments = (datetime(2026, 6, day, 5, 30, tzinfo=UTC) for day in (1, 3))
        first, later = (
            schedule.evaluate_tick(dg.build_schedule_context(scheduled_execution_time=moment))
            for moment in moments
        )
        asked = [
            [(run.run_config, run.partition_key) for run in tick.run_requests or ()]
            for tick in (first, later)
        ]
        assert asked[0] == asked[1] != []
    assert [spec for spec in definitions.resolve_all_asset_specs() if spec.partitions_def] == []


def test_the_overview_jobs_exist(definitions: dg.Definitions) -> None:
    names = {job.name for job in definitions.resolve_all_job_defs()}
    assert names >= {
        "refresh_all",
        "sync_orders",
        "sync_market",
        "sync_feeds",
        "import_files",
        "rebuild_marts",
        "reprice",
        "forecast",
    }


def test_the_main_job_runs_everything(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    job = definitions.resolve_job_def("refresh_all")
    assert job.asset_layer.executable_asset_keys == graph.executable_asset_keys


def test_every_run_that_asks_a_partner_fails_if_it_could_not_be_read(
    definitions: dg.Definitions,
) -> None:
    graph = definitions.resolve_asset_graph()
    asked = {key.asset_key for key in graph.asset_check_keys if key.name == READ_TO_THE_END}
    state = dg.AssetKey(["integration", "source_state"])
    assert graph.get(state).parent_keys == asked
    for job in definitions.resolve_all_job_defs():
        keys = job.asset_layer.executable_asset_keys
        if not job.name.startswith("__") and keys & asked:
            assert state in keys, job.name


def test_every_run_ends_and_gives_its_slots_back(definitions: dg.Definitions) -> None:
    """Nothing else ends a run whose host has died, or frees the pool of one that was killed."""
    for job in definitions.resolve_all_job_defs():
        if not job.name.startswith("__"):
            assert int(job.tags["dagster/max_runtime"]) <= 2 * 3600, job.name
    monitoring = yaml.safe_load((PROJECT_ROOT / "dagster.yaml").read_text("utf-8"))[
        "run_monitoring"
    ]
    assert monitoring["enabled"]
    assert 0 < monitoring["free_slots_after_run_end_seconds"] <= 300
    assert 0 < monitoring["max_runtime_seconds"] <= 4 * 3600


def test_the_marts_are_one_step(definitions: dg.Definitions) -> None:
    """Two steps would be two builds of dbt, and readers would see a mixture between them."""
    job = definitions.resolve_job_def("refresh_all")
    steps = {node.name for node in job.graph.nodes}
    assert "marts" in steps
    assert not [name for name in steps if name.startswith("marts_")]
