"""Judges the rows of a file: a canonical record, or a rejection that says what to do.

From rows of cells to what the loader takes, without any I/O of its own. A row that repeats
another's key with different contents is refused, since nobody can tell which of the two is right.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from typing import Any

from soleflip_pipelines.amounts import implausible
from soleflip_pipelines.imports.files import (
    FileRefused,
    OpenFile,
    Row,
    sample_rows,
)
from soleflip_pipelines.imports.header import Header
from soleflip_pipelines.imports.kinds import Values
from soleflip_pipelines.imports.seen import NUMBER_BITS, SeenHashes
from soleflip_pipelines.imports.values import BadValue, currency_beside, in_quotes
from soleflip_pipelines.warehouse.loader import Record, Rejection

TOTALS = frozenset(
    {
        "summe", "gesamt", "gesamtsumme", "zwischensumme", "insgesamt", "ende", "total", "totals",
        "sum", "subtotal", "grand total", "end of report",
    }
)  # fmt: skip
FOOTER = re.compile(
    r"\d+ (record|order|row|datens(ä|ae)tze).*(download|heruntergeladen).*"
    r"|(seller|verk(ä|ae)ufer)[ -]id\b.*"
    r"|(exported|created|generated|erstellt|exportiert) (on|am)\b.*"
)
MONTH_FIRST = "month_first"
MAX_FOOTER_CHARS = 200
SAMPLE_ROWS = 200
SHORT_CHARS = 6
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
    _seen: SeenHashes = field(default_factory=SeenHashes)
    _numbers: SeenHashes = field(default_factory=SeenHashes)

    def __post_init__(self) -> None:
        header, fields = self.header, self.header.kind.fields
        self._fixed: Values = {f.name: header.constants.get(f.name) for f in fields}
        self._readers = [
            (f.name, header.columns[f.name], f.parse) for f in fields if f.name in header.columns
        ]
        self._scope = [
            header.columns[name] for name in header.kind.numbered_within if name in header.columns
        ]

    def judge_all(self, rows: Iterable[Row]) -> Iterator[Record | Rejection]:
        """All data rows of the file, in its order."""
        is_before_header = True
        row = None
        for row in rows:
            if self._is_header(row.cells):
                is_before_header = False
                self.skipped += 1
            elif is_before_header or self._is_total(row.cells):
                self.skipped += 1
            else:
                judged = self.judge(row)
                if isinstance(judged, Rejection) and judged.reason_code == MONTH_FIRST:
                    self._refuse_month_first(judged)
                yield judged
        if is_before_header and row is not None:
            raise FileRefused(
                f"{self.file_name} was not imported: its header is cut differently from its rows; "
                "look for a quotation mark without its partner"
            )

    def _refuse_month_first(self, found: Rejection) -> None:
        """One date that can only be month-first makes every other one of the file doubtful."""
        if self.header.mapping is None:
            raise FileRefused(
                f"{self.file_name} was not imported: line {found.position.rpartition(':')[2]} has "
                f"a date with the month first, so 03/04/25 may be March in it: say so in a mapping "
                f"with `kind: {self.header.kind.name}` and `date_order: month` (or day, to refuse "
                "that line alone; docs/csv-files.md)"
            )

    def judge(self, row: Row, line_no: str | None = None) -> Record | Rejection:
        """One data row.

        Args:
            row: the row.
            line_no: its number within its document, if that was counted before.
        """
        try:
            line_no = line_no or self._line_number(row.cells)
            return self._record(row, line_no)
        except _Refusal as refusal:
            return Rejection(
                position=f"{self.file_name}:{row.line}",
                reason_code=refusal.code,
                reason=refusal.remedy,
                raw=as_csv(row.cells, self.header.delimiter),
                field=refusal.field_name,
                context=_context(self.header, line_no),
            )

    def _record(self, row: Row, line_no: str | None) -> Record:
        width, kind = len(self.header.cells), self.header.kind
        if len(row.cells) < width or any(cell.strip() for cell in row.cells[width:]):
            raise _Refusal(
                "row_shape",
                f"it has {len(row.cells)} cells under {width} titles: look for a lost delimiter",
            )
        # The quarantine shows the character as these letters: judged again, it still is none.
        if "\0" in (text := "".join(row.cells)) or "\\u0000" in text:
            raise _Refusal("nul_character", "take the NUL character out of it")
        values = self._values(row.cells)
        if line_no is not None:
            values["line_no"] = values["line_no"] or line_no
        for column in kind.fields:
            if column.otherwise and values[column.name] is None:
                values[column.name] = values[column.otherwise]
        self._check_presence(values)
        if "currency_code" in values:
            values["currency_code"] = self._currency(values, row.cells)
        for column in kind.check_only:
            del values[column.name]
        self._check_amounts(values)
        try:
            kind.finish(values)
        except BadValue as problem:
            raise _Refusal(problem.code, problem.remedy) from None
        key = kind.key(values)
        contents = hash(tuple(values.values())) & NUMBER_BITS
        if self._seen.setdefault(hash(key), contents) != contents:
            raise _Refusal(
                "conflicting_duplicate",
                f"an earlier row of this file is {in_quotes(key)} too and differs: correct one",
            )
        cells = dict(zip(self.header.titles, row.cells, strict=False))
        return Record((key,), {**values, "cells": cells})

    def _is_header(self, cells: list[str]) -> bool:
        """Whether the line is the header (again), be it with blanks or a mark put before it."""
        titles = self.header.cells
        if cells[0] != titles[0] and _bare(cells[0]) != _bare(titles[0]):
            return False
        return [_bare(cell) for cell in cells] == [_bare(title) for title in titles]

    def _is_total(self, cells: list[str]) -> bool:
        """Whether the line is a footer: it begins like one and lacks what a row must have."""
        first = list(islice(filter(None, map(str.strip, cells)), 2))
        begin = " ".join(first).lower()[:MAX_FOOTER_CHARS]
        if first[0].rstrip(":").strip().lower() not in TOTALS and not FOOTER.fullmatch(begin):
            return False
        header = self.header
        names = header.kind.required or tuple(header.columns)
        places = [header.columns[name] for name in names if name in header.columns]
        filled = [place for place in places if place < len(cells) and cells[place].strip()]
        return len(filled) < (len(places) if header.kind.required else min(3, len(places)))

    def _line_number(self, cells: list[str]) -> str | None:
        """The place of the row within its document, for files that do not number their lines.

        Counted before anything is refused, so that a corrected file numbers its lines alike.
        """
        if not self.header.kind.numbered_within:
            return None
        named = [cells[place] for place in self._scope if place < len(cells)]
        scope = hash(tuple(" ".join(cell.split()) for cell in named))
        return str(self._numbers.increment(scope))

    def _values(self, cells: list[str]) -> Values:
        """The parsed cells and the mapping's constants; None where nothing is."""
        values = dict(self._fixed)
        name = ""
        try:
            for name, place, parse in self._readers:
                values[name] = parse(cell) if (cell := cells[place]) else None
        except BadValue as problem:
            raise _Refusal(problem.code, problem.remedy, name) from None
        return values

    def _check_presence(self, values: Values) -> None:
        kind = self.header.kind
        for name in kind.required:
            if values[name] is None:
                remedy = f"{name} is needed: fill it in and import the file again"
                raise _Refusal("missing_value", remedy, name)
        if kind.one_of and not any(values[name] for name in kind.one_of):
            remedy = f"{' or '.join(kind.one_of)} is needed: fill one in and import the file again"
            raise _Refusal("missing_value", remedy, kind.one_of[0])

    def _check_amounts(self, values: Values) -> None:
        kind = self.header.kind
        for name in kind.positive:
            if Decimal(values[name] or 1) <= 0:
                raise _Refusal("not_positive", f"{name} must be over zero", name)
        for name, bound in kind.usually_below.items():
            if self.header.mapping is None and Decimal(values[name] or 0) > 10 * bound:
                raise _Refusal("implausible", f"{name} is over {10 * bound:,}", name)
        for name in kind.not_negative:
            if Decimal(values[name] or 0) < 0:
                raise _Refusal("negative", f"write {name} without a minus", name)
        for name in kind.money_fields:
            amount = values[name] or ""
            # So short a text is below every bound; most are.
            if len(amount) > SHORT_CHARS and (
                reason := implausible(Decimal(amount), values["currency_code"])
            ):
                raise _Refusal("implausible", f"{name} {reason}", name)

    def _currency(self, values: Values, cells: list[str]) -> str | None:
        """The row's currency: its column's, else the title's, else the one beside the amounts.

        None where nothing is an amount.
        """
        kind = self.header.kind
        amounts = [name for name in kind.money_fields if values[name] is not None]
        places = [self.header.columns[name] for name in amounts if name in self.header.columns]
        beside = {code for place in places if (code := currency_beside(cells[place]))}
        beside.update(
            code
            for other in kind.check_only
            if other.kind_of == "currency" and (code := values[other.name])
        )
        stated = values["currency_code"] or self.header.currency_code
        if stated is None and not beside:
            stated = kind.currency_code
        if stated is None and len(beside) == 1:
            return beside.pop()
        if stated is None and not beside:
            if not amounts:
                return None
            remedy = "no currency is stated: add a column Currency, or a sign beside the amounts"
            raise _Refusal("missing_currency", remedy, "currency_code")
        if stated is None or beside - {stated} - ({"USD"} if stated in DOLLARS else set()):
            remedy = f"it names several currencies: {', '.join(sorted({*beside, stated or ''}))}"
            raise _Refusal("currency_conflict", remedy.replace(": , ", ": "), "currency_code")
        return stated


