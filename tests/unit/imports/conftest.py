"""What the tests of dropped files share: from bytes to judged rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from soleflip_pipelines.imports.files import open_file, read_rows
from soleflip_pipelines.imports.header import find_header
from soleflip_pipelines.imports.mapping import FileMapping
from soleflip_pipelines.imports.rows import RowJudge, refuse_implausible
from soleflip_pipelines.warehouse.loader import Record, Rejection


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    """Where a test writes its file."""
    return tmp_path / "sheet.csv"


def judged(
    path: Path,
    content: bytes | str,
    mappings: Sequence[FileMapping] = (),
    kind: str | None = None,
) -> tuple[list[Record | Rejection], RowJudge]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with open_file(path) as file:
        judge = RowJudge(file.name, find_header(file, mappings, kind))
        refuse_implausible(file, judge.header)
        return list(judge.judge_all(read_rows(file, judge.header.delimiter))), judge


def records(path: Path, content: bytes | str, *more: Any) -> list[dict[str, Any]]:
    rows, _ = judged(path, content, *more)
    assert all(isinstance(row, Record) for row in rows), rows
    return [row.payload for row in rows if isinstance(row, Record)]


def rejection(path: Path, content: bytes | str, *more: Any) -> Rejection:
    rows, _ = judged(path, content, *more)
    found = [row for row in rows if isinstance(row, Rejection)]
    assert len(found) == 1, rows
    return found[0]
