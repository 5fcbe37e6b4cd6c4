"""Dagster's tables and pools: made once, whoever asks for them at the same moment."""

from __future__ import annotations

import os
import socket
from concurrent.futures import ThreadPoolExecutor

import dagster as dg
import pytest

from soleflip_pipelines.defs.instance import PROCESS_TAG, open_instance, process_identity
from soleflip_pipelines.defs.resources import WarehouseResource
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


def test_a_run_whose_process_is_gone_is_failed_and_no_other(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in dagster_environment(settings).items():
        monkeypatch.setenv(name, text)
    here = socket.gethostname()
    parent = process_identity(os.getppid())
    identities = {"killed": f"{os.getppid()}@1@{here}", "alive": parent, "elsewhere": "1@1@x"}
    with open_instance(settings) as instance:
        for name, identity in identities.items():
            tags = {PROCESS_TAG: identity}
            status = dg.DagsterRunStatus.STARTED
            run = dg.DagsterRun(job_name=name, tags=tags, status=status)
            instance.run_storage.add_run(run)
    with open_instance(settings) as instance:
        statuses = {run.job_name: run.status.value for run in instance.get_runs()}
    assert statuses == {"killed": "FAILURE", "alive": "STARTED", "elsewhere": "STARTED"}


def test_a_run_of_the_daemon_is_marked_with_its_process() -> None:
    @dg.op
    def look(warehouse: WarehouseResource) -> None:
        """Needs the resource."""

    @dg.job(resource_defs={"warehouse": WarehouseResource()})
    def looking() -> None:
        look()

    with dg.DagsterInstance.ephemeral() as instance:
        run_id = looking.execute_in_process(instance=instance).run_id
        run = instance.get_run_by_id(run_id)
    assert run is not None
    assert run.tags[PROCESS_TAG] == process_identity(os.getpid())


def test_the_slot_of_a_killed_run_is_free_for_the_next_one(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in dagster_environment(settings).items():
        monkeypatch.setenv(name, text)
    pool = "pool_0"
    with open_instance(settings, job_with_pools()) as instance:
        run = dg.DagsterRun(
            job_name="killed",
            tags={PROCESS_TAG: f"{os.getppid()}@1@{socket.gethostname()}"},
            status=dg.DagsterRunStatus.STARTED,
        )
        instance.run_storage.add_run(run)
        storage = instance.event_log_storage
        claim = storage.claim_concurrency_slot(pool, run.run_id, "step")
        assert claim.is_claimed
        assert not storage.claim_concurrency_slot(pool, "another", "step").is_claimed
    with open_instance(settings, job_with_pools()) as instance:
        storage = instance.event_log_storage
        assert run.run_id not in storage.get_concurrency_info(pool).active_run_ids
        assert storage.claim_concurrency_slot(pool, "third", "step").is_claimed
