"""Writing many results at once: COPY into a temporary table, then one merge by key.

Only rows that are new or differ are written, so that a run without news leaves the tables alone.
What the rows mean belongs to `product_labelling`, `size_labelling` and `matching`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql


@dataclass(frozen=True, slots=True)
class Target:
    """A table of `enrichment`, the columns that key it and those that are written.

    `stamp` is the column that says when a row was last decided.
    """

    table: str
    keys: tuple[str, ...]
    values: tuple[str, ...]
    stamp: str


@dataclass(frozen=True, slots=True)
class Written:
    """What a merge did, in rows."""

    inserted: int
    updated: int
    deleted: int


def stage(cur: psycopg.Cursor[Any], target: Target, rows: Iterable[Sequence[Any]]) -> int:
    """Copy rows (keys, then values) into the temporary table `decided`; returns their number."""
    cur.execute("drop table if exists pg_temp.decided")
    cur.execute(
        sql.SQL("create temp table decided on commit drop as select {} from {} limit 0").format(
            _columns((*target.keys, *target.values)), sql.Identifier("enrichment", target.table)
        )
    )
    count = 0
    statement = sql.SQL("copy decided ({}) from stdin").format(
        _columns((*target.keys, *target.values))
    )
    with cur.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
            count += 1
    cur.execute("analyze decided")
    return count


def merge(cur: psycopg.Cursor[Any], target: Target, *, replace_all: bool) -> Written:
    """Bring the staged rows into the table.

    Args:
        cur: in the transaction that staged.
        target: the table.
        replace_all: the staged rows are all there is: rows without a staged one go.
    """
    table, keys = sql.Identifier("enrichment", target.table), _columns(target.keys)
    deleted = 0
    if replace_all:
        cur.execute(
            sql.SQL(
                "delete from {table} as old where not exists"
                " (select from decided as new where ({old_keys}) = ({new_keys}))"
            ).format(
                table=table,
                old_keys=_columns(target.keys, "old"),
                new_keys=_columns(target.keys, "new"),
            )
        )
        deleted = cur.rowcount
    cur.execute(
        sql.SQL(
            "insert into {table} as old ({columns}) select {columns} from decided"
            " on conflict ({keys}) do update set ({values}, {stamp}) = row({excluded}, now())"
            " where ({old_values}) is distinct from ({excluded})"
            " returning (xmax = 0)"
        ).format(
            table=table,
            keys=keys,
            columns=_columns((*target.keys, *target.values)),
            values=_columns(target.values),
            excluded=_columns(target.values, "excluded"),
            old_values=_columns(target.values, "old"),
            stamp=sql.Identifier(target.stamp),
        )
    )
    fresh = [bool(row[0]) for row in cur.fetchall()]
    return Written(fresh.count(True), fresh.count(False), deleted)


def only_row(cur: psycopg.Cursor[Any]) -> tuple[Any, ...]:
    """The row of a query that always gives one, such as a count.

    Raises:
        LookupError: the query gave none.
    """
    row = cur.fetchone()
    if row is None:
        raise LookupError("the query gave no row")
    return tuple(row)


def _columns(names: Sequence[str], alias: str | None = None) -> sql.Composed:
    qualified = [sql.Identifier(alias, name) if alias else sql.Identifier(name) for name in names]
    return sql.SQL(", ").join(qualified)
