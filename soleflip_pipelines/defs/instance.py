"""Dagster's instance, opened so that runs which start at the same moment do not trip each other.

Also cleans up after runs whose process was killed. Nothing here knows what a job does.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

import dagster as dg

from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.connection import connect

PROCESS_TAG = "soleflip/process"
UNFINISHED = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING]


@contextmanager
def open_instance(
    settings: Settings, job: dg.JobDefinition | None = None
) -> Iterator[dg.DagsterInstance]:
    """Dagster's instance, with its tables and the job's pools made, and killed runs cleaned up.

    Dagster makes its tables when an instance is first opened and a pool when a step first asks for
    it; of two runs that do so at once one would fail. Hence one process at a time.
    """
    with ExitStack() as opened:
        with closing(connect(settings, role=None, autocommit=True)) as conn:
            conn.execute("select pg_advisory_lock(hashtextextended('dagster instance', 0))")
            instance = opened.enter_context(dg.DagsterInstance.get())
            if job is not None:
                _make_pools(instance, job)
            fail_abandoned_runs(instance)
            free_leaked_slots(instance)
        yield instance


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


def fail_abandoned_runs(instance: dg.DagsterInstance) -> int:
    """Mark as failed the runs whose process is gone: killed, or ended with its machine.

    What runs on another host, such as another container, is not ours to judge.
    """
    abandoned = 0
    for run in instance.get_runs(dg.RunsFilter(statuses=UNFINISHED)):
        identity = run.tags.get(PROCESS_TAG)
        if identity is None or not identity.endswith(f"@{socket.gethostname()}"):
            continue
        pid = int(identity.split("@")[0])
        # A process that starts a run here has none under way: an outage has ended it.
        if identity == process_identity(pid) and pid != os.getpid():
            continue
        instance.report_run_failed(run, "the process of this run was killed")
        abandoned += 1
    return abandoned


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
    """`pid@start time@host`: one that inherited the number is not taken for the run's process."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            began = stat.read().rsplit(")", 1)[1].split()[19]
    except (FileNotFoundError, ProcessLookupError):
        began = "gone"
    return f"{pid}@{began}@{socket.gethostname()}"
