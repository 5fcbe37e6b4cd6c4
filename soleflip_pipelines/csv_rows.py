"""Strict CSV out of files that others made: no row grows beyond what memory should hold.

Encodings, headers and what a refusal says are the business of those who read a kind of file.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import TextIO


def bounded_rows(
    text: TextIO, *, delimiter: str, max_chars: int
) -> Iterator[tuple[int, list[str]]]:
    """Each row with the number of its last line, counted from 1 where the text stands.

    A line without end, or a quoted cell whose end never comes, would else be collected whole.

    Raises:
        csv.Error: the text is no strict CSV, or a row has `max_chars` characters.
    """
    left = max_chars

    def lines() -> Iterator[str]:
        nonlocal left
        while line := text.readline(left):
            left -= len(line)
            if not left:
                raise csv.Error(f"a row of {max_chars:,} characters")
            yield line

    reader = csv.reader(lines(), delimiter=delimiter, strict=True)
    for cells in reader:
        left = max_chars
        yield reader.line_num, cells
