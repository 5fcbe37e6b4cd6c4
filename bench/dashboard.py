"""How long the kept queries take on the marts of this installation, as a dashboard would wait.

`python -m bench.dashboard [--rounds N]`, after `soleflip run`. Each query runs several times in a
connection of the reader role; the best time stands beside the time of counting all orders.
"""

from __future__ import annotations

import argparse
from contextlib import closing

import psycopg

from bench.measure import seconds
from soleflip_pipelines.settings import get_settings
from soleflip_pipelines.warehouse.connection import connect
from soleflip_pipelines.warehouse.queries import (
    DASHBOARDS,
    QUESTIONS,
    Query,
    answer,
    load_queries,
)

COUNT = 'select count(*) from sales."order"'
LIMIT_MS = 200


def best(conn: psycopg.Connection, query: Query, rounds: int) -> tuple[float, float, int]:
    """First and best milliseconds and the number of rows."""
    times = [seconds(lambda: answer(conn, query)) * 1000 for _ in range(rounds)]
    return times[0], min(times), len(answer(conn, query)[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with closing(connect(get_settings(), "reader", autocommit=True)) as conn:
        row = conn.execute(COUNT.encode()).fetchone()
        counting = min(seconds(lambda: conn.execute(COUNT.encode())) * 1000 for _ in range(rounds))
        print(f"{row[0] if row else 0:,} order lines; counting them takes {counting:.1f} ms\n")
        print(f"{'query':<26}{'rows':>6}{'first ms':>10}{'best ms':>10}{'÷ counting':>12}")
        slow = 0
        for query in load_queries(QUESTIONS) + load_queries(DASHBOARDS):
            first, least, count = best(conn, query, rounds)
            slow += least > LIMIT_MS
            print(
                f"{query.name:<26}{count:>6}{first:>10.1f}{least:>10.1f}{least / counting:>12.1f}"
            )
    print(f"\n{slow} of them over {LIMIT_MS} ms")


if __name__ == "__main__":
    main()
