"""How fast batches load, beside a bare COPY and, where it is installed, dlt doing the same merge.

`make bench`, or `python -m bench.load [--million] [--memory ROWS]`. Everything runs in a throw-away
server; all ratios are of medians of rounds that took turns. A source read again is known by its
hashes (`first:known`); the same rows under another hash are compared row by row (`first:again`, and
`unread again`, the same without the reading and parsing that both share: the loader's own work).
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from bench import dlt_merge, sources
from bench.measure import (
    Cost,
    bare_copy,
    cost,
    dump,
    median,
    memory_mb,
    records,
    seconds,
    throw_away_database,
)
from soleflip_pipelines.imports.kinds import load_kinds
from soleflip_pipelines.ingestion.inbox import import_file
from soleflip_pipelines.ingestion.stockx_orders import ORDERS
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.connection import connect
from soleflip_pipelines.warehouse.loader import (
    BatchSource,
    RawTable,
    Record,
    load_batch,
    read_cursor,
)

OFFERS = RawTable("raw_awin", "offers", ("feed_id", "aw_product_id"))
FEED = BatchSource("bench", "feed")
FEED_STREAM = "raw_awin.offers/bench"
DAY_ROWS = 1_000
RECENT = 10_000  # orders change while they are young
DLT_ROWS = 100_000
ROUNDS = 3
Rows = Iterable[Any]
HEADINGS = """\
                   whole     bare   loader   first:known  loader:bare  first:again   unread again
kind       rows   rows/s   rows/s   rows/s   clock   cpu  clock   cpu  clock   cpu  clock   cpu  dlt
"""


@dataclass(frozen=True)
class Kind:
    """A kind of load: its table, how its source is written, and how it is loaded the whole way."""

    name: str
    table: RawTable
    write: Callable[[Path, int], None]
    load: Callable[[Settings, psycopg.Connection, Path], object]


def _load_rows(table: RawTable, read: Callable[[Path], Rows]) -> Callable[..., object]:
    return lambda _, conn, path: load_batch(conn, table, read(path), FEED)


def _load_feed(_: Settings, conn: psycopg.Connection, path: Path) -> None:
    """As `ingestion.awin` does: a feed whose content is known costs its hash alone."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    if (read_cursor(conn, FEED_STREAM) or {}).get("sha256") != sha256:
        cursor = (FEED_STREAM, {"sha256": sha256})
        load_batch(conn, OFFERS, sources.read_feed(path), FEED, cursor=cursor)


KINDS = (
    Kind("orders", ORDERS, sources.write_order_pages, _load_rows(ORDERS, sources.read_order_pages)),
    Kind("feed", OFFERS, sources.write_feed, _load_feed),
    Kind("csv", load_kinds()["purchases"].table, sources.write_purchases, import_file),
)


def measure(settings: Settings, folder: Path, kind: Kind, count: int) -> None:
    """One line: the whole way from the source, then the loader alone on the same rows."""
    source, rows = folder / f"{kind.name}.csv", folder / f"{kind.name}.rows"
    kind.write(source, count)
    found: defaultdict[str, list[Cost]] = defaultdict(list)
    with connect(settings) as conn, connect(settings, role=None) as owner:

        def load() -> None:
            load_batch(conn, kind.table, records(rows), FEED)

        # By turns, so that what else the machine does hits all of them alike.
        for number in range(ROUNDS if count <= DLT_ROWS else 1):
            _empty(owner, kind.table)
            for name in ("whole", "known"):
                found[name].append(cost(conn, lambda: kind.load(settings, conn, source)))
            if not number:
                dump(conn, kind.table, rows)
            found["read"].append(cost(conn, lambda: deque(records(rows), maxlen=0)))
            found["bare"].append(cost(owner, lambda: bare_copy(owner, kind.table, rows)))
            _empty(owner, kind.table)
            found["first"].append(cost(conn, load))
            found["again"].append(cost(conn, load))
            if count <= DLT_ROWS:
                took = dlt_merge.seconds(settings, kind.table, rows, number)
                found["dlt"] += [Cost(took, took)] if took else []
    _print(kind.name, count, {name: median(costs) for name, costs in found.items() if costs})


