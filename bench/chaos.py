"""Rounds of chaos: processes of a whole installation are killed at random, then one run must heal.

`python -m bench.chaos [--rounds N] [--seed S] [--ui-share F]`. Everything runs in a throw-away
folder; the exit code is the number of rounds that did not heal.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from tests.pipeline.chaos import (
    EVERYTHING,
    Strikes,
    copied,
    heal,
    prepare,
    strike_run,
    strike_ui,
)

MOST_STRIKES = 4


def main() -> None:
    """Prepare an installation, run it undisturbed once, then all the rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--orders", type=int, default=60)
    parser.add_argument("--ui-share", type=float, default=0.25, help="rounds by the UI's daemon")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soleflip_chaos_") as folder:
        template = Path(folder) / "template"
        prepare(template, orders=asked.orders, seed=7)
        with copied(template, Path(folder) / "undisturbed") as calm:
            begun = time.monotonic()
            calm.soleflip("run")
            duration_s = time.monotonic() - begun
            expected = calm.contents(EVERYTHING)
        print(f"an undisturbed run takes {duration_s:.0f} s", flush=True)
        failed = 0
        for number in range(asked.seed, asked.seed + asked.rounds):
            strikes = Strikes(Random(number))
            is_by_ui = strikes.rng.random() < asked.ui_share
            strike = strike_ui if is_by_ui else strike_run
            count = strikes.rng.randint(1, MOST_STRIKES)
            with copied(template, Path(folder) / f"round_{number}") as installation:
                strike(installation, strikes, count, duration_s * (1.5 if is_by_ui else 1.0))
                heal(installation, strikes, expected)
            failed += bool(strikes.problems)
            name = "daemon" if is_by_ui else "run"
            print(f"round {number} ({name}): {'FAILED' if strikes.problems else 'healed'}")
            for line in (*strikes.told, *(f"! {problem}" for problem in strikes.problems)):
                print(f"    {line}", flush=True)
        print(f"{asked.rounds - failed} of {asked.rounds} rounds healed")
    sys.exit(failed)


if __name__ == "__main__":
    main()
