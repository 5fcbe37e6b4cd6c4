"""The clock of the benchmarks, their throw-away database, and what they are compared with."""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psycopg
from psycopg import sql

from soleflip_pipelines.settings import Settings, load_settings
from soleflip_pipelines.warehouse.connection import prepare_database
from soleflip_pipelines.warehouse.embedded import EmbeddedPostgres
from soleflip_pipelines.warehouse.loader import RawTable, Record


@contextmanager
def throw_away_database() -> Iterator[tuple[Settings, Path]]:
    """Settings of a migrated database of its own, and a folder for files."""
    with tempfile.TemporaryDirectory(prefix="soleflip-bench-") as folder:
        server = EmbeddedPostgres(Path(folder))
        try:
            settings = load_settings({"SOLEFLIP_HOME": folder})
            prepare_database(settings)
            yield settings, Path(folder)
        finally:
            server.stop()


class Cost(NamedTuple):
    """What a piece of work cost: seconds by the clock, and seconds of processor on both sides."""

    clock: float
    cpu: float

    def __sub__(self, other: Cost) -> Cost:
        return Cost(self.clock - other.clock, self.cpu - other.cpu)


def median(costs: Iterable[Cost]) -> Cost:
    """The middle of each."""
    return Cost(*map(statistics.median, zip(*costs, strict=True)))


def cost(conn: psycopg.Connection, work: Callable[[], object]) -> Cost:
    """The cost of work on a connection; the server runs on this machine."""
    begin, cpu = time.perf_counter(), time.process_time() + _server_cpu(conn)
    work()
    return Cost(time.perf_counter() - begin, time.process_time() + _server_cpu(conn) - cpu)


def _server_cpu(conn: psycopg.Connection) -> float:
    stat = Path(f"/proc/{conn.info.backend_pid}/stat").read_text("utf-8")
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def memory_mb() -> float:
    """What this process holds now."""
    status = Path(f"/proc/{os.getpid()}/statm").read_text("ascii").split()
    return int(status[1]) * os.sysconf("SC_PAGE_SIZE") / 1024**2


def dump(conn: psycopg.Connection, table: RawTable, path: Path) -> None:
    """The table's rows as lines: the key's parts and the payload as JSON, cut by a control sign."""
    query = sql.SQL(
        "copy (select {keys}, payload from {table}) to stdout"
        " (format csv, delimiter e'\\x01', quote e'\\x02')"
    ).format(
        keys=sql.SQL(", ").join(sql.Identifier(key) for key in table.key_columns),
        table=sql.Identifier(table.schema, table.name),
    )
    with path.open("wb") as file, conn.cursor().copy(query) as copy:
        for block in copy:
            file.write(block)
    conn.commit()


def parsed(path: Path) -> Iterator[tuple[tuple[str, ...], str, dict[str, object]]]:
    """Key, text and parsed payload of each dumped row."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            *key, text = line.rstrip("\n").split("\x01")
            yield tuple(key), text, json.loads(text)


def records(path: Path) -> Iterator[Record]:
    for key, _, payload in parsed(path):
        yield Record(key, payload)


def bare_copy(conn: psycopg.Connection, table: RawTable, path: Path) -> None:
    """Parse each row's JSON and COPY it, with its key, into a table with a primary key; no more."""
    names = [sql.Identifier(key) for key in table.key_columns]
    columns = sql.SQL(", ").join(names)
    conn.execute(
        sql.SQL(
            "drop table if exists bare;"
            " create table bare ({}, payload jsonb not null, primary key ({}))"
        ).format(sql.SQL(", ").join(sql.SQL("{} text").format(name) for name in names), columns)
    )
    conn.commit()
    statement = sql.SQL("copy bare ({}, payload) from stdin").format(columns)
    with conn.cursor() as cur, cur.copy(statement) as copy:
        for key, text, _ in parsed(path):
            copy.write_row((*key, text))
    conn.commit()
