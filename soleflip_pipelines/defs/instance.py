"""Dagster's instance, opened so that runs which start at the same moment do not trip each other.

Also cleans up after runs whose process was killed. Nothing here knows what a job does.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta

import dagster as dg
import psycopg
import psycopg2
from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import QueuePool

from soleflip_pipelines.errors import SoleflipError
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.connection import connect

PROCESS_TAG = "soleflip/process"
UNFINISHED = [
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
# A run says which process it is in before its first step; one that does not was killed before.
LONGEST_START = timedelta(minutes=10)
LONGEST_TURN = "5min"
CONNECTIONS = {"statement_timeout": 600_000, "pool_recycle": 3600, "max_overflow": 10}


class InstanceBusy(SoleflipError):
    """Another process keeps Dagster's instance to itself; the text says what to do."""


@contextmanager
def open_instance(
    settings: Settings, job: dg.JobDefinition | None = None
) -> Iterator[dg.DagsterInstance]:
    """Dagster's instance, with its tables and the job's pools made, and killed runs cleaned up.

    Dagster makes its tables when an instance is first opened and a pool when a step first asks for
    it; of two runs that do so at once one would fail. Hence one process at a time.

    Raises:
        InstanceBusy: another process has been at it for minutes.
    """
    with ExitStack() as opened:
        with closing(connect(settings, role=None, autocommit=True)) as conn:
            _take_turn(conn)
            instance = opened.enter_context(dg.DagsterInstance.get())
            _keep_connections(instance)
            if job is not None:
                _make_pools(instance, job)
            clean_up(instance)
        yield instance


def _take_turn(conn: psycopg.Connection) -> None:
    conn.execute(f"set lock_timeout = '{LONGEST_TURN}'")
    try:
        conn.execute("select pg_advisory_lock(hashtextextended('dagster instance', 0))")
    except psycopg.errors.LockNotAvailable:
        raise InstanceBusy(
            f"another run has been about to begin for over {LONGEST_TURN}: end the soleflip "
            "process that hangs, and run it again"
        ) from None


def _keep_connections(instance: dg.DagsterInstance) -> None:
    """Let Dagster use its connections again: else it opens one for each of thousands of events.

    Its webserver does so with the same method. One that an outage has ended is found out before it
    is used, which takes Dagster's own way of connecting again.
    """
    instance.optimize_for_webserver(**CONNECTIONS)
    if not event.contains(QueuePool, "checkout", _ping):
        event.listen(QueuePool, "checkout", _ping)


def _ping(connection: psycopg2.extensions.connection, *_: object) -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("select 1")
    except psycopg2.Error as error:
        raise DisconnectionError from error


def _make_pools(instance: dg.DagsterInstance, job: dg.JobDefinition) -> None:
    """Make the pools of a job's steps that no run has used yet."""
    storage = instance.event_log_storage
    wanted = {
        node.definition.pool
        for node in job.nodes_in_topological_order
        if isinstance(node.definition, dg.OpDefinition) and node.definition.pool
    }
    for pool in sorted(wanted - storage.get_concurrency_keys()):
        storage.initialize_concurrency_limit_to_default(pool)


def clean_up(instance: dg.DagsterInstance, current_run: str | None = None) -> None:
    """Fail the runs that were killed, and free the pools that they held.

    Args:
        instance: where the runs are recorded.
        current_run: the run of this process that is under way, if there is one.
    """
    fail_abandoned_runs(instance, current_run)
    free_leaked_slots(instance)


def fail_abandoned_runs(instance: dg.DagsterInstance, current_run: str | None = None) -> int:
    """Mark as failed the runs whose process is gone: killed, or ended with its machine.

    What runs on another host, such as another container, is not ours to judge.
    """
    abandoned = 0
    for record in instance.get_run_records(dg.RunsFilter(statuses=UNFINISHED)):
        run = record.dagster_run
        if run.run_id != current_run and _is_abandoned(instance, record):
            instance.report_run_failed(run, "the process of this run was killed")
            abandoned += 1
    return abandoned


def _is_abandoned(instance: dg.DagsterInstance, record: dg.RunRecord) -> bool:
    run = record.dagster_run
    identity = run.tags.get(PROCESS_TAG)
    if identity is None:
        age = datetime.now(UTC) - record.update_timestamp
        return age > LONGEST_START and not instance.get_run_step_stats(run.run_id)
    if not identity.endswith(f"@{socket.gethostname()}"):
        return False
    pid = int(identity.split("@")[0])
    # A process that starts a run here has no other under way: an outage has ended it.
    return identity != process_identity(pid) or pid == os.getpid()


def free_leaked_slots(instance: dg.DagsterInstance) -> int:
    """Free the pool slots of runs that have ended; a killed run keeps its slot for ever.

    The daemon does the same, but a job on the command line cannot wait for one.
    """
    storage = instance.event_log_storage
    leaked = 0
    for pool in storage.get_concurrency_keys():
        info = storage.get_concurrency_info(pool)
        for run_id in {*info.active_run_ids, *info.pending_run_ids, *info.assigned_run_ids}:
            run = instance.get_run_by_id(run_id)
            if run is None or run.is_finished:
                storage.free_concurrency_slots_for_run(run_id)
                leaked += 1
    return leaked


def process_identity(pid: int) -> str:
    """`pid@start time@host`: one that inherited the number is not taken for the run's process.

    Nor is what is dead and was not yet collected by its parent, which may be for ever.
    """
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        fields = ["X"]
    began = "gone" if fields[0] in "XZ" else fields[19]
    return f"{pid}@{began}@{socket.gethostname()}"
