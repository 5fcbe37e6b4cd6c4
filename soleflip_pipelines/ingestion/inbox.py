"""Dropped CSV files into `raw_csv`: each content once, whole, with its bad rows in quarantine.

A file of the inbox is moved to `imported/` after its rows are committed; if that does not happen,
its hash in the ledger still keeps it from being loaded twice.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg

from soleflip_pipelines.imports.files import (
    FileRefused,
    OpenFile,
    check_unchanged,
    open_file,
    read_rows,
)
from soleflip_pipelines.imports.header import find_header
from soleflip_pipelines.imports.rows import RowJudge
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
DONE_FOLDER = "imported"
QUIET_S = 2.0


def waiting_files(folder: Path) -> list[Path]:
    """The files of the inbox that look like tables, by name; none if there is no inbox.

    Hidden and temporary files are left out. Links and the like are in: importing refuses them.
    """
    if not folder.is_dir():
        return []
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES and not path.name.startswith((".", "~"))
    )


def import_inbox(
    settings: Settings, conn: psycopg.Connection, *, run_id: str | None = None, log: Log = print
) -> list[BatchResult]:
    """Import every whole file of the inbox; a refused one stays there and stops no other.

    Args:
        settings: which inbox.
        conn: a connection of the loader role.
        run_id: Dagster's run, for the ledger.
        log: told about each file with rejected rows and each that was not imported, and at the end
            the sums of all.

    Returns:
        the batches of the files that had not been loaded before.
    """
    folder = settings.inbox_folder
    results: list[BatchResult] = []
    others: Counter[str] = Counter()
    paths = waiting_files(folder)
    for path in paths:
        if not _is_quiet(path):
            log(f"{path.name} is still being written: left for the next run")
            others["left for the next run"] += 1
            continue
        try:
            result = import_file(settings, conn, path, run_id=run_id, log=log)
        except FileRefused as error:
            log(str(error))
            others["refused"] += 1
            continue
        if result.is_repeat:
            others["imported before"] += 1
        else:
            results.append(result)
    if paths:
        log(_sums(len(paths), results, others))
    return results


def import_file(
    settings: Settings,
    conn: psycopg.Connection,
    path: Path,
    *,
    run_id: str | None = None,
    log: Log = print,
) -> BatchResult:
    """Import one file; a content that was imported before, under whatever name, is left alone.

    Arguments as in `import_inbox`; `log` is told about rejected rows alone.

    Raises:
        FileRefused: nothing of the file was kept; the text says what to do.
    """
    with open_file(path) as file:
        header = find_header(file)
        judge = RowJudge(file.name, header)
        result = load_batch(
            conn,
            header.kind.table,
            _rows(file, judge),
            BatchSource(
                "inbox",
                "file",
                file_name=file.name,
                file_sha256=file.sha256,
                dagster_run_id=run_id,
            ),
        )
        if result.rejected and not result.is_repeat:
            log(
                f"{file.name}: {header.kind.name}, {result.read:,} rows, {result.inserted:,} new, "
                f"{result.updated:,} changed, {result.duplicate:,} repeated, "
                f"{result.rejected:,} rejected; {judge.skipped:,} other lines"
            )
        if path.parent.resolve() == settings.inbox_folder.resolve():
            _move_away(path, file.sha256)
    return result


def _sums(files: int, results: list[BatchResult], others: Counter[str]) -> str:
    """One line on all files; the rows are those of the files that were imported now."""
    rows = {
        "rows read": sum(result.read for result in results),
        "new": sum(result.inserted for result in results),
        "changed": sum(result.updated for result in results),
        "unchanged": sum(result.unchanged for result in results),
        "repeated": sum(result.duplicate for result in results),
        "rejected": sum(result.rejected for result in results),
    }
    line = f"{files:,} file{'' if files == 1 else 's'}: "
    line += ", ".join(f"{count:,} {what}" for what, count in rows.items())
    left = ", ".join(f"{count:,} {what}" for what, count in others.items())
    return f"{line}; of the files {left}" if left else line


def _rows(file: OpenFile, judge: RowJudge) -> Iterator[Record | Rejection]:
    yield from judge.judge_all(read_rows(file, judge.header.delimiter))
    check_unchanged(file)


def _is_quiet(path: Path) -> bool:
    """Whether nobody has written to the file for a while; a young file is given that while."""
    try:
        before = path.lstat()
        age_s = time.time() - before.st_mtime
        if age_s < QUIET_S:
            time.sleep(min(QUIET_S, QUIET_S - age_s))
        after = path.lstat()
    except FileNotFoundError:
        return False
    return (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)


def _move_away(path: Path, sha256: str) -> None:
    done = path.parent / DONE_FOLDER
    done.mkdir(exist_ok=True)
    path.replace(done / f"{sha256[:8]}_{path.name}")
