"""Readers of the published marts that look for what no reader may see, while others publish.

Several read without a pause, each in its own way: some marts in one statement, prepared or not, or
one after the other in a transaction. One hostile reader opens a transaction, reads everything once
and sits there, holding its locks.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import LiteralString

import psycopg

from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.connection import connect

PAUSE_S = 0.002
ONE: LiteralString = 'select min(build_id) from sales."order"'
TWO: LiteralString = "select min(build_id) from inventory.stock"
THREE: LiteralString = "select min(build_id) from analytics.sales_summary_daily"
FOUR: LiteralString = "select min(build_id) from financial.transaction"
# Each way is the statements of one transaction; every column of every row must be the same.
WAYS: tuple[tuple[LiteralString, ...], ...] = (
    (f"select ({ONE}), ({TWO}), ({THREE})",),
    (f"select ({FOUR}), ({THREE}), ({TWO}), ({ONE})",),
    (ONE, TWO),
    (THREE, FOUR, ONE),
)


class Reader(threading.Thread):
    """Reads in one way, over and over, and keeps account of it.

    Attributes:
        errors: what the database said, if it refused a statement.
        mixtures: the build ids of transactions that saw several.
        seen: the builds that were seen, in their order.
        reads: how many transactions there were.
        longest_wait_s: the longest of a transaction's statements took so long.
    """

    def __init__(self, settings: Settings, way: Sequence[LiteralString]) -> None:
        super().__init__(daemon=True)
        self.errors: list[str] = []
        self.mixtures: list[set[str]] = []
        self.seen: list[str] = []
        self.reads = 0
        self.longest_wait_s = 0.0
        self._settings = settings
        self._way = way
        self._ended = threading.Event()

    def run(self) -> None:
        with connect(self._settings, "reader", autocommit=True) as conn:
            while not self._ended.wait(PAUSE_S):
                try:
                    with conn.transaction():
                        ids = {build for text in self._way for build in self._read(conn, text)}
                except psycopg.Error as error:
                    self.errors.append(str(error))
                    continue
                self.reads += 1
                if len(ids) != 1:
                    self.mixtures.append(ids)
                elif self.seen[-1:] != list(ids):
                    self.seen += ids

    def _read(self, conn: psycopg.Connection, text: LiteralString) -> tuple[str, ...]:
        started = time.monotonic()
        found = conn.execute(text).fetchone() or ()
        self.longest_wait_s = max(self.longest_wait_s, time.monotonic() - started)
        return found

    def finish(self) -> None:
        self._ended.set()
        self.join()


@contextmanager
def polling(settings: Settings) -> Iterator[list[Reader]]:
    """Readers of all ways; when the block is left, their accounts are closed."""
    readers = [Reader(settings, way) for way in WAYS]
    for reader in readers:
        reader.start()
    try:
        yield readers
    finally:
        for reader in readers:
            reader.finish()


@contextmanager
def hostile_reader(settings: Settings, schemas: Sequence[str]) -> Iterator[None]:
    """A transaction that has read every table of the schemas and is not ended inside the block."""
    with ExitStack() as stack:
        conn = stack.enter_context(connect(settings, "reader"))
        tables = conn.execute(
            "select format('select from %%I.%%I limit 1', schemaname, relname)"
            " from pg_stat_user_tables where schemaname = any(%s)",
            [list(schemas)],
        ).fetchall()
        for (statement,) in tables:
            conn.execute(statement.encode())
        yield
        conn.rollback()
