"""Tells from a file's first rows what kind it is, how it is cut, and which column means what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from soleflip_pipelines.imports.files import DELIMITERS, FileRefused, OpenFile, sample_rows
from soleflip_pipelines.imports.kinds import Kind, load_kinds
from soleflip_pipelines.imports.mapping import FileMapping, title_key
from soleflip_pipelines.imports.values import currency_in, folded_header, in_quotes, printable

SAMPLE_ROWS = 20
MAX_SHOWN = 12
HOW_TO = (
    "name its kind (soleflip import FILE --kind …), rename a column, or describe the file once in "
    "a mapping (docs/csv-files.md)"
)


@dataclass(frozen=True)
class Header:
    """What a file's header says.

    Attributes:
        cells: the header row as written.
        columns: the place of each canonical field that has a column.
        mapping: the user's mapping that told it, if one did.
    """

    kind: Kind
    delimiter: str
    cells: list[str]
    columns: dict[str, int]
    mapping: FileMapping | None = None

    @cached_property
    def titles(self) -> list[str]:
        """The titles made distinct: the names under which a row's cells are kept."""
        titles: list[str] = []
        taken: set[str] = set()
        for place, cell in enumerate(self.cells, start=1):
            title = " ".join(cell.split()) or f"column {place}"
            titles.append(f"{title} ({place})" if title in taken else title)
            taken.update((title, titles[-1]))
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
    def known(self) -> FileMapping:
        """The mapping of a header that one told."""
        assert self.mapping is not None
        return self.mapping

    @cached_property
    def constants(self) -> Mapping[str, str | None]:
        """What the mapping says of fields without a column."""
        return self.mapping.constants if self.mapping else {}

    @cached_property
    def missing(self) -> list[str]:
        """What the kind needs and the header has no column for."""
        given = {*self.columns, *self.constants}
        missing = [name for name in self.kind.required if name not in given]
        for group in (self.kind.one_of, self.kind.told_by):
            if group and not given.intersection(group):
                missing.append(" or ".join(group))
        return missing

    @cached_property
    def fit(self) -> int:
        """How many of the kind's fields have a column."""
        kept = {field.name for field in self.kind.fields if not field.is_check_only}
        return len(kept.intersection(self.columns))


def find_header(
    file: OpenFile, mappings: Sequence[FileMapping] = (), kind_name: str | None = None
) -> Header:
    """The header, among the first rows, that a mapping or a kind fits.

    Args:
        file: an open file.
        mappings: the user's own; they come before what the kinds' titles say.
        kind_name: the only kind to think of.

    Raises:
        FileRefused: none fits, or several do; the text says what was found, what is missing and
            what to do.
    """
    rows = [
        (delimiter, cells)
        for delimiter in DELIMITERS
        for cells in sample_rows(file, delimiter, SAMPLE_ROWS)
    ]
    if not rows:
        raise FileRefused(f"{file.name} was not imported: it is empty")
    kinds = [kind for kind in load_kinds().values() if kind_name in (None, kind.name)]
    if not kinds:
        raise FileRefused(f"there is no kind {kind_name}: write one of {', '.join(load_kinds())}")
    wanted = [m for m in mappings if kind_name in (None, m.kind.name)]
    header = _mapped(file, rows, wanted) or _detected(file, rows, kinds)
    _refuse_doubles(file, header)
    return header


def header_of(kind: Kind, cells: list[str], mapping: FileMapping | None = None) -> Header:
    """The header that is known to be one of this kind, with whatever columns it has."""
    if mapping is not None and mapping.columns:
        return Header(kind, "", cells, _named(mapping, cells), mapping)
    return Header(kind, "", cells, _titled(kind, _places(cells)), mapping)


