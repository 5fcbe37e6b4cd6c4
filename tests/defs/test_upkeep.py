"""The upkeep job on a real instance: old runs go, the last success of each asset stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import dagster as dg
import psycopg
import pytest

from soleflip_pipelines.defs.upkeep import KEEP_RUNS
from soleflip_pipelines.settings import Settings

pytestmark = pytest.mark.integration

OLD = datetime.now(UTC) - KEEP_RUNS - timedelta(days=1)


@dg.asset(check_specs=[dg.AssetCheckSpec("fine", asset="kept_asset")])
def kept_asset() -> dg.MaterializeResult:
    return dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=True)])


@dg.op
def nothing() -> None:
    """Leaves a run without an asset."""


@dg.job
def bare_job() -> None:
    nothing()


def age(url: str, run_ids: list[str]) -> None:
    with psycopg.connect(url, autocommit=True) as conn:
        stamp = OLD.replace(tzinfo=None)
        conn.execute(
            "update dagster.runs set create_timestamp = %s where run_id = any(%s)",
            [stamp, run_ids],
        )
        conn.execute(
            "update dagster.asset_check_executions set create_timestamp = %s"
            " where run_id = any(%s)",
            [stamp, run_ids],
        )


def test_old_runs_go_and_the_last_success_stays(
    definitions: dg.Definitions, location_settings: Settings
) -> None:
    assert location_settings.database_url is not None
    url = location_settings.database_url.get_secret_value()
    with dg.DagsterInstance.get() as instance:
        first, last = (dg.materialize([kept_asset], instance=instance).run_id for _ in range(2))
        bare, young = (bare_job.execute_in_process(instance=instance).run_id for _ in range(2))
        logs = location_settings.home / "dagster" / "logs"
        for run_id in (first, last, bare, young):
            (logs / run_id / "compute_logs").mkdir(parents=True, exist_ok=True)
        age(url, [first, last, bare])

        job = definitions.resolve_job_def("upkeep")
        assert job.execute_in_process(instance=instance).success

        left = {run.run_id for run in instance.get_runs()}
        assert {last, young} <= left
        assert not {first, bare} & left
        assert [f for f in (first, last, bare, young) if (logs / f).exists()] == [last, young]
        assert instance.get_latest_materialization_event(dg.AssetKey("kept_asset")) is not None
    with psycopg.connect(url) as conn:
        events = conn.execute(
            "select count(*) from dagster.event_logs where run_id = any(%s)", [[first, bare]]
        )
        assert events.fetchone() == (0,)
        checks = conn.execute(
            "select run_id from dagster.asset_check_executions where check_name = 'fine'"
        )
        assert checks.fetchall() == [(last,)]
