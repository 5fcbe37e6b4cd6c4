"""Dagster's tables and pools: made once for all, and freed of runs that were killed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import dagster as dg
import pytest
from dagster._daemon.types import DaemonHeartbeat
from rich.console import Console

from soleflip_pipelines.defs import instance as instance_module
from soleflip_pipelines.defs import run_job
from soleflip_pipelines.defs.instance import PROCESS_TAG, open_instance, process_identity
from soleflip_pipelines.defs.resources import WarehouseResource
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse import daemon
from soleflip_pipelines.warehouse.connection import connect, dagster_environment
from tests.warehouse.test_cli import call

pytestmark = pytest.mark.integration

POOLS = {f"pool_{number}" for number in range(6)}
ORPHANED = """
import multiprocessing, os, time
from soleflip_pipelines.processes import end_worker_with_parent

def work():
    end_worker_with_parent()
    print(os.getpid(), flush=True)
    time.sleep(60)

if __name__ == "__main__":
    multiprocessing.get_context("spawn").Process(target=work).start()
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def _dagster_environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in dagster_environment(settings).items():
        monkeypatch.setenv(name, text)


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """A process that lives until the test kills it."""
    started = subprocess.Popen(["sleep", "60"])
    yield started
    started.kill()
    started.wait()


def started(instance: dg.DagsterInstance, job: str, identity: str | None) -> dg.DagsterRun:
    """A run that is under way in a process, or has not said in which."""
    tags = {PROCESS_TAG: identity} if identity else {}
    run = dg.DagsterRun(job_name=job, tags=tags, status=dg.DagsterRunStatus.STARTED)
    instance.run_storage.add_run(run)
    return run


def job_with_pools() -> dg.JobDefinition:
    def step(pool: str) -> dg.OpDefinition:
        @dg.op(name=f"step_of_{pool}", pool=pool)
        def body() -> None:
            """Never run."""

        return body

    return dg.GraphDefinition("pooled", node_defs=[step(pool) for pool in POOLS]).to_job()


def test_runs_that_start_at_once_make_each_table_and_pool_once(
    settings: Settings,
) -> None:
    job = job_with_pools()

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


def test_a_kept_connection_that_the_server_has_ended_is_made_anew(settings: Settings) -> None:
    with open_instance(settings) as instance:
        with closing(connect(settings, role=None, autocommit=True)) as conn:
            ended = conn.execute(
                "select count(pg_terminate_backend(pid)) from pg_stat_activity"
                " where datname = current_database() and pid <> pg_backend_pid()"
            ).fetchone()
        assert ended is not None
        assert ended[0] >= 2
        assert list(instance.get_runs()) == []
        assert instance.event_log_storage.get_concurrency_keys() == set()


