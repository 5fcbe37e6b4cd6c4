"""Running a job in this process, with progress that a person can follow. No assets here.

The run is recorded in Dagster's instance like any other, so the UI shows it afterwards.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import uuid
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field

import dagster as dg
from dagster_postgres.utils import DagsterPostgresException
from dagster_shared.error import SerializableErrorInfo
from rich.console import Console
from sqlalchemy.exc import OperationalError

from soleflip_pipelines.defs.instance import (
    PROCESS_TAG,
    clean_up,
    open_instance,
    process_identity,
)
from soleflip_pipelines.defs.resources import OUTAGES, is_outage_of_any
from soleflip_pipelines.defs.run_log import record_runs
from soleflip_pipelines.defs.support import READ_TO_THE_END
from soleflip_pipelines.errors import DatabaseUnavailable, SoleflipError
from soleflip_pipelines.settings import Settings, export_environment
from soleflip_pipelines.warehouse.connection import (
    connect,
    dagster_environment,
    prepare_database,
)
from soleflip_pipelines.warehouse.outage import wait_for_database
from soleflip_pipelines.warehouse.publish import ensure_manifest

POLL_SECONDS = 0.5
WATCH_S = 10.0
CLEAN_S = 20.0
BLOCKED = "Step blocked by limit for pool"  # Dagster's words, the first time


class NothingToReadAgain(SoleflipError):
    """A period was named for a job none of whose steps reads one."""


class UnknownJob(SoleflipError):
    """There is no job of that name; the text lists those there are."""


@dataclass
class RunOutcome:
    """What became of a run: `failures` has one sentence a failed step or check, in order."""

    run_id: str
    succeeded: bool
    failures: list[str] = field(default_factory=list)
    step_seconds: dict[str, float] = field(default_factory=dict)


def load_definitions(settings: Settings) -> dg.Definitions:
    """The code location's definitions, with what they need in place: database, manifest, env."""
    prepare_database(settings)
    export_environment(dagster_environment(settings))
    ensure_manifest(settings)
    from soleflip_pipelines.definitions import definitions  # reads the manifest made above

    loaded = definitions()
    assert isinstance(loaded, dg.Definitions)
    return loaded


def run_job(
    settings: Settings, job_name: str, console: Console, again: Mapping[str, object] | None = None
) -> RunOutcome:
    """Run the job to its end and print each step as it starts and ends.

    Args:
        settings: the installation.
        job_name: as in the UI.
        console: for the progress.
        again: configuration of the steps that can read a period again: `created_from`,
            `created_to` (YYYY-MM-DD), `full_read`, `whole_feeds`.

    Raises:
        UnknownJob: there is no job of that name.
        NothingToReadAgain: no step of the job takes `again`.
    """
    definitions = load_definitions(settings)
    names = sorted(job.name for job in definitions.resolve_all_job_defs())
    if job_name not in names or job_name.startswith("__"):
        known = ", ".join(name for name in names if not name.startswith("__"))
        raise UnknownJob(f"there is no job {job_name!r}: choose one of {known}")
    job = definitions.resolve_job_def(job_name)
    steps = steps_to_read_again(job, again or {})
    _hush_outages()
    for outages in range(OUTAGES + 1):
        try:
            return _run_once(settings, job, steps, console)
        except Exception as error:
            if not is_outage_of_any(error):
                raise
            if outages == OUTAGES:
                raise DatabaseUnavailable(
                    f"the database went away again and again: {error}"
                ) from None
            wait_for_database(settings, console.print)
            console.print("  the database is back: the run begins anew after what it had committed")
    raise AssertionError("the loop returns or raises")


def _hush_outages() -> None:
    """Leave it to us to say that the database is away: others do so with each of many tries."""
    logging.getLogger("psycopg").setLevel(logging.ERROR)
    logging.getLogger().addFilter(
        lambda record: not record.getMessage().startswith("Retrying failed database connection")
    )


def _run_once(
    settings: Settings, job: dg.JobDefinition, steps: Mapping[str, object], console: Console
) -> RunOutcome:
    run_id = str(uuid.uuid4())
    with open_instance(settings, job) as instance:
        progress = _Progress(settings, instance, run_id, console)
        progress.start()
        try:
            result = job.execute_in_process(
                instance=instance,
                run_id=run_id,
                raise_on_error=False,
                run_config={
                    "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                    **({"ops": steps} if steps else {}),
                },
                tags={PROCESS_TAG: process_identity(os.getpid())},
            )
        except BaseException:
            progress.stop()
            raise
        progress.finish()
        with closing(connect(settings)) as conn:
            record_runs(instance, conn)
        if progress.outage is not None:
            raise DagsterPostgresException(progress.outage)
        progress.outcome.succeeded = result.success
        return progress.outcome


def steps_to_read_again(job: dg.JobDefinition, again: Mapping[str, object]) -> dict[str, object]:
    """The configuration of those steps of a job that can read a period again.

    Raises:
        NothingToReadAgain: there is none.
    """
    if not again:
        return {}
    fields = {
        node.name: getattr(node.definition.config_field.config_type, "fields", {})
        for node in job.nodes_in_topological_order
        if isinstance(node.definition, dg.OpDefinition) and node.definition.config_field
    }
    steps: dict[str, object] = {
        name: {"config": dict(again)} for name, known in fields.items() if set(again) <= set(known)
    }
    if not steps:
        what = "feed: try sync_feeds" if "whole_feeds" in again else "period again: try sync_orders"
        raise NothingToReadAgain(f"{job.name} reads no {what}")
    return steps


