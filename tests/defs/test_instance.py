"""Dagster's tables and pools: made once, whoever asks for them at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import dagster as dg
import pytest

from soleflip_pipelines.defs.instance import open_instance
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.connection import dagster_environment

pytestmark = pytest.mark.integration

POOLS = {f"pool_{number}" for number in range(6)}


def job_with_pools() -> dg.JobDefinition:
    def step(pool: str) -> dg.OpDefinition:
        @dg.op(name=f"step_of_{pool}", pool=pool)
        def body() -> None:
            """Never run."""

        return body

    return dg.GraphDefinition("pooled", node_defs=[step(pool) for pool in POOLS]).to_job()


def test_runs_that_start_at_once_make_each_table_and_pool_once(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = job_with_pools()
    for name, text in dagster_environment(settings).items():
        monkeypatch.setenv(name, text)

    def start(_: int) -> set[str]:
        with open_instance(settings, job) as instance:
            return instance.event_log_storage.get_concurrency_keys()

    with ThreadPoolExecutor(4) as starts:
        for keys in starts.map(start, range(4)):
            assert keys == POOLS
    with dg.DagsterInstance.get() as instance:
        storage = instance.event_log_storage
        limits = {pool: storage.get_concurrency_info(pool).slot_count for pool in POOLS}
    assert set(limits.values()) == {1}