def _print(name: str, count: int, costs: dict[str, Cost]) -> None:
    whole, known, first, again = (costs[step] for step in ("whole", "known", "first", "again"))
    bare, alone, alone_again = costs["bare"], first - costs["read"], again - costs["read"]
    ratios = [(whole, known), (bare, first), (first, again), (alone, alone_again)]
    print(
        f"{name:6}{count:>9,}{count / whole.clock:>9,.0f}"
        f"{count / bare.clock:>9,.0f}{count / first.clock:>9,.0f} "
        + " ".join(f"{a.clock / b.clock:>6.2f}{a.cpu / b.cpu:>6.2f}" for a, b in ratios)
        + (f"{costs['dlt'].clock / first.clock:>5.1f}x" if "dlt" in costs else f"{'-':>6}"),
        flush=True,
    )


def measure_increments(settings: Settings, sizes: Iterable[int]) -> None:
    """What a day of 1,000 orders, half new and half changed, costs on histories of each size."""
    costs: list[float] = []
    with connect(settings) as conn, connect(settings, role=None) as owner:
        for size in sizes:
            _empty(owner, ORDERS)
            load_batch(conn, ORDERS, map(_order, range(size)), FEED)
            owner.execute("vacuum analyze raw_stockx.orders")
            days = []
            for day in range(1, 8):
                new = range(size + day * DAY_ROWS, size + day * DAY_ROWS + DAY_ROWS // 2)
                old = range(size - RECENT + day, size, RECENT // (DAY_ROWS // 2))
                rows = [*map(_order, new), *(_order(n, version=day) for n in old)]
                days.append(seconds(lambda rows=rows: load_batch(conn, ORDERS, rows, FEED)))  # type: ignore[misc]
            costs.append(statistics.median(days))
            print(f"a day of {DAY_ROWS:,} on {size:>9,} orders: {costs[-1] * 1000:.0f} ms")
    print(f"the largest history costs {costs[-1] / costs[0]:.2f}x the smallest", flush=True)


def measure_memory(settings: Settings, count: int) -> None:
    """The peak memory of the loading process for one batch of so many rows."""
    peak, is_done = 0.0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not is_done.wait(0.1):
            peak = max(peak, memory_mb())

    watcher = threading.Thread(target=watch)
    watcher.start()
    with connect(settings) as conn, connect(settings, role=None) as owner:
        _empty(owner, ORDERS)
        begin = time.perf_counter()
        load_batch(conn, ORDERS, map(_order, range(count)), FEED)
        rate = count / (time.perf_counter() - begin)
        _empty(owner, ORDERS)
    is_done.set()
    watcher.join()
    print(f"peak memory of the loader at {count:,} rows: {peak:.0f} MB ({rate:,.0f} rows/s)")


def _order(number: int, version: int = 0) -> Record:
    payload = sources.order(number, version)
    return Record((payload["orderNumber"],), payload)


def _empty(owner: psycopg.Connection, table: RawTable) -> None:
    owner.autocommit = True
    owner.execute(f"truncate {table.address}, integration.known_page")
    # What was loaded once, a file or a feed, is never loaded again.
    owner.execute("update integration.import_batches set file_sha256 = null")
    owner.execute("delete from integration.sync_state")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--million", action="store_true", help="also 1,000,000 rows of each kind")
    parser.add_argument("--memory", type=int, default=200_000, help="rows for the peak of memory")
    chosen = parser.parse_args()
    sizes = [10_000, 100_000, *([1_000_000] if chosen.million else [])]
    with throw_away_database() as (settings, folder):
        print(HEADINGS)
        for kind in KINDS:
            for size in sizes:
                measure(settings, folder, kind, size)
        measure_increments(settings, (10_000, 1_000_000))
        measure_memory(settings, chosen.memory)


if __name__ == "__main__":
    main()
