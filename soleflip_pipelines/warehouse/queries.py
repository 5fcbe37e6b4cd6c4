"""The kept queries: what an owner asks (`sql/questions`) and what a dashboard shows.

Each is a file of plain SQL on the published marts that any client can run; its comment says in
words what it answers and what it leaves out. What a figure means is defined by the marts.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from soleflip_pipelines.errors import SoleflipError
from soleflip_pipelines.settings import PROJECT_ROOT

QUESTIONS = PROJECT_ROOT / "sql" / "questions"
DASHBOARDS = PROJECT_ROOT / "sql" / "dashboards"


@dataclass(frozen=True)
class Query:
    """A kept query.

    Attributes:
        number: its place among the questions; None for a dashboard's.
        name: the file's, without number and ending.
        title: what it answers, in a sentence.
        notes: how it answers, and what it leaves out.
    """

    number: int | None
    name: str
    title: str
    notes: str
    sql: str
    path: Path


def load_queries(folder: Path) -> list[Query]:
    """The queries of a folder, in the order of their files."""
    return [_load(path) for path in sorted(folder.glob("*.sql"))]


def find_query(name: str) -> Query:
    """The question of a number or name, or the dashboard's query of a name.

    Raises:
        SoleflipError: there is none; the text lists the names.
    """
    queries = load_queries(QUESTIONS) + load_queries(DASHBOARDS)
    wanted = name.strip().lower().replace("-", "_")
    for query in queries:
        if wanted == query.name or (query.number is not None and wanted == str(query.number)):
            return query
    raise SoleflipError(
        f"there is no question {name}: say a number from 1 to {len(load_queries(QUESTIONS))},"
        f" or one of {', '.join(query.name for query in queries)}"
    )


def answer(conn: psycopg.Connection, query: Query) -> tuple[list[str], list[dict[str, Any]]]:
    """The columns and rows of a query's answer.

    Args:
        conn: a connection of the reader role.
        query: which one.

    Raises:
        SoleflipError: no marts have been published yet.
    """
    with conn.cursor(row_factory=dict_row) as cur:
        try:
            cur.execute(query.sql.encode())
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as error:
            raise SoleflipError(
                "there is nothing to ask yet: no marts are published; run `soleflip run`"
            ) from error
        return [column.name for column in cur.description or ()], cur.fetchall()


def _load(path: Path) -> Query:
    text = path.read_text("utf-8")
    comment = []
    for line in text.splitlines():
        if not line.startswith("-- "):
            break
        comment.append(line.removeprefix("-- "))
    number, _, name = path.stem.partition("_")
    if not number.isdigit():
        number, name = "", path.stem
    return Query(
        int(number) if number else None, name, comment[0], " ".join(comment[1:]), text, path
    )
