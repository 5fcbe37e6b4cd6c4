"""How long the marts take to build, test and publish, by the size of the business.

`make bench`, or `python -m bench.marts [--orders 10000,100000,1000000] [--home FOLDER] [--rounds N]
[--nodes N]`. A home that is named keeps its warehouse for the next time; filling one with a million
orders takes a quarter of an hour. What the other processes of the machine do shows in the load.
"""

from __future__ import annotations

import argparse
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from bench.filling import filled_warehouse
from bench.watching import Use, load, watched
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.embedded import EmbeddedPostgres
from soleflip_pipelines.warehouse.publish import BuildResult, build_marts, prepare_dbt

UNTIL = datetime(2026, 11, 22, tzinfo=UTC).date()
HEADINGS = """\
   orders       rows of     all   swap   processor s       s/1,000     peak MB       load
                  marts       s     ms  Python  server      orders  Python  server
"""


def measure(settings: Settings, number: int) -> tuple[BuildResult, Use]:
    """Build once, from the lock to the last rename."""
    with watched(settings) as use:
        result = build_marts(settings, f"bench {number} {datetime.now(UTC):%H%M%S}")
    return result, use


def line(orders: int, result: BuildResult, use: Use) -> str:
    """A row of the table."""
    rows = sum(
        facts.row_count
        for address, facts in result.tables.items()
        if not address.startswith("intermediate.")
    )
    return (
        f"{orders:>9,}{rows:>14,}{use.seconds:>8.1f}{result.swap_seconds * 1000:>7.0f}"
        f"{use.python_cpu:>8.1f}{use.server_cpu:>8.1f}"
        f"{use.seconds / max(orders, 1) * 1000:>12.3f}"
        f"{use.python_mb:>8.0f}{use.server_mb:>8.0f}{load():>11.1f}"
    )


def slowest(result: BuildResult, count: int) -> str:
    """The models and tests that took longest, and how long all of a kind took together."""
    nodes = sorted(result.nodes, key=lambda node: -node.seconds)
    lines = [
        f"    {node.seconds:>7.1f} s  {node.resource_type:<6}{node.name}" for node in nodes[:count]
    ]
    for kind in ("model", "test"):
        of_kind = [node.seconds for node in result.nodes if node.resource_type == kind]
        lines.append(f"    {sum(of_kind):>7.1f} s  {len(of_kind)} {kind}s together")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", default="10000,100000,1000000")
    parser.add_argument("--home", type=Path)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--nodes", type=int, default=10, help="how many of the slowest to name")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soleflip-bench-") as folder:
        for orders in (int(text) for text in arguments.orders.split(",")):
            home = (arguments.home or Path(folder)) / str(orders)
            try:
                settings = filled_warehouse(home, orders, UNTIL)
                prepare_dbt(settings)
                for number in range(arguments.rounds):
                    result, use = measure(settings, number)
                    print(HEADINGS + line(orders, result, use), flush=True)
                print(slowest(result, arguments.nodes), flush=True)
            finally:
                EmbeddedPostgres(home).stop()


if __name__ == "__main__":
    main()
