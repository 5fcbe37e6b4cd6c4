"""Pools of steps that no run has used yet: made once, whoever asks at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import dagster as dg
import pytest

from soleflip_pipelines.defs.run_job import make_pools
from soleflip_pipelines.settings import Settings

pytestmark = pytest.mark.integration

POOLS = {f"pool_{number}" for number in range(6)}


def job_with_pools() -> dg.JobDefinition:
    def step(pool: str) -> dg.OpDefinition:
        @dg.op(name=f"step_of_{pool}", pool=pool)
        def body() -> None:
            """Never run."""

        return body

    return dg.GraphDefinition("pooled", node_defs=[step(pool) for pool in POOLS]).to_job()


def test_runs_that_start_at_once_make_each_pool_once(
    definitions: dg.Definitions,  # prepares the instance's tables
    location_settings: Settings,
) -> None:
    job = job_with_pools()

    def start(_: int) -> set[str]:
        with dg.DagsterInstance.get() as instance:
            make_pools(location_settings, instance, job)
            return instance.event_log_storage.get_concurrency_keys()

    with ThreadPoolExecutor(4) as starts:
        for keys in starts.map(start, range(4)):
            assert keys >= POOLS
    with dg.DagsterInstance.get() as instance:
        storage = instance.event_log_storage
        limits = {pool: storage.get_concurrency_info(pool).slot_count for pool in POOLS}
    assert set(limits.values()) == {1}
