"""Judges the rows of a file: a canonical record, or a rejection that says what to do.

From rows of cells to what the loader takes, without any I/O of its own. A row that repeats
another's key with different contents is refused, since nobody can tell which of the two is right.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from soleflip_pipelines.imports.files import Row
from soleflip_pipelines.imports.header import Header
from soleflip_pipelines.imports.kinds import Field, Values
from soleflip_pipelines.imports.values import BadValue, money, text
from soleflip_pipelines.warehouse.loader import Record, Rejection

TOTALS = frozenset(
    {
        "summe", "gesamt", "gesamtsumme", "zwischensumme", "insgesamt", "ende", "total", "totals",
        "sum", "subtotal", "grand total", "end of report",
    }
)  # fmt: skip
DOLLARS = frozenset({"AUD", "CAD", "HKD", "MXN", "NZD", "SGD", "TWD", "USD"})


class _Refusal(Exception):
    """Why a row is refused, and the canonical field it is about, if one."""

    def __init__(self, code: str, remedy: str, field_name: str | None = None) -> None:
        super().__init__(remedy)
        self.code = code
        self.remedy = remedy
        self.field_name = field_name


@dataclass
class RowJudge:
    """Judges the rows of one file, one after the other.

    Attributes:
        skipped: how many lines were no data: titles, repeated headers, totals.
    """

    file_name: str
    header: Header
    skipped: int = 0
    _seen: dict[str, int] = field(default_factory=dict)
    _numbers: Counter[tuple[str | None, ...]] = field(default_factory=Counter)

    def judge_all(self, rows: Iterable[Row]) -> Iterator[Record | Rejection]:
        """All data rows of the file, in its order."""
        is_before_header = True
        for row in rows:
            if row.cells == self.header.cells:
                is_before_header = False
                self.skipped += 1
            elif is_before_header or self._is_total(row.cells):
                self.skipped += 1
            else:
                yield self.judge(row)

    def judge(self, row: Row) -> Record | Rejection:
        """One data row."""
        try:
            return self._record(row)
        except _Refusal as refusal:
            return Rejection(
                position=f"{self.file_name}:{row.line}",
                reason_code=refusal.code,
                reason=refusal.remedy,
                raw=_as_csv(row.cells, self.header.delimiter),
                field=refusal.field_name,
            )

    def _record(self, row: Row) -> Record:
        width, kind = len(self.header.cells), self.header.kind
        if len(row.cells) < width or any(cell.strip() for cell in row.cells[width:]):
            raise _Refusal(
                "row_shape",
                f"it has {len(row.cells)} cells under {width} titles: look for a lost delimiter",
            )
        number = self._line_number(row.cells)
        values: Values = {f.name: self._value(f, row.cells) for f in kind.fields}
        if number is not None:
            values["line_no"] = values["line_no"] or number
        self._check_presence(values)
        values["currency_code"] = self._currency(values, row.cells)
        self._check_signs(values)
        try:
            kind.finish(values)
        except BadValue as problem:
            raise _Refusal(problem.code, problem.remedy) from None
        key = kind.key(values)
        contents = hash(tuple(values.values()))
        if self._seen.setdefault(key, contents) != contents:
            raise _Refusal(
                "conflicting_duplicate",
                f"an earlier row of this file is {key} too and differs: correct one of them",
            )
        cells = dict(zip(self.header.titles, row.cells, strict=False))
        return Record((key,), {**values, "cells": cells})

    def _is_total(self, cells: list[str]) -> bool:
        first = next((cell.strip() for cell in cells if cell.strip()), "")
        if first.rstrip(":").strip().lower() not in TOTALS:
            return False
        required = [self.header.columns.get(name) for name in self.header.kind.required]
        filled = [p for p in required if p is not None and p < len(cells) and cells[p].strip()]
        return len(filled) < len(required)

    def _line_number(self, cells: list[str]) -> str | None:
        """The place of the row within its document, for files that do not number their lines.

        Counted before anything is refused, so that a corrected file numbers its lines alike.
        """
        kind = self.header.kind
        if not kind.numbered_within:
            return None
        scope = tuple(text(cells[self.header.columns[name]]) for name in kind.numbered_within)
        self._numbers[scope] += 1
        return str(self._numbers[scope])

    def _value(self, column: Field, cells: list[str]) -> str | None:
        place = self.header.columns.get(column.name)
        if place is None:
            return None
        try:
            return column.parse(cells[place])
        except BadValue as problem:
            raise _Refusal(problem.code, problem.remedy, column.name) from None

    def _check_presence(self, values: Values) -> None:
        kind = self.header.kind
        for name in kind.required:
            if values[name] is None:
                remedy = f"{name} is needed: fill it in and import the file again"
                raise _Refusal("missing_value", remedy, name)
        if kind.one_of and not any(values[name] for name in kind.one_of):
            remedy = f"{' or '.join(kind.one_of)} is needed: fill one in and import the file again"
            raise _Refusal("missing_value", remedy, kind.one_of[0])

    def _check_signs(self, values: Values) -> None:
        kind = self.header.kind
        for name in kind.positive:
            if Decimal(values[name] or 1) <= 0:
                raise _Refusal("not_positive", f"{name} must be over zero", name)
        for name in kind.not_negative:
            if Decimal(values[name] or 0) < 0:
                raise _Refusal("negative", f"write {name} without a minus", name)

    def _currency(self, values: Values, cells: list[str]) -> str:
        """The row's currency: its column's, else the title's, else the one beside the amounts."""
        places = [self.header.columns.get(name) for name in self.header.kind.money_fields]
        amounts = [money(cells[place]) for place in places if place is not None]
        beside = {a.currency_code for a in amounts if a and a.currency_code}
        stated = values["currency_code"] or self.header.currency_code
        if stated is None and len(beside) == 1:
            return beside.pop()
        if stated is None and not beside:
            remedy = "no currency is stated: add a column Currency, or a sign beside the amounts"
            raise _Refusal("missing_currency", remedy, "currency_code")
        if stated is None or beside - {stated} - ({"USD"} if stated in DOLLARS else set()):
            remedy = f"it names several currencies: {', '.join(sorted({*beside, stated or ''}))}"
            raise _Refusal("currency_conflict", remedy.replace(": , ", ": "), "currency_code")
        return stated


def _as_csv(cells: list[str], delimiter: str) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="").writerow(cells)
    return out.getvalue()
