"""Dropped CSV files into `raw_csv`: each content once, whole, with its bad rows in quarantine.

A file of the inbox is moved to `imported/` after its rows are committed; if that does not happen,
its hash in the ledger still keeps it from being loaded twice. What a dry run shows is made by
loading the file and rolling back (`preview.py`).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from soleflip_pipelines.imports.files import (
    ARCHIVE,
    WORKBOOK,
    WORKBOOKS,
    FileRefused,
    OpenFile,
    check_unchanged,
    open_file,
    read_rows,
)
from soleflip_pipelines.imports.header import find_header
from soleflip_pipelines.imports.mapping import (
    FOLDER,
    FileMapping,
    MappingError,
    load_mappings,
    mapping_files,
)
from soleflip_pipelines.imports.rows import RowJudge, refuse_implausible
from soleflip_pipelines.ingestion.steps import Log
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.loader import (
    BatchResult,
    BatchSource,
    Record,
    Rejection,
    load_batch,
)

SUFFIXES = frozenset({".csv", ".tsv", ".txt"})
ARCHIVES = frozenset({".zip", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst"})
UNFINISHED = frozenset({".part", ".partial", ".crdownload", ".download", ".tmp"})
DONE_FOLDER = "imported"
QUIET_S = 2.0
BEING_WRITTEN = "it is still being written: left for the next run"


@dataclass
class InboxRun:
    """What became of the inbox.

    Attributes:
        batches: of the files that had not been loaded before.
        left: the files that are still there, each with the reason.
    """

    batches: list[BatchResult] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)


def waiting_files(folder: Path) -> list[Path]:
    """What lies in the inbox, by name; nothing if there is none.

    Hidden, temporary and unfinished files are left out. Links, folders and files that are no CSV
    are in: importing refuses them, and says why.
    """
    if not folder.is_dir():
        return []
    return sorted(
        path
        for path in folder.iterdir()
        if path.name not in (DONE_FOLDER, FOLDER)
        and not path.name.startswith((".", "~"))
        and path.suffix.lower() not in UNFINISHED
    )


def inbox_stamps(folder: Path) -> dict[str, str]:
    """Size and time of each waiting file and mapping, to tell whether anything is new."""
    stamps: dict[str, str] = {}
    for path in (*waiting_files(folder), *mapping_files(folder)):
        try:
            status = path.lstat()
        except FileNotFoundError:
            continue
        name = path.relative_to(folder).as_posix()
        stamps[name] = f"{status.st_size}@{status.st_mtime_ns}"
    return stamps


def import_inbox(
    settings: Settings, conn: psycopg.Connection, *, run_id: str | None = None, log: Log = print
) -> InboxRun:
    """Import every whole file of the inbox; a refused one stays there and stops no other.

    Args:
        settings: which inbox.
        conn: a connection of the loader role.
        run_id: Dagster's run, for the ledger.
        log: told about each file with rejected rows and each that was not imported, and at the end
            the sums of all.
    """
    folder = settings.inbox_folder
    run = InboxRun()
    paths = waiting_files(folder)
    repeats = 0
    try:
        mappings = load_mappings(folder)
    except MappingError as error:
        log(f"nothing was imported: {error}")
        run.left = {path.name: str(error) for path in paths}
        return run
    settled = _settled([path for path in paths if _foreign(path) is None])
    for path in paths:
        reason = _foreign(path) or (None if path in settled else BEING_WRITTEN)
        try:
            if reason is not None:
                raise FileRefused(f"{path.name} was not imported: {reason}")
            result = _import(settings, conn, path, mappings, None, run_id, log)
        except FileRefused as error:
            if path.is_symlink() or path.exists():  # another run may have taken it meanwhile
                log(str(error))
                run.left[path.name] = str(error).partition(" was not imported: ")[2] or str(error)
            continue
        repeats += result.is_repeat
        if not result.is_repeat:
            run.batches.append(result)
        if path.exists():
            run.left[path.name] = f"it was imported, but cannot be moved to {DONE_FOLDER}/"
    if paths:
        log(_sums(len(paths), run, repeats))
    return run


def import_file(
    settings: Settings,
    conn: psycopg.Connection,
    path: Path,
    *,
    kind: str | None = None,
    log: Log = print,
) -> BatchResult:
    """Import one file; a content that was imported before, under whatever name, is left alone.

    Args:
        settings: whose mappings count, and whose inbox a file is moved out of.
        conn: a connection of the loader role.
        path: the file.
        kind: its kind, where the header does not tell it.
        log: told about rejected rows alone.

    Raises:
        FileRefused: nothing of the file was kept; the text says what to do.
        MappingError: a mapping of the inbox is broken.
    """
    mappings = load_mappings(settings.inbox_folder)
    return _import(settings, conn, path, mappings, kind, None, log)


@contextmanager
def opened(
    path: Path, mappings: Sequence[FileMapping], kind: str | None
) -> Iterator[tuple[OpenFile, RowJudge]]:
    """A file that can be imported, and who judges its rows.

    Raises:
        FileRefused: it cannot be.
    """
    with open_file(path) as file:
        judge = RowJudge(file.name, find_header(file, mappings, kind))
        refuse_implausible(file, judge.header)
        yield file, judge


def judged_rows(file: OpenFile, judge: RowJudge) -> Iterator[Record | Rejection]:
    """The judged rows of a file.

    Raises:
        FileRefused: it cannot be read to its end, or somebody wrote to it meanwhile.
    """
    yield from judge.judge_all(read_rows(file, judge.header.delimiter))
    check_unchanged(file)


def _import(
    settings: Settings,
    conn: psycopg.Connection,
    path: Path,
    mappings: Sequence[FileMapping],
    kind: str | None,
    run_id: str | None,
    log: Log,
) -> BatchResult:
    with opened(path, mappings, kind) as (file, judge):
        origin = BatchSource(
            "inbox", "file", file_name=file.name, file_sha256=file.sha256, dagster_run_id=run_id
        )
        result = load_batch(conn, judge.header.kind.table, judged_rows(file, judge), origin)
        if result.rejected and not result.is_repeat:
            log(
                f"{file.name}: {judge.header.kind.name}, {result.read:,} rows, "
                f"{result.inserted:,} new, {result.updated:,} changed, {result.duplicate:,} "
                f"repeated, {result.rejected:,} rejected; other lines: {judge.skipped:,}"
            )
        if path.parent.resolve() == settings.inbox_folder.resolve():
            _move_away(path, file.sha256, log)
    return result


def _sums(files: int, run: InboxRun, repeats: int) -> str:
    """One line on all files; the rows are those of the files that were imported now."""
    rows = {
        "rows read": sum(result.read for result in run.batches),
        "new": sum(result.inserted for result in run.batches),
        "changed": sum(result.updated for result in run.batches),
        "unchanged": sum(result.unchanged for result in run.batches),
        "repeated": sum(result.duplicate for result in run.batches),
        "rejected": sum(result.rejected for result in run.batches),
    }
    unfinished = sum(reason == BEING_WRITTEN for reason in run.left.values())
    others = Counter(
        {
            "imported before": repeats,
            "left for the next run": unfinished,
            "refused": len(run.left) - unfinished,
        }
    )
    line = f"{files:,} file{'' if files == 1 else 's'}: "
    line += ", ".join(f"{count:,} {what}" for what, count in rows.items())
    left = ", ".join(f"{count:,} {what}" for what, count in (+others).items())
    return f"{line}; of the files {left}" if left else line


def _foreign(path: Path) -> str | None:
    """Why something in the inbox is not even opened, or None."""
    suffix = path.suffix.lower()
    if path.is_dir() and not path.is_symlink():
        return "it is a folder: move its files into the inbox itself"
    if suffix in SUFFIXES:
        return None
    if suffix in WORKBOOKS:
        return WORKBOOK
    return ARCHIVE if suffix in ARCHIVES else "its name does not end in .csv, .tsv or .txt"


def _settled(paths: Sequence[Path]) -> set[Path]:
    """The files to which nobody has written for a while; young ones are given that while."""
    now = time.time()
    before = {path: _stamp(path) for path in paths}
    youngest = max((stamp[1] / 1e9 for stamp in before.values() if stamp), default=0.0)
    if now - youngest < QUIET_S:
        time.sleep(min(QUIET_S, QUIET_S - (now - youngest)))
    return {path for path, stamp in before.items() if stamp and _stamp(path) == stamp}


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    return status.st_size, status.st_mtime_ns


def _move_away(path: Path, sha256: str, log: Log) -> None:
    done = path.parent / DONE_FOLDER
    try:
        done.mkdir(exist_ok=True)
        path.replace(done / f"{sha256[:8]}_{path.name}")
    except OSError as error:
        if path.exists():  # else another run that met the same file has moved it
            log(f"{path.name} was imported, but cannot be moved away: {error.strerror}")