def _mapped(
    file: OpenFile, rows: list[tuple[str, list[str]]], mappings: Sequence[FileMapping]
) -> Header | None:
    """The header that has all titles of a mapping's `match`: of several mappings the longest."""
    found: dict[str, Header] = {}
    for delimiter, cells in rows:
        present = {title_key(cell) for cell in cells}
        for mapping in mappings:
            if mapping.match <= present and mapping.name not in found:
                header = header_of(mapping.kind, cells, mapping)
                found[mapping.name] = replace(header, delimiter=delimiter)
    if not found:
        return None
    longest = max(len(header.known.match) for header in found.values())
    best, *others = (h for h in found.values() if len(h.known.match) == longest)
    if others:
        raise FileRefused(
            f"{file.name} was not imported: {best.known.name} and {others[0].known.name} both "
            "match it: give one of them a further title under match"
        )
    lost = sorted(best.known.columns.keys() - best.columns.keys())
    titles = [best.known.entry["columns"][field] for field in lost] or best.missing
    if titles:
        raise FileRefused(
            f"{file.name} was not imported: {best.known.name} matches it, but it has no column "
            f"{', '.join(titles)}: correct the mapping"
        )
    return best


def _detected(file: OpenFile, rows: list[tuple[str, list[str]]], kinds: list[Kind]) -> Header:
    found = list(_candidates(rows, kinds))
    whole: dict[str, Header] = {}
    for header in sorted((h for h in found if not h.missing), key=lambda h: -h.fit):
        whole.setdefault(header.kind.name, header)
    near = max(found, key=lambda h: (h.fit - 2 * len(h.missing), -len(h.missing)))
    sure = [header for header in whole.values() if not header.kind.is_yielding]
    best = sure or [h for h in whole.values() if h.fit >= near.fit][:1]
    if len(best) == 1:
        return best[0]
    if best:
        reason = f"it could be {' or '.join(h.kind.name for h in best)}"
    elif near.missing and near.fit > len(near.missing):
        lacks = ", ".join(near.missing)
        reason = f"it looks like {near.kind.name} but has no column for {lacks}"
    else:
        names = ", ".join(kind.name for kind in kinds)
        reason = (
            f"no kind of file fits its header ({names}; docs/csv-files.md says what each needs)"
        )
    # A row without any known title may be no header but somebody's address.
    header = max(found, key=lambda h: h.fit)
    titles = "; none of its titles is known"
    if header.fit:
        shown = (printable(" ".join(cell.split())[:30]) for cell in header.cells[:MAX_SHOWN])
        titles = f"; its columns are: {', '.join(shown)}"
    raise FileRefused(f"{file.name} was not imported: {reason}{titles}. What to do: {HOW_TO}")


def _candidates(rows: list[tuple[str, list[str]]], kinds: list[Kind]) -> Iterator[Header]:
    for delimiter, cells in rows:
        places = _places(cells)
        for kind in kinds:
            yield Header(kind, delimiter, cells, _titled(kind, places))


def _places(cells: list[str]) -> dict[str, int]:
    """The first place of each title, folded."""
    places: dict[str, int] = {}
    for place, cell in enumerate(cells):
        places.setdefault(folded_header(cell), place)
    return places


def _titled(kind: Kind, places: dict[str, int]) -> dict[str, int]:
    columns: dict[str, int] = {}
    for field in kind.fields:
        title = next((title for title in field.titles if title in places), None)
        if title is not None:
            columns[field.name] = places[title]
    return columns


def _named(mapping: FileMapping, cells: list[str]) -> dict[str, int]:
    places: dict[str, int] = {}
    for place, cell in enumerate(cells):
        places.setdefault(title_key(cell), place)
    return {field: places[title] for field, title in mapping.columns.items() if title in places}


def _refuse_doubles(file: OpenFile, header: Header) -> None:
    fold = title_key if header.mapping and header.mapping.columns else folded_header
    folded = [fold(cell) for cell in header.cells]
    for place in header.columns.values():
        if folded.count(folded[place]) > 1:
            raise FileRefused(
                f"{file.name} was not imported: the column {in_quotes(header.cells[place])} stands "
                "twice in it; rename or remove one"
            )
