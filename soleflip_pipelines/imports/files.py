"""Opens a dropped file safely and reads it as strict CSV rows, whatever its dialect.

Encoding and delimiter are found out here; what the columns mean is `header.py`'s business. A file
that cannot be read whole is refused whole: a stray quotation mark would swallow rows unseen.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from soleflip_pipelines.csv_rows import bounded_rows
from soleflip_pipelines.errors import SoleflipError

MAX_FILE_BYTES = 2 * 1024**3
MAX_FIELD_CHARS = 100_000
MAX_ROW_CHARS = 1_000_000
MAX_CELLS = 1_000
MAX_LINES_A_ROW = 50
MAX_NAME_BYTES = 200
CHUNK_BYTES = 1024 * 1024
SAMPLE_CHARS = 256 * 1024
DELIMITERS = ",;\t|"
ASCII_TEXT = re.compile(r"[\x00-\x7f]+")
ESCAPED = re.compile(r"[\udc80-\udcff]+")
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
WORKBOOK = "it is a workbook: save the sheet as CSV UTF-8 and import that"
ARCHIVE = "it is an archive: unpack it and import the files that are in it"
WORKBOOKS = frozenset({".xlsx", ".xlsm", ".xlsb", ".xls", ".ods", ".numbers"})
NO_TEXT = (
    (b"PK\x03\x04", ARCHIVE),
    (b"\x1f\x8b", ARCHIVE),
    (b"BZh", ARCHIVE),
    (b"\xfd7zXZ\x00", ARCHIVE),
    (b"7z\xbc\xaf", ARCHIVE),
    (b"Rar!", ARCHIVE),
    (b"\x28\xb5\x2f\xfd", ARCHIVE),
    (b"\xd0\xcf\x11\xe0", WORKBOOK),
    (b"%PDF", "it is a PDF: export the table as CSV and import that"),
)


class FileRefused(SoleflipError):
    """A file was not imported, and nothing of it was kept; the text says what to do."""


@dataclass(frozen=True)
class OpenFile:
    """A regular file, held open so that what is hashed is what is read."""

    name: str
    stream: BinaryIO
    sha256: str
    encoding: str
    stamp: tuple[int, int]


@dataclass(frozen=True)
class Row:
    """A row of cells and the line on which it begins, counted from 1."""

    line: int
    cells: list[str]


@contextmanager
def open_file(path: Path) -> Iterator[OpenFile]:
    """Open a file for import.

    Raises:
        FileRefused: no such file, a link, not a regular file, a name that cannot be kept, too
            large, an archive or workbook, or no known encoding.
    """
    _check_name(path.name)
    # O_NONBLOCK: opening a named pipe must not hang before its type is known.
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        handle = os.open(path, flags)
    except OSError as error:
        reason = "it is a link" if path.is_symlink() else (error.strerror or "it cannot be opened")
        raise FileRefused(f"{path.name} was not imported: {reason}") from None
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        os.close(handle)
        raise FileRefused(f"{path.name} was not imported: it is no regular file")
    with os.fdopen(handle, "rb") as stream:
        if status.st_size > MAX_FILE_BYTES:
            raise FileRefused(f"{path.name} was not imported: it is larger than 2 GB")
        _refuse_what_is_no_text(stream, path)
        sha256, encoding = _examined(stream, path.name)
        yield OpenFile(path.name, stream, sha256, encoding, _stamp(status))


def check_unchanged(file: OpenFile) -> None:
    """Make sure that nobody wrote to the file while it was read.

    Raises:
        FileRefused: somebody did.
    """
    if _stamp(os.fstat(file.stream.fileno())) != file.stamp:
        raise FileRefused(f"{file.name} was not imported: it changed while it was read; try again")


def read_rows(file: OpenFile, delimiter: str) -> Iterator[Row]:
    """All rows that are not blank, strictly by the rules of CSV.

    Raises:
        FileRefused: quotation marks do not pair up, or a cell or row is implausibly long.
    """
    file.stream.seek(0)
    text = io.TextIOWrapper(file.stream, encoding=file.encoding, newline="")
    csv.field_size_limit(MAX_FIELD_CHARS)
    line = 1
    try:
        for end, cells in bounded_rows(text, delimiter=delimiter, max_chars=MAX_ROW_CHARS):
            if end - line >= MAX_LINES_A_ROW:
                raise csv.Error("a row that runs over too many lines")
            if len(cells) > MAX_CELLS:
                raise csv.Error("a row of too many cells")
            if any(cell.strip() for cell in cells):
                yield Row(line, cells)
            line = end + 1
    except csv.Error as error:
        raise FileRefused(
            f"{file.name} was not imported: from line {line} on it is no proper CSV ({error}); "
            "look for a quotation mark without its partner"
        ) from None
    finally:
        with suppress(ValueError):  # closed already: whoever read the rows gave up before their end
            text.detach()


def sample_rows(file: OpenFile, delimiter: str, count: int) -> list[list[str]]:
    """The first rows as a delimiter would cut them; nothing is checked."""
    file.stream.seek(0)
    text = io.TextIOWrapper(file.stream, encoding=file.encoding, newline="")
    try:
        sample = text.read(SAMPLE_CHARS)
    finally:
        text.detach()
    rows: list[list[str]] = []
    csv.field_size_limit(SAMPLE_CHARS)
    for cells in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter):
        if any(cell.strip() for cell in cells):
            rows.append(cells)
        if len(rows) == count:
            break
    return rows


def _check_name(name: str) -> None:
    """Names end up in the ledger and in another folder, so they must be plain."""
    try:
        is_plain = len(name.encode()) <= MAX_NAME_BYTES and ".." not in name and "\\" not in name
    except UnicodeEncodeError:
        is_plain = False
    if not is_plain or not name.isprintable():
        shown = "".join(c if c.isprintable() else "�" for c in name)[:60]
        raise FileRefused(f"{shown} was not imported: give it a plain, shorter name without ..")


def _refuse_what_is_no_text(stream: BinaryIO, path: Path) -> None:
    head = stream.read(8)
    stream.seek(0)
    for mark, remedy in NO_TEXT:
        if head.startswith(mark):
            is_workbook = path.suffix.lower() in WORKBOOKS
            raise FileRefused(
                f"{path.name} was not imported: {WORKBOOK if is_workbook else remedy}"
            )


def _examined(stream: BinaryIO, name: str) -> tuple[str, str]:
    """Hash and encoding of a file, read once: a byte order mark, else UTF-8, else Windows-1252."""
    head = stream.read(4)
    stream.seek(0)
    marked = next((encoding for mark, encoding in MARKS if head.startswith(mark)), None)
    candidates = [marked] if marked else _guesses(head)
    decoders = {encoding: codecs.getincrementaldecoder(encoding)() for encoding in candidates}
    digest = hashlib.sha256()
    while chunk := stream.read(CHUNK_BYTES):
        digest.update(chunk)
        _drop_misfits(decoders, chunk, final=False)
    _drop_misfits(decoders, b"", final=True)
    fitting = next((encoding for encoding in candidates if encoding in decoders), None)
    if fitting == "cp1252" and _is_damaged_utf8(stream):
        raise FileRefused(
            f"{name} was not imported: it is UTF-8 with damaged letters; save or download it anew"
        )
    if fitting is not None:
        return digest.hexdigest(), fitting
    raise FileRefused(
        f"{name} was not imported: it is neither UTF-8 nor UTF-16 nor Windows-1252 text; "
        "save it as CSV UTF-8"
    )


def _is_damaged_utf8(stream: BinaryIO) -> bool:
    """Whether more letters beyond ASCII are sound UTF-8 than are not.

    In Windows-1252 next to none is; read as such, a damaged file would be nonsense unseen.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    sound = damaged = 0
    stream.seek(0)
    while chunk := stream.read(CHUNK_BYTES):
        letters = ASCII_TEXT.sub("", decoder.decode(chunk))
        wrong = len(letters) - len(ESCAPED.sub("", letters))
        damaged += wrong
        sound += len(letters) - wrong
    return sound > damaged


def _guesses(head: bytes) -> list[str]:
    if len(head) == 4 and head[1] == head[3] == 0 and head[0] and head[2]:
        return ["utf-16-le"]
    if len(head) == 4 and head[0] == head[2] == 0 and head[1] and head[3]:
        return ["utf-16-be"]
    return ["utf-8", "cp1252"]


def _drop_misfits(
    decoders: dict[str, codecs.IncrementalDecoder], chunk: bytes, *, final: bool
) -> None:
    for encoding, decoder in list(decoders.items()):
        try:
            decoder.decode(chunk, final)
        except UnicodeDecodeError:
            del decoders[encoding]


def _stamp(status: os.stat_result) -> tuple[int, int]:
    return status.st_size, status.st_mtime_ns
