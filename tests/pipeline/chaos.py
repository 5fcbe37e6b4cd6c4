"""Kills processes of a whole installation at seeded moments; what is left must heal by one run.

An installation is copied from a prepared one, so that a round costs its runs alone. The rounds
themselves are those of `bench/chaos.py`.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import httpx

from soleflip_pipelines.settings import PROJECT_ROOT
from soleflip_pipelines.warehouse.embedded import EmbeddedPostgres
from soleflip_pipelines.warehouse.publish import SWAPPED_SCHEMAS
from tests.pipeline.installation import RAW_SCHEMAS, RUN_TIMEOUT_S, SOLEFLIP, Installation

# What a SIGKILL strikes; the run worker of the UI's runs is a child of its code server.
OF_A_RUN = ("run", "postmaster", "sandbox")
OF_THE_UI = {
    "run": "multiprocessing.spawn",
    "code server": "grpc",
    "daemon": "daemon",
    "webserver": "dagster_webserver",
}
EVERYTHING = (*RAW_SCHEMAS, "raw_ebay", "raw_alias", "history", *SWAPPED_SCHEMAS)
LEDGER = """
    select asset, sum(rows_inserted), bool_and(rows_read
        = rows_inserted + rows_updated + rows_unchanged + rows_duplicate + rows_rejected)
    from integration.import_batches group by asset