def refuse_implausible(file: OpenFile, header: Header) -> None:
    """Make sure that amounts are not mistaken by a factor of a hundred.

    Raises:
        FileRefused: most of the first amounts are over what is usual for the kind. A mapping's
            user is taken at his word.
    """
    if header.mapping is not None:
        return
    for name, bound in header.kind.usually_below.items():
        found: list[Decimal] = []
        parse = next(field.parse for field in header.kind.fields if field.name == name)
        place = header.columns[name]
        for cells in sample_rows(file, header.delimiter, SAMPLE_ROWS):
            with suppress(BadValue, IndexError):
                found.append(Decimal(parse(cells[place]) or "nan"))
        found = sorted(amount for amount in found if amount.is_finite())
        if found and found[(len(found) - 1) // 2] > bound:
            raise FileRefused(
                f"{file.name} was not imported: half of its {in_quotes(header.cells[place])} are "
                f"over {bound:,}, so they may be cents: say so in a mapping with "
                f"`kind: {header.kind.name}` and `cents: [{name}]` (docs/csv-files.md)"
            )


def as_csv(cells: list[str], delimiter: str) -> str:
    """A row as a line of CSV."""
    out = io.StringIO()
    # The writer quotes a line break only if its own line end has one.
    csv.writer(out, delimiter=delimiter, lineterminator="\r\n").writerow(cells)
    return out.getvalue().removesuffix("\r\n")


def _bare(title: str) -> str:
    return title.strip("\ufeff \t").casefold()


def _context(header: Header, line_no: str | None) -> dict[str, Any]:
    """What it takes to judge a row of the file again."""
    context: dict[str, Any] = {
        "kind": header.kind.name,
        "header": header.cells,
        "delimiter": header.delimiter,
    }
    if line_no is not None:
        context["line_no"] = line_no
    if header.mapping is not None:
        context["mapping"] = {"name": header.mapping.name, "entry": header.mapping.entry}
    return context
