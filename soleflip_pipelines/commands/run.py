"""`soleflip run`: a job with its progress, and what the business looks like afterwards."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import closing

from rich.console import Console

from soleflip_pipelines.commands.support import running_settings
from soleflip_pipelines.defs.run_job import RunOutcome, run_job
from soleflip_pipelines.ingestion.periods import Period
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.summary import as_json as summary_as_json
from soleflip_pipelines.summary import print_summary, read_summary
from soleflip_pipelines.warehouse.connection import connect

SUMMARY_JOBS = ("refresh_all", "rebuild_marts")
NEXT_STEPS = (
    ("make dev", "the Dagster UI: what ran, and every table"),
    ("make docs", "what each table and column means"),
    (".venv/bin/soleflip verify", "compare the figures with the truth"),
)


def run_and_report(
    job: str, console: Console, *, again: Mapping[str, object], as_json: bool
) -> bool:
    """Run the job, print how it went and what came out; returns whether it succeeded.

    `again` says what is to be read again, as in `run_job`.

    Raises:
        BadPeriod: before anything is started.
    """
    Period.parse(*(str(again[n]) if n in again else None for n in ("created_from", "created_to")))
    started = time.monotonic()
    progress = Console(stderr=True) if as_json else console
    progress.print(f"[bold]{job}[/bold]")
    settings = running_settings(progress)
    outcome = run_job(settings, job, progress, again)
    seconds = time.monotonic() - started
    if as_json:
        console.print_json(json.dumps(_report(settings, job, outcome, seconds)))
    elif outcome.succeeded or _are_marts_built(outcome):
        _print_figures(settings, job, outcome, console)
    if outcome.succeeded and not as_json:
        _print_success(job, seconds, console)
    if not outcome.succeeded:
        _print_failure(job, outcome, progress)
    return outcome.succeeded


def _report(settings: Settings, job: str, outcome: RunOutcome, seconds: float) -> dict[str, object]:
    report: dict[str, object] = {
        "job": job,
        "run_id": outcome.run_id,
        "succeeded": outcome.succeeded,
        "failures": outcome.failures,
        "seconds": round(seconds, 1),
        "step_seconds": outcome.step_seconds,
    }
    if (outcome.succeeded or _are_marts_built(outcome)) and job in SUMMARY_JOBS:
        with closing(connect(settings)) as conn:
            report["summary"] = summary_as_json(read_summary(conn))
    return report


def _are_marts_built(outcome: RunOutcome) -> bool:
    """Whether the marts were published although something else failed, such as a partner."""
    return "marts" in outcome.step_seconds


def _print_figures(settings: Settings, job: str, outcome: RunOutcome, console: Console) -> None:
    if job in SUMMARY_JOBS:
        with closing(connect(settings)) as conn:
            print_summary(read_summary(conn), outcome.step_seconds, console)


def _print_success(job: str, seconds: float, console: Console) -> None:
    console.print(f"\n[green]✓[/green] {job} succeeded in {seconds:.0f} s", highlight=False)
    if job == "refresh_all":
        console.print("\n[bold]Try next[/bold]")
        for command, purpose in NEXT_STEPS:
            console.print(f"  {command:<27}[dim]{purpose}[/dim]", highlight=False)


def _print_failure(job: str, outcome: RunOutcome, console: Console) -> None:
    console.print(f"\n[red]✗[/red] {job} failed:", highlight=False)
    for sentence in outcome.failures:
        console.print(f"  {sentence}", highlight=False, markup=False, soft_wrap=True)
    if _are_marts_built(outcome):
        console.print("The marts were built all the same, from what is there.", highlight=False)
    console.print("What was committed stays; the next run goes on from there.", highlight=False)
