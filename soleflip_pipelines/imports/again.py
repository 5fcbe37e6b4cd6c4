"""A refused row of a file, judged once more from where it lies.

What the quarantine keeps of a row beside its text (`rows.py` writes it) is enough for that: the
file is not needed any more. Loading what is good now is `ingestion.rejected`'s business.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from soleflip_pipelines.imports.files import MAX_FIELD_CHARS, Row
from soleflip_pipelines.imports.header import Header, header_of
from soleflip_pipelines.imports.kinds import load_kinds
from soleflip_pipelines.imports.mapping import MappingError, parse_mapping
from soleflip_pipelines.imports.rows import RowJudge, as_csv
from soleflip_pipelines.warehouse.loader import Record, Rejection


def judge_again(
    raw_row: str, context: Mapping[str, Any] | None, position: str
) -> Record | Rejection:
    """Judge a quarantined row of a file once more, from what the quarantine holds of it.

    The kind's present rules apply, and the mapping as it was then. For the reason code
    `conflicting_duplicate` nothing but the row is looked at: to load it is to say that it is the
    right one of the two, so do that only for a row that a person has named.

    Args:
        raw_row: `integration.rejected_rows.raw_row`, or what `corrected` made of it.
        context: of the same row.
        position: where it stood (file and line), for the new rejection.

    Returns:
        what to load into the table that the row was refused for, or why it is refused still.
    """
    try:
        if context is None:
            raise KeyError
        header = _kept_header(context)
        cells = _cells(raw_row, header.delimiter)
    except (csv.Error, LookupError, TypeError, MappingError):
        reason = "too little of it was kept: import its file again"
        return Rejection(position, "not_readable", reason, raw_row, context=context)
    name, _, line = position.rpartition(":")
    row = Row(int(line) if line.isdecimal() else 0, cells)
    return RowJudge(name or position, header).judge(row, context.get("line_no"))


def corrected(raw_row: str, context: Mapping[str, Any], cells: Mapping[str, str]) -> str:
    """A quarantined row with some cells rewritten, by their titles in the file.

    Raises:
        ValueError: there is no such title; the text lists those that are there.
    """
    header = _kept_header(context)
    row = _cells(raw_row, header.delimiter)
    row += [""] * (len(header.titles) - len(row))
    for title, cell in cells.items():
        if title not in header.titles:
            raise ValueError(f"there is no column {title}; write one of {', '.join(header.titles)}")
        row[header.titles.index(title)] = cell
    return as_csv(row, header.delimiter)


def _cells(raw_row: str, delimiter: str) -> list[str]:
    csv.field_size_limit(MAX_FIELD_CHARS)
    lines = io.StringIO(raw_row, newline="")
    return next(csv.reader(lines, delimiter=delimiter, strict=True), [])


def _kept_header(context: Mapping[str, Any]) -> Header:
    mapping = context.get("mapping")
    parsed = parse_mapping(mapping["name"], mapping["entry"]) if mapping else None
    kind = parsed.kind if parsed else load_kinds()[context["kind"]]
    header = header_of(kind, [str(cell) for cell in context["header"]], parsed)
    return replace(header, delimiter=context["delimiter"])
