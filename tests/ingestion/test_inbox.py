"""The CSV inbox: each content once, whole, and no bad file stops a good one."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from soleflip_pipelines.imports.files import FileRefused
from soleflip_pipelines.ingestion import inbox
from soleflip_pipelines.ingestion.inbox import InboxRun, import_file, import_inbox, waiting_files
from soleflip_pipelines.settings import Settings

pytestmark = pytest.mark.integration

SHEET = (
    "Supplier,Order No,Line,Order Date,Product,Qty,Unit Price (EUR)\n"
    "Shop,A-1,1,2025-04-03,Shoe,1,100.00\n"
    "Shop,A-1,2,2025-04-03,Shirt,none,20.00\n"
)


@pytest.fixture
def folder(settings: Settings) -> Path:
    settings.inbox_folder.mkdir(parents=True)
    return settings.inbox_folder


def drop(folder: Path, name: str, content: str = SHEET, age_s: float = 60) -> Path:
    path = folder / name
    path.write_text(content)
    os.utime(path, (time.time() - age_s,) * 2)
    return path


def stored(conn: psycopg.Connection) -> list[str]:
    query = "select line_key from raw_csv.purchases order by 1"
    return [key for (key,) in conn.execute(query).fetchall()]


def test_a_file_is_loaded_with_its_bad_rows_aside_and_moved(
    settings: Settings, conn: psycopg.Connection, folder: Path
) -> None:
    drop(folder, "march.csv")
    lines: list[str] = []
    (result,) = import_inbox(settings, conn, log=lines.append).batches
    assert (result.read, result.inserted, result.rejected) == (2, 1, 1)
    assert stored(conn) == ["shop|A-1|1"]
    assert conn.execute(
        "select position, field, reason_code, raw_row from integration.rejected_rows"
    ).fetchall() == [
        ("march.csv:3", "quantity", "bad_number", "Shop,A-1,2,2025-04-03,Shirt,none,20.00")
    ]
    assert waiting_files(folder) == []
    (kept,) = (folder / "imported").iterdir()
    assert kept.name.endswith("_march.csv")
    assert lines == [
        "march.csv: purchases, 2 rows, 1 new, 0 changed, 0 repeated, 1 rejected; 1 other lines",
        "1 file: 2 rows read, 1 new, 0 changed, 0 unchanged, 0 repeated, 1 rejected",
    ]


def test_clean_files_share_one_line(
    settings: Settings, conn: psycopg.Connection, folder: Path
) -> None:
    clean = SHEET.replace("none", "1")
    drop(folder, "a.csv", clean)
    drop(folder, "b.csv", clean.replace("A-1", "A-2"))
    drop(folder, "b (copy).csv", clean.replace("A-1", "A-2"))
    drop(folder, "c_unknown.csv", "a,b,c\n1,2,3\n")
    lines: list[str] = []
    import_inbox(settings, conn, log=lines.append)
    assert len(lines) == 2
    assert lines[0].startswith("c_unknown.csv was not imported")
    assert lines[1] == (
        "4 files: 4 rows read, 4 new, 0 changed, 0 unchanged, 0 repeated, 0 rejected; "
        "of the files 1 imported before, 1 refused"
    )


def test_a_content_is_loaded_once_under_whatever_name(
    settings: Settings, conn: psycopg.Connection, folder: Path, tmp_path: Path
) -> None:
    drop(folder, "march.csv")
    import_inbox(settings, conn, log=str)
    again = drop(folder, "march (copy).csv")
    assert import_inbox(settings, conn, log=str) == InboxRun()
    assert not again.exists()
    elsewhere = drop(tmp_path, "march.csv")
    lines: list[str] = []
    assert import_file(settings, conn, elsewhere, log=lines.append).is_repeat
    assert lines == []
    assert elsewhere.exists()
    assert conn.execute("select count(*) from integration.import_batches").fetchone() == (1,)


def test_a_corrected_file_of_the_same_name_replaces_by_key(
    settings: Settings, conn: psycopg.Connection, folder: Path
) -> None:
    drop(folder, "march.csv")
    import_inbox(settings, conn, log=str)
    drop(folder, "march.csv", SHEET.replace("none", "3").replace("100.00", "90.00"))
    (result,) = import_inbox(settings, conn, log=str).batches
    assert (result.inserted, result.updated) == (1, 1)
    assert stored(conn) == ["shop|A-1|1", "shop|A-1|2"]


def test_a_refused_file_stays_and_stops_no_other(
    settings: Settings, conn: psycopg.Connection, folder: Path
) -> None:
    drop(folder, "a_unknown.csv", "a,b,c\n1,2,3\n")
    (folder / "b_link.csv").symlink_to(drop(folder, "real.xml"))
    drop(folder, "c_good.csv")
    lines: list[str] = []
    (result,) = import_inbox(settings, conn, log=lines.append).batches
    assert result.inserted == 1
    assert [path.name for path in waiting_files(folder)] == [
        "a_unknown.csv",
        "b_link.csv",
        "real.xml",
    ]
    assert lines[0].startswith("a_unknown.csv was not imported: no kind of file fits its header")
    assert lines[1] == "b_link.csv was not imported: it is a link"


def test_a_file_that_is_still_being_written_waits(
    settings: Settings,
    conn: psycopg.Connection,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = drop(folder, "growing.csv", age_s=0)
    # The writer's next line lands while the import makes sure that nobody writes.
    monkeypatch.setattr(inbox.time, "sleep", lambda _: path.write_text(SHEET + "Shop,A-2,1"))
    lines: list[str] = []
    assert import_inbox(settings, conn, log=lines.append).batches == []
    assert lines[0] == f"growing.csv was not imported: {inbox.BEING_WRITTEN}"
    assert lines[-1].endswith("; of the files 1 left for the next run")
    drop(folder, "growing.csv")
    assert len(import_inbox(settings, conn, log=str).batches) == 1


def test_a_file_that_changes_while_it_is_read_is_not_loaded(
    settings: Settings, conn: psycopg.Connection, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = drop(folder, "moving.csv")
    original = inbox.find_header

    def find_and_append(file: inbox.OpenFile, *rest: Any) -> object:
        found = original(file, *rest)
        with path.open("a") as stream:
            stream.write("Shop,A-9,1,2025-04-03,Shoe,1,1.00\n")
        return found

    monkeypatch.setattr(inbox, "find_header", find_and_append)
    with pytest.raises(FileRefused, match="it changed while it was read"):
        import_file(settings, conn, path, log=str)
    assert stored(conn) == []


def test_hidden_temporary_and_foreign_files_are_left_alone(
    settings: Settings, conn: psycopg.Connection, folder: Path
) -> None:
    for name in (".hidden.csv", "~$open.csv", "scan.pdf", "part.csv.part"):
        drop(folder, name)
    run = import_inbox(settings, conn, log=str)
    assert run.batches == []
    assert run.left == {"scan.pdf": "its name does not end in .csv, .tsv or .txt"}
    assert len(list(folder.iterdir())) == 4


def test_no_inbox_is_an_empty_inbox(settings: Settings, conn: psycopg.Connection) -> None:
    assert import_inbox(settings, conn, log=str) == InboxRun()
