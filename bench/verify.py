"""Whole runs over many generated businesses, each compared with its truth to the cent.

`make bench`, or `python -m bench.verify [--seeds 1-20] [--orders 0,1,10,1106,20000]
[--home FOLDER] [--until DAY]`. A line for each business: its seed and size, the checks, the values
compared, the values that differ, the seconds; below it what differs, if anything does. Exit code 1
then.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from itertools import product
from pathlib import Path

from bench.marts import UNTIL
from soleflip_pipelines.errors import SoleflipError
from soleflip_pipelines.sandbox.verify import verify
from soleflip_pipelines.settings import load_settings

SHOWN = 3


def numbers(text: str) -> list[int]:
    """ "1-3,7" as [1, 2, 3, 7]."""
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def soleflip(environment: dict[str, str], *arguments: str) -> str:
    """Run a command as a user would; what it complained of, or nothing."""
    program = str(Path(sys.executable).with_name("soleflip"))
    done = subprocess.run(
        [program, *arguments], env={**os.environ, **environment}, capture_output=True, text=True
    )
    return "" if done.returncode == 0 else (done.stdout + done.stderr)[-2000:]


def check(environment: dict[str, str], seed: int, orders: int) -> bool:
    """Generate, run and compare; prints the line."""
    started = time.monotonic()
    until = environment["SOLEFLIP_AS_OF"]
    reset = ("sandbox", "reset", "--orders", str(orders), "--seed", str(seed), "--until", until)
    for command in (reset, ("run", "refresh_all")):
        if complaint := soleflip(environment, *command):
            print(f"{seed:>6}{orders:>9}  soleflip {' '.join(command)} failed:\n{complaint}")
            return False
    try:
        report = verify(load_settings(environment))
    except SoleflipError as error:
        print(f"{seed:>6}{orders:>9}  {error}")
        return False
    compared = sum(one.compared for one in report.checks)
    wrong = sum(one.wrong for one in report.checks if one.floor == 1 or not one.is_ok)
    took = time.monotonic() - started
    print(
        f"{seed:>6}{orders:>9}{len(report.checks):>8}{compared:>11,}{wrong:>8}{took:>9.0f}"
        f"  {'ok' if report.ok else 'DIFFERS'}",
        flush=True,
    )
    for one in report.checks:
        for miss in one.shown[:SHOWN] if not one.is_ok else ():
            print(
                f"         {one.name}, {miss.subject} {miss.field}:"
                f" true {miss.expected}, mart {miss.found}",
                flush=True,
            )
    return report.ok


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=numbers, default=numbers("1-20"))
    parser.add_argument("--orders", type=numbers, default=numbers("0,1,10,1106,20000"))
    parser.add_argument("--until", default=UNTIL.isoformat())
    parser.add_argument("--home", type=Path)
    arguments = parser.parse_args()
    print(f"{'seed':>6}{'orders':>9}{'checks':>8}{'values':>11}{'differ':>8}{'seconds':>9}")
    with tempfile.TemporaryDirectory(prefix="soleflip-bench-") as folder:
        environment = {
            "SOLEFLIP_HOME": str(arguments.home or folder),
            "SOLEFLIP_AS_OF": arguments.until,
        }
        try:
            businesses = product(arguments.orders, arguments.seeds)
            results = [check(environment, seed, orders) for orders, seed in businesses]
        finally:
            soleflip(environment, "sandbox", "stop")
            soleflip(environment, "db", "stop")
    print(f"{sum(results)} of {len(results)} businesses agree with the truth to the cent")
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
