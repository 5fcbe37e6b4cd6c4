"""Reading for explanations: one snapshot of the database, rows as dictionaries, nothing written.

Raw tables are not the reader role's to see, so the loader's role reads, in a read-only transaction.
Which rows are read belongs to the chapters.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg
from psycopg.rows import dict_row

from soleflip_pipelines.errors import SoleflipError
from soleflip_pipelines.explain.story import Row
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.connection import connect

NEAREST = 5
CANDIDATES = 5_000


class NotFound(SoleflipError):
    """Nothing of that name is known; the text names what comes nearest."""


class Book:
    """The database as it is at one moment."""

    def __init__(self, conn: psycopg.Connection) -> None:
        self._conn = conn

    def rows(self, query: str, **values: object) -> list[Row]:
        """All rows of a query whose parameters are named."""
        with self._conn.cursor(row_factory=dict_row) as cur:
            return cur.execute(query.encode(), values).fetchall()

    def row(self, query: str, **values: object) -> Row | None:
        """The first row of a query, or None."""
        return next(iter(self.rows(query, **values)), None)


@contextmanager
def open_book(settings: Settings) -> Iterator[Book]:
    """A snapshot for reading, of the set of marts that is published now.

    Raises:
        SoleflipError: no marts have been published yet.
    """
    with closing(connect(settings, role="loader")) as conn:
        conn.read_only = True
        conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        try:
            yield Book(conn)
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as error:
            raise SoleflipError(
                "there is nothing to explain yet: no marts are published; run `soleflip run`"
            ) from error


def nearest(wanted: str, known: list[str]) -> str:
    """A half sentence that names what is spelled most like it, or blank."""
    by_key = {name.casefold(): name for name in known}
    wanted = wanted.casefold()
    parts = [name for key, name in by_key.items() if wanted in key]
    alike = difflib.get_close_matches(wanted, by_key, NEAREST, 0.5)
    names = list(dict.fromkeys([*parts[:NEAREST], *(by_key[key] for key in alike)]))[:NEAREST]
    return f"; nearest: {', '.join(names)}" if names else ""
