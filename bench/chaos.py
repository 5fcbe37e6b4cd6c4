"""Rounds of chaos: processes of a whole installation are killed at random, then one run must heal.

`python -m bench.chaos [--rounds N] [--seed S] [--ui-share F] [--job JOB]`. It runs in a throw-away
folder; the exit code is the number of rounds that did not heal.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.pipeline.chaos import (
    EVERYTHING,
    OF_A_RUN,
    OF_THE_UI,
    Strikes,
    copied,
    heal,
    prepare,
    strike_run,
    strike_ui,
)

MOST_STRIKES = 4
# The main job does it all and takes its time; the others strike the loaders more often.
JOBS = ("refresh_all", "sync_orders", "sync_orders", "sync_feeds", "import_files")


@dataclass(frozen=True)
class Undisturbed:
    """What a job leaves where nothing is killed, and how long it takes."""

    contents: dict[str, str]
    duration_s: float


def main() -> None:
    """Prepare an installation, then all the rounds; each job runs undisturbed once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--orders", type=int, default=60)
    parser.add_argument("--ui-share", type=float, default=0.2, help="rounds by the UI's daemon")
    parser.add_argument("--job", choices=sorted(set(JOBS)), help="this one only")
    asked = parser.parse_args()
    calm: dict[tuple[str, ...], Undisturbed] = {}
    failed = 0
    with tempfile.TemporaryDirectory(prefix="soleflip_chaos_") as folder:
        template = Path(folder) / "template"
        prepare(template, orders=asked.orders, seed=7)
        for number in range(asked.seed, asked.seed + asked.rounds):
            strikes = Strikes(Random(number))
            job = asked.job or strikes.rng.choice(JOBS)
            is_by_ui = strikes.rng.random() < asked.ui_share
            # The UI's sensor imports the inbox, too.
            jobs = ("import_files", job) if is_by_ui and job.startswith("sync") else (job,)
            if jobs not in calm:
                calm[jobs] = _undisturbed(template, Path(folder) / "undisturbed", jobs)
            strike = strike_ui if is_by_ui else strike_run
            choice = [*OF_THE_UI, "postmaster", "sandbox"] if is_by_ui else OF_A_RUN
            targets = strikes.rng.choices(choice, k=strikes.rng.randint(1, MOST_STRIKES))
            within_s = calm[jobs].duration_s * (1.5 if is_by_ui else 1.0)
            with copied(template, Path(folder) / f"round_{number}") as installation:
                strike(installation, strikes, targets, within_s, job)
                heal(installation, strikes, calm[jobs].contents, *jobs)
            failed += bool(strikes.problems)
            name = f"{job} by the {'daemon' if is_by_ui else 'command line'}"
            print(f"round {number}, {name}: {'FAILED' if strikes.problems else 'healed'}")
            for line in (*strikes.told, *(f"! {problem}" for problem in strikes.problems)):
                print(f"    {line}", flush=True)
    print(f"{asked.rounds - failed} of {asked.rounds} rounds healed")
    sys.exit(failed)


def _undisturbed(template: Path, home: Path, jobs: Sequence[str]) -> Undisturbed:
    with copied(template, home) as installation:
        for job in jobs:
            begun = time.monotonic()
            installation.soleflip("run", job)
            duration_s = time.monotonic() - begun
            print(f"{job} undisturbed: {duration_s:.0f} s", flush=True)
        return Undisturbed(installation.contents(EVERYTHING), duration_s)


if __name__ == "__main__":
    main()