"""
LAUNCH = """
    mutation ($job: String!) { launchRun(executionParams: {
        selector: {repositoryLocationName: "soleflip", repositoryName: "__repository__",
                   pipelineName: $job}, mode: "default"}) {
        __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }
"""


def environment(home: Path) -> dict[str, str]:
    """What a command of the installation at `home` sees."""
    return {
        **{k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG", "TMPDIR")},
        "SOLEFLIP_HOME": str(home),
        "SOLEFLIP_AS_OF": "2026-07-01",
    }


def prepare(home: Path, *, orders: int, seed: int) -> None:
    """An installation with a business and an empty, migrated, embedded warehouse, all stopped."""
    made = Installation(environment(home), "")
    business = ("--orders", str(orders), "--seed", str(seed), "--until", "2026-06-30")
    made.soleflip("sandbox", "reset", *business)
    made.soleflip("db", "start")
    made.soleflip("run", "no such job", check=False)  # makes dbt's manifest
    made.soleflip("sandbox", "stop", check=False)
    made.soleflip("db", "stop")


@contextmanager
def copied(template: Path, home: Path) -> Iterator[Installation]:
    """A started copy of a prepared installation; stopped and deleted at the end."""
    shutil.copytree(template, home, symlinks=True)
    (home / "postgres" / "port").unlink(missing_ok=True)
    installation = Installation(environment(home), "")
    try:
        installation.soleflip("db", "start")
        installation.url = installation.soleflip("db", "url").stdout.strip()
        yield installation
    finally:
        installation.soleflip("sandbox", "stop", check=False)
        installation.soleflip("db", "stop", check=False)
        shutil.rmtree(home, ignore_errors=True)


@dataclass
class Strikes:
    """What was killed when, and what was found; a round that healed has no problems."""

    rng: Random
    told: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    begun: float = field(default_factory=time.monotonic)

    def tell(self, text: str) -> None:
        """Note a step of the round with its second."""
        self.told.append(f"{time.monotonic() - self.begun:.1f} s {text}")

    def kill(self, name: str, pid: int | None) -> bool:
        """SIGKILL; False if there is nothing to kill."""
        if pid is None:
            return False
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self.tell(f"{name} killed")
            return True
        return False


def postmaster(installation: Installation) -> int | None:
    """The embedded server's process."""
    with suppress(FileNotFoundError, IndexError, ValueError):
        data = EmbeddedPostgres(installation.home).data_folder
        return _alive(int((data / "postmaster.pid").read_text().splitlines()[0]), "postgres")
    return None


def sandbox(installation: Installation) -> int | None:
    """The sandbox's process."""
    with suppress(FileNotFoundError, ValueError, KeyError, StopIteration):
        states = installation.home.glob("sandbox/**/server.json")
        return _alive(int(json.loads(next(states).read_text())["pid"]), "sandbox.process")
    return None


def _alive(pid: int, word: str) -> int | None:
    """The process if it lives and is what it should be: a number may have gone to another one."""
    with suppress(OSError):
        return pid if word.encode() in Path(f"/proc/{pid}/cmdline").read_bytes() else None
    return None


def start(installation: Installation, *arguments: str) -> subprocess.Popen[str]:
    """A command in a session of its own, its output in a file of its name."""
    log = (installation.home / f"{arguments[0]}.log").open("a")
    return subprocess.Popen(
        [SOLEFLIP, *arguments],
        cwd=PROJECT_ROOT,
        env=installation.environment,
        stdout=log,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def strike_run(
    installation: Installation, strikes: Strikes, targets: Sequence[str], within_s: float, job: str
) -> None:
    """Run the job and kill these targets of `OF_A_RUN` at moments within so many seconds."""
    run = start(installation, "run", job)
    at = sorted(strikes.rng.uniform(0.5, within_s) for _ in targets)
    begun = time.monotonic()
    for moment, target in zip(at, targets, strict=True):
        _sleep_until(begun + moment, run)
        if run.poll() is not None:
            strikes.tell(f"the run ended with {run.returncode}, another begins")
            run = start(installation, "run", job)
        pids = {
            "run": run.pid,
            "postmaster": postmaster(installation),
            "sandbox": sandbox(installation),
        }
        strikes.kill(target, pids[target])
        if target == "run":
            run.wait()
    strikes.tell(f"the run ended with {run.wait(timeout=RUN_TIMEOUT_S)}")


def strike_ui(
    installation: Installation, strikes: Strikes, targets: Sequence[str], within_s: float, job: str
) -> None:
    """Let the UI's daemon run the job and the inbox's sensor, and kill these targets meanwhile."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # A file that only the sensor sees: it comes while the daemon works.
    late = sorted(installation.home.glob("inbox/purchases_*.csv"))[0]
    kept = late.rename(installation.home / late.name)
    ui = start(installation, "ui", "--port", str(port))
    try:
        _launch(port, ui, strikes, job)
        kept.rename(late)
        begun = time.monotonic()
        at = sorted(strikes.rng.uniform(2.0, within_s) for _ in targets)
        for moment, target in zip(at, targets, strict=True):
            _sleep_until(begun + moment, ui)
            if target in OF_THE_UI:
                strikes.kill(target, _descendant(ui.pid, OF_THE_UI[target]))
            else:
                found = postmaster if target == "postmaster" else sandbox
                strikes.kill(target, found(installation))
            if ui.poll() is not None:
                break
        strikes.tell(f"the UI {'ended' if ui.poll() is not None else 'is alive'}")
    finally:
        if kept.exists():
            kept.rename(late)
        # A daemon or server that outlives the command is in its session.
        with suppress(ProcessLookupError):
            os.killpg(ui.pid, signal.SIGKILL)
        for pid in _processes_of(installation):
            strikes.kill("what was left of the UI", pid)
        ui.wait()


def heal(
    installation: Installation, strikes: Strikes, expected: dict[str, str], *jobs: str
) -> None:
    """One clean run of each job; then all is as after undisturbed ones, or there is a problem."""
    for job in jobs:
        done = installation.soleflip("run", job, check=False)
        strikes.tell(f"the clean run of {job} ended with {done.returncode}")
        if done.returncode != 0:
            said = done.stdout[-2000:] + done.stderr[-2000:]
            strikes.problems.append(f"the clean run of {job} failed: {said}")
            return
    # Dagster's own services show theirs when one of them is killed; a run of ours must not.
    log = installation.home / "run.log"
    if log.exists() and "Traceback" in log.read_text("utf-8", "replace"):
        strikes.problems.append("a traceback was shown")
    found = installation.contents(EVERYTHING)
    for table in sorted(expected.keys() | found.keys()):
        if expected.get(table) != found.get(table):
            strikes.problems.append(f"{table}: {found.get(table)} not {expected.get(table)}")
    for asset, inserted, balances in installation.query(LEDGER):
        stored = installation.query(f"select count(*) from {asset}")[0][0]
        if stored != inserted or not balances:
            strikes.problems.append(f"{asset}: {stored} rows, {inserted} by the ledger, {balances}")
    left = "select nspname from pg_namespace where nspname ~ '__(next|old)$'"
    strikes.problems += [f"{name} was left behind" for (name,) in installation.query(left)]


def _launch(port: int, ui: subprocess.Popen[str], strikes: Strikes, job: str) -> None:
    url = f"http://127.0.0.1:{port}/graphql"
    deadline = time.monotonic() + RUN_TIMEOUT_S
    while time.monotonic() < deadline and ui.poll() is None:
        with suppress(httpx.HTTPError, KeyError, TypeError):
            body = {"query": LAUNCH, "variables": {"job": job}}
            said = httpx.post(url, json=body, timeout=60).json()["data"]["launchRun"]
            if said["__typename"] == "LaunchRunSuccess":
                strikes.tell("the daemon has the run")
                return
            strikes.tell(str(said))
        time.sleep(0.5)
    strikes.problems.append("the UI never took the run")


def _sleep_until(moment: float, process: subprocess.Popen[str]) -> None:
    while time.monotonic() < moment and process.poll() is None:
        time.sleep(0.05)


def _descendant(pid: int, word: str) -> int | None:
    """A process below `pid` whose command line has the word."""
    children: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, IndexError, ValueError):
            fields = status.read_text().rsplit(")", 1)[1].split()
            children.setdefault(int(fields[1]), []).append(int(status.parent.name))
    waiting = [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        waiting += below
        for child in below:
            with suppress(OSError):
                if word.encode() in Path(f"/proc/{child}/cmdline").read_bytes():
                    return child
    return None


def _processes_of(installation: Installation) -> list[int]:
    """Dagster's services that see this installation's home: whoever started them is gone.

    A run's worker is none: it has to end by itself, or to be waited for.
    """
    found = []
    home = f"SOLEFLIP_HOME={installation.home}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (process / "cmdline").read_bytes()
            is_ours = home in (process / "environ").read_bytes().split(b"\0")
            if is_ours and b"dagster" in command:
                found.append(int(process.name))
    return found
