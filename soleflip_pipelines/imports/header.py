"""Tells from a file's first rows what kind it is, how it is cut, and which column means what."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from soleflip_pipelines.imports.files import DELIMITERS, FileRefused, OpenFile, sample_rows
from soleflip_pipelines.imports.kinds import KINDS, Kind
from soleflip_pipelines.imports.values import currency_in, folded_header

SAMPLE_ROWS = 20
MAX_SHOWN = 12


@dataclass(frozen=True)
class Header:
    """What a file's header says.

    Attributes:
        cells: the header row as written.
        columns: the place of each canonical field that has a column.
    """

    kind: Kind
    delimiter: str
    cells: list[str]
    columns: dict[str, int]

    @cached_property
    def titles(self) -> list[str]:
        """The titles made distinct: the names under which a row's cells are kept."""
        titles: list[str] = []
        for place, cell in enumerate(self.cells, start=1):
            title = " ".join(cell.split()) or f"column {place}"
            titles.append(f"{title} ({place})" if title in titles else title)
        return titles

    @cached_property
    def currency_code(self) -> str | None:
        """The currency that the money columns' titles name, if they agree on one."""
        named = {
            currency_in(self.cells[self.columns[field]])
            for field in self.kind.money_fields
            if field in self.columns
        }
        return named.pop() if len(named) == 1 else None

    @property
    def missing(self) -> list[str]:
        """What the kind needs and the header has no column for."""
        missing = [name for name in self.kind.required if name not in self.columns]
        if self.kind.one_of and not any(name in self.columns for name in self.kind.one_of):
            missing.append(" or ".join(self.kind.one_of))
        return missing


def find_header(file: OpenFile) -> Header:
    """The header, among the first rows, that fits a kind best.

    Raises:
        FileRefused: none fits; the text names what was found and what is missing.
    """
    found = [
        Header(kind, delimiter, cells, _columns(kind, cells))
        for delimiter in DELIMITERS
        for cells in sample_rows(file, delimiter, SAMPLE_ROWS)
        for kind in KINDS
    ]
    best = max(found, key=lambda h: (-len(h.missing), len(h.columns)), default=None)
    if best is None:
        raise FileRefused(f"{file.name} was not imported: it is empty")
    if not best.missing:
        _refuse_doubles(file, best)
        return best
    first = max(
        (rows[0] for d in DELIMITERS if (rows := sample_rows(file, d, 1))), key=len, default=[]
    )
    shown = ", ".join(" ".join(cell.split())[:30] for cell in first[:MAX_SHOWN])
    needs = "; ".join(f"{kind.name} need {', '.join(kind.required)}" for kind in KINDS)
    near = (
        f"it looks like {best.kind.name} but has no column for {', '.join(best.missing)}"
        if len(best.columns) > len(best.missing)
        else f"no kind of file fits its header ({needs})"
    )
    raise FileRefused(f"{file.name} was not imported: {near}; its columns are: {shown}")


def _columns(kind: Kind, cells: list[str]) -> dict[str, int]:
    places: dict[str, int] = {}
    for place, cell in enumerate(cells):
        places.setdefault(folded_header(cell), place)
    columns: dict[str, int] = {}
    for field in kind.fields:
        title = next((title for title in field.titles if title in places), None)
        if title is not None:
            columns[field.name] = places[title]
    return columns


def _refuse_doubles(file: OpenFile, header: Header) -> None:
    folded = [folded_header(cell) for cell in header.cells]
    for place in header.columns.values():
        if folded.count(folded[place]) > 1:
            raise FileRefused(
                f'{file.name} was not imported: the column "{header.cells[place].strip()}" stands '
                "twice in it; rename or remove one"
            )
