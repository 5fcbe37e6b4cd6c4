"""How a mart is compared: two streams of rows in the same order, joined by key, field by field.

Bounded memory however many rows there are. What is compared with what is in the modules beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import starmap
from typing import Any, LiteralString

import psycopg
from psycopg.rows import DictRow, dict_row

from soleflip_pipelines.sandbox.verification.sides import UNKNOWABLE, Sides
from soleflip_pipelines.sandbox.verify_report import Check

Row = Mapping[str, Any]
Field = tuple[str, object, object]


def every_field(true: Row, found: Row) -> Iterator[Field]:
    """Each column that both sides have, with what is true and what the mart says."""
    yield from ((name, value, found[name]) for name, value in true.items() if name in found)


@dataclass(frozen=True)
class Comparison:
    """A mart and what says the truth about it.

    Attributes:
        mart: its address, such as "sales.order".
        key: columns that name a row on both sides; both queries are sorted by them, text by code
            point.
        true: SQL over the sandbox's files (see `sides`), or a maker of rows in order of key.
        found: SQL over the marts.
        fields: name, true value and found value of what is compared in a pair of rows.
        floor: share that must agree, for what is detected and not known.
        is_overlap: whether rows that one side alone has are no difference, since each may know
            more than the other.
        about: what of the mart is meant, where there is more than one comparison.
    """

    mart: str
    key: tuple[str, ...]
    true: str | Callable[[Sides], Iterable[Row]]
    found: LiteralString
    fields: Callable[[Row, Row], Iterable[Field]] = every_field
    floor: float = 1.0
    about: str = ""
    is_overlap: bool = False

    def run(self, sides: Sides) -> Check:
        """Compare all rows."""
        check = Check(" ".join(filter(None, (self.mart, self.about))), floor=self.floor)
        true = self.true(sides) if callable(self.true) else _ask(sides, self.true)
        found = _stream(sides.marts, self.found)
        for true_row, found_row in self._joined(iter(true), found, check):
            subject = " ".join(str(true_row[name]) for name in self.key)
            for name, expected, value in self.fields(true_row, found_row):
                if name in self.key or expected == UNKNOWABLE:
                    continue
                check.compared += 1
                if not same(expected, value):
                    check.note(subject, name, expected, value)
        return check

    def _name(self, row: Row) -> tuple[Any, ...]:
        return tuple(str(v) if isinstance(v, date) else v for v in (row[n] for n in self.key))

    def _joined(
        self, true_rows: Iterator[Row], found_rows: Iterator[Row], check: Check
    ) -> Iterator[tuple[Row, Row]]:
        """Pairs of equal key; the lonely rows of either side are noted."""
        true, found = next(true_rows, None), next(found_rows, None)
        while true is not None or found is not None:
            true_key = self._name(true) if true is not None else None
            found_key = self._name(found) if found is not None else None
            if true is not None and found is not None and true_key == found_key:
                check.rows += 1
                yield true, found
                true, found = next(true_rows, None), next(found_rows, None)
            elif found_key is None or (true_key is not None and true_key < found_key):
                self._note_lonely(check, true_key, "present", "missing")
                true = next(true_rows, None)
            else:
                self._note_lonely(check, found_key, "absent", "present or repeated")
                found = next(found_rows, None)

    def _note_lonely(
        self, check: Check, key: tuple[Any, ...] | None, true: str, found: str
    ) -> None:
        if not self.is_overlap:
            check.rows += 1
            check.compared += 1
            check.note(" ".join(map(str, key or ())), "row", true, found)


def _ask(sides: Sides, sql: str) -> Iterator[Row]:
    return map(dict, sides.truth.execute(sql, sides.parameters))


def _stream(conn: psycopg.Connection, sql: LiteralString) -> Iterator[DictRow]:
    with conn.cursor(name="verify", row_factory=dict_row) as cursor:
        cursor.itersize = 5_000
        cursor.execute(sql)
        yield from cursor


def same(expected: object, found: object) -> bool:
    """Equal as numbers, truth values or text; nothing equals nothing only."""
    if expected is None or found is None:
        return expected is found
    if isinstance(found, (list, tuple)) and isinstance(expected, (list, tuple)):
        return len(found) == len(expected) and all(starmap(same, zip(expected, found, strict=True)))
    if isinstance(found, (Decimal, float)):
        return Decimal(str(expected)) == Decimal(str(found))
    if isinstance(found, bool):
        return bool(expected) == found
    return str(expected) == str(found)
