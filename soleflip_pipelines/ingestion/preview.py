"""What importing a file would do: the load itself, rolled back.

Nothing that is shown is computed in a second way, so a dry run cannot differ from the import.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from soleflip_pipelines.imports.files import OpenFile, sample_rows
from soleflip_pipelines.imports.header import Header
from soleflip_pipelines.imports.mapping import load_mappings
from soleflip_pipelines.ingestion.inbox import judged_rows, opened
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.loader import (
    BatchResult,
    BatchSource,
    Record,
    Rejection,
    load_batch,
)

EXAMPLES = 10
SAMPLE = 200
COUNTS_SQL = """
    select rows_read, rows_inserted, rows_updated, rows_unchanged, rows_duplicate, rows_rejected
    from integration.import_batches where batch_id = %s
"""


@dataclass(frozen=True)
class FilePreview:
    """What an import would do.

    Attributes:
        dialect: encoding, delimiter and decimal mark, in words.
        columns: the title of each canonical field; for a constant of a mapping its value after =.
        unused: titles that mean nothing here; their cells are kept as written.
        result: the counts; `is_repeat`: this content was imported before.
        skipped: lines that are no data.
        reasons: how often each reason code was given.
        rejections: the first of them.
    """

    file_name: str
    kind: str
    mapping: str | None
    dialect: str
    columns: dict[str, str]
    unused: list[str]
    result: BatchResult
    skipped: int
    reasons: dict[str, int]
    rejections: list[Rejection]


class _RollBack(Exception):
    """Carries the counts out of the batch that is given up."""

    def __init__(self, result: BatchResult) -> None:
        self.result = result


def preview_file(
    settings: Settings, conn: psycopg.Connection, path: Path, *, kind: str | None = None
) -> FilePreview:
    """Load a file and roll back; arguments and errors as in `inbox.import_file`."""
    reasons: Counter[str] = Counter()
    first: list[Rejection] = []

    def noted(rows: Iterable[Record | Rejection]) -> Iterator[Record | Rejection]:
        for row in rows:
            if isinstance(row, Rejection):
                reasons[row.reason_code] += 1
                if len(first) < EXAMPLES:
                    first.append(row)
            yield row

    with opened(path, load_mappings(settings.inbox_folder), kind) as (file, judge):
        header, table = judge.header, judge.header.kind.table

        def give_up(cur: psycopg.Cursor, batch_id: int) -> None:
            counts = cur.execute(COUNTS_SQL, [batch_id]).fetchone() or (0,) * 6
            raise _RollBack(BatchResult(table.address, batch_id, *counts))

        origin = BatchSource("inbox", "file", file_name=file.name, file_sha256=file.sha256)
        try:
            rows = noted(judged_rows(file, judge))
            result = load_batch(conn, table, rows, origin, after=give_up)
        except _RollBack as counted:
            result = counted.result
        return FilePreview(
            file_name=file.name,
            kind=header.kind.name,
            mapping=header.mapping.name if header.mapping else None,
            dialect=_dialect(file, header),
            columns=_columns(header),
            unused=[
                title
                for place, title in enumerate(header.titles)
                if place not in header.columns.values()
            ],
            result=result,
            skipped=judge.skipped,
            reasons=dict(reasons.most_common()),
            rejections=first,
        )


def _columns(header: Header) -> dict[str, str]:
    kept = [field.name for field in header.kind.fields if not field.is_check_only]
    titles = {name: header.titles[place] for name, place in header.columns.items()}
    constants = {name: f"= {value}" for name, value in header.constants.items()}
    return {name: text for name in kept if (text := constants.get(name) or titles.get(name))}


def _dialect(file: OpenFile, header: Header) -> str:
    encoding = {"cp1252": "Windows-1252", "utf-8-sig": "UTF-8 with BOM"}.get(
        file.encoding, file.encoding.upper()
    )
    delimiter = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}[header.delimiter]
    places = [header.columns[n] for n in header.kind.money_fields if n in header.columns]
    marks = {
        found[1]
        for cells in sample_rows(file, header.delimiter, SAMPLE)
        for place in places
        if place < len(cells) and (found := re.search(r"\d([.,])\d{1,2}(?!\d)", cells[place]))
    }
    names = {",": "decimal comma", ".": "decimal point"}
    decimals = " and ".join(names[mark] for mark in sorted(marks)) or "no decimals"
    return f"{encoding}, {delimiter} between cells, {decimals}"