def test_a_run_whose_process_is_gone_is_failed_and_no_other(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = socket.gethostname()
    parent = process_identity(os.getppid())
    identities = {
        "killed": f"{os.getppid()}@1@{here}",
        "alive": parent,
        "elsewhere": "1@1@x",
        "beginning": None,
    }
    with open_instance(settings) as instance:
        for name, identity in identities.items():
            started(instance, name, identity)
    with open_instance(settings) as instance:
        statuses = {run.job_name: run.status.value for run in instance.get_runs()}
    assert statuses == {**dict.fromkeys(identities, "STARTED"), "killed": "FAILURE"}
    monkeypatch.setattr(instance_module, "LONGEST_START", timedelta(0))
    with open_instance(settings) as instance:
        (beginning,) = instance.get_runs(dg.RunsFilter(job_name="beginning"))
    assert beginning.status.value == "FAILURE"


def test_a_dead_process_that_nobody_collected_is_no_living_one(
    process: subprocess.Popen[bytes],
) -> None:
    identity = process_identity(process.pid)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert Path(f"/proc/{process.pid}").exists()
    assert process_identity(process.pid) != identity


def test_a_worker_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    program = tmp_path / "orphaned.py"
    program.write_text(ORPHANED)
    with subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        identity = process_identity(worker)
        parent.kill()
    deadline = time.monotonic() + 10
    while process_identity(worker) == identity:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_start_that_hangs_is_not_waited_for_without_end(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instance_module, "LONGEST_TURN", "100ms")
    with connect(settings, role=None, autocommit=True) as conn:
        instance_module._take_turn(conn)
        with (
            pytest.raises(instance_module.InstanceBusy, match="for over 100ms: end the soleflip"),
            open_instance(settings),
        ):
            pass


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


def beat(instance: dg.DagsterInstance, seconds_ago: float, *kinds: str) -> None:
    """Heartbeats as the daemon writes them."""
    at = datetime.now(UTC).timestamp() - seconds_ago
    for kind in kinds or instance.get_required_daemon_types():
        instance.add_daemon_heartbeat(DaemonHeartbeat(at, kind, "daemon", []))


def test_a_daemon_that_fell_silent_is_told_and_one_that_was_never_started_or_ended_is_not(
    settings: Settings,
) -> None:
    with (
        open_instance(settings) as instance,
        closing(connect(settings, role=None, autocommit=True)) as conn,
    ):
        assert set(daemon.NEEDED) <= set(instance.get_required_daemon_types())
        assert daemon.schedules(conn).state == "off"
        beat(instance, 60)
        assert daemon.schedules(conn).state == "running"
        # One of its threads hangs, and a kind that was switched off long ago is not waited for.
        beat(instance, 6 * 60, "SENSOR")
        beat(instance, 10 * 86_400, "ASSET")
        assert daemon.schedules(conn).state == "stopped"
        beat(instance, 0, "SENSOR")
        found = daemon.schedules(conn)
        assert found.state == "running"
        assert found.last_heard_at is not None
        assert 55 < (datetime.now(UTC) - found.last_heard_at).total_seconds() < 120
        daemon.forget_daemon(conn)
        assert daemon.schedules(conn).state == "off"


def test_status_fails_in_one_sentence_when_schedules_have_stopped(settings: Settings) -> None:
    fine = call(settings, "status")
    assert (fine.returncode, fine.stderr) == (0, "")
    assert "schedules are off: make dev runs them" in fine.stdout
    with open_instance(settings) as instance:
        beat(instance, 2 * 86_400)
    done = call(settings, "status", "--json")
    assert done.returncode == 1
    assert "schedules have not run since 2" in done.stderr
    assert done.stderr.count("\n") == 1
    assert json.loads(done.stdout)["schedules"]["state"] == "stopped"


def test_the_slot_of_a_killed_run_is_free_for_the_next_one(settings: Settings) -> None:
    pool = "pool_0"
    with open_instance(settings, job_with_pools()) as instance:
        run = started(instance, "killed", f"{os.getppid()}@1@{socket.gethostname()}")
        storage = instance.event_log_storage
        claim = storage.claim_concurrency_slot(pool, run.run_id, "step")
        assert claim.is_claimed
        assert not storage.claim_concurrency_slot(pool, "another", "step").is_claimed
    with open_instance(settings, job_with_pools()) as instance:
        storage = instance.event_log_storage
        assert run.run_id not in storage.get_concurrency_info(pool).active_run_ids
        assert storage.claim_concurrency_slot(pool, "third", "step").is_claimed


def test_a_run_goes_on_when_the_one_it_waits_for_is_killed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, process: subprocess.Popen[bytes]
) -> None:
    monkeypatch.setattr(run_job, "CLEAN_S", 0.1)
    job = job_with_pools()
    with open_instance(settings, job) as instance:
        other = started(instance, "other", process_identity(process.pid))
        storage = instance.event_log_storage
        assert storage.claim_concurrency_slot("pool_0", other.run_id, "step").is_claimed
    kill = threading.Timer(1.0, process.send_signal, [signal.SIGKILL])
    kill.start()
    console = Console(file=StringIO())
    outcome = run_job._run_once(settings, job, {}, console)
    kill.join()
    assert outcome.succeeded
    said = console.file.getvalue()  # type: ignore[attr-defined]
    assert said.count("waits for another run that uses pool_0") == 1
    with dg.DagsterInstance.get() as instance:
        assert instance.get_run_by_id(other.run_id).status.value == "FAILURE"  # type: ignore[union-attr]