class _Progress:
    """Follows a run's event log and prints steps, asset log lines and failures.

    Meanwhile it frees the pools of runs that are killed while ours may wait for them.
    """

    def __init__(
        self, settings: Settings, instance: dg.DagsterInstance, run_id: str, console: Console
    ) -> None:
        self.outage: str | None = None
        self._settings = settings
        self.outcome = RunOutcome(run_id=run_id, succeeded=False)
        self._instance = instance
        self._console = console
        self._cursor: str | None = None
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        self._watcher.start()

    def finish(self) -> None:
        """Show what is left, after the thread has ended: two readers would show it twice."""
        self.stop()
        self._drain()

    def stop(self) -> None:
        """End the thread."""
        self._ended.set()
        self._watcher.join()

    def _watch(self) -> None:
        cleaned_at = time.monotonic()
        while not self._ended.wait(POLL_SECONDS):
            try:
                self._drain()
                if time.monotonic() > cleaned_at + CLEAN_S:
                    clean_up(self._instance, self.outcome.run_id)
                    cleaned_at = time.monotonic()
            except Exception as error:
                if not is_outage_of_any(error):
                    raise
                # Dagster waits some seconds for its database: time enough to start ours again.
                with suppress(DatabaseUnavailable):
                    wait_for_database(self._settings, self._console.print, patience_s=WATCH_S)

    def _drain(self) -> None:
        while True:
            page = self._instance.get_records_for_run(self.outcome.run_id, cursor=self._cursor)
            self._cursor = page.cursor
            for record in page.records:
                self._show(record.event_log_entry)
            if not page.has_more:
                return

    def _show(self, entry: dg.EventLogEntry) -> None:
        event = entry.dagster_event
        if event is None:
            if entry.step_key:
                self._console.print(f"     [dim]{entry.user_message}[/dim]", highlight=False)
        elif event.message == f"{BLOCKED} {_pool_of(event)}":
            self._console.print(
                f"  … {_readable(event.step_key)} waits for another run that uses "
                f"{_pool_of(event)}",
                highlight=False,
            )
        elif event.is_step_start:
            self._console.print(f"  [cyan]▸[/cyan] {_readable(event.step_key)}", highlight=False)
        elif event.is_step_success:
            seconds = event.step_success_data.duration_ms / 1000
            self.outcome.step_seconds[_readable(event.step_key)] = seconds
            self._console.print(
                f"  [green]✓[/green] {_readable(event.step_key)} [dim]{seconds:.1f} s[/dim]",
                highlight=False,
            )
        elif event.is_step_failure:
            sentence = f"{_readable(event.step_key)}: {_first_cause(event)}"
            self._note_failure(event.step_failure_data.error, sentence)
        elif event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            evaluation = event.asset_check_evaluation_data
            # What hindered a source is told by the step that fails the run for it.
            is_told = evaluation.check_name == READ_TO_THE_END
            is_error = evaluation.severity == dg.AssetCheckSeverity.ERROR
            if not evaluation.passed and is_error and not is_told:
                self.outcome.failures.append(
                    f"check {evaluation.check_name} of "
                    f"{evaluation.asset_key.to_user_string()} failed"
                )
        elif event.is_run_failure and not self.outcome.failures and self.outage is None:
            self._note_failure(event.job_failure_data.error, event.message or "the run failed")

    def _note_failure(self, error: SerializableErrorInfo | None, sentence: str) -> None:
        """A failure, or an outage that hit Dagster's own writing between two statements of ours."""
        if error is not None and _names_outage(error):
            self.outage = _last_cause(error).message.strip()
        else:
            self._fail(sentence)

    def _fail(self, sentence: str) -> None:
        self.outcome.failures.append(sentence)
        self._console.print(f"  [red]✗[/red] {sentence}", highlight=False)


def _readable(step_key: str | None) -> str:
    return (step_key or "run").replace("__", ".")


def _pool_of(event: dg.DagsterEvent) -> str | None:
    if event.event_type != dg.DagsterEventType.ENGINE_EVENT:
        return None
    pool = event.engine_event_data.metadata.get("pool")
    return str(pool.value) if pool is not None else None


def _first_cause(event: dg.DagsterEvent) -> str:
    error = event.step_failure_data.error
    if error is None:
        return event.message or "failed"
    message = _last_cause(error).message.strip()
    # "package.module.ClassName: text" -> "text", where the class is one of ours
    head, _, text = message.partition(": ")
    return text if head.startswith("soleflip_pipelines.") and text else message


def _last_cause(error: SerializableErrorInfo) -> SerializableErrorInfo:
    return _last_cause(error.cause) if error.cause is not None else error


def _names_outage(error: SerializableErrorInfo) -> bool:
    """Whether Dagster itself could not reach its storage, which is in the same database."""
    names = (DagsterPostgresException.__name__, OperationalError.__name__)
    return error.cls_name in names or (error.cause is not None and _names_outage(error.cause))
