"""The CSV inbox: each content once, whole, and no bad file stops a good one."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

from soleflip_pipelines.imports.files import FileRefused
from soleflip_pipelines.imports.mapping import MappingError
from soleflip_pipelines.ingestion import inbox
from soleflip_pipelines.ingestion.inbox import (
    InboxRun,
    import_file,
    import_inbox,
    inbox_stamps,
    waiting_files,
)
from soleflip_pipelines.ingestion.preview import preview_file
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.connection import connect
from soleflip_pipelines.warehouse.loader import BatchResult

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
        "march.csv: purchases, 2 rows, 1 new, 0 changed, 0 repeated, 1 rejected; other lines: 1",
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
    os.utime(folder / "b_link.csv", (1, 1), follow_symlinks=False)
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


def test_what_cannot_be_taken_stays_with_its_reason(
    settings: Settings, conn: psycopg.Connection, folder: Path
) -> None:
    drop(folder, "sheet.xlsx")
    drop(folder, "march.csv.gz")
    drop(folder, "renamed.csv").write_bytes(b"\x1f\x8b\x08\0" * 40)
    os.utime(folder / "renamed.csv", (1, 1))
    (folder / "2024").mkdir()
    os.mkfifo(folder / "pipe.csv")
    os.utime(folder / "pipe.csv", (1, 1))
    drop(folder, "a..b.csv")
    run = import_inbox(settings, conn, log=str)
    assert run.batches == []
    assert {name: reason[:20] for name, reason in run.left.items()} == {
        "sheet.xlsx": "it is a workbook: sa",
        "march.csv.gz": "it is an archive: un",
        "renamed.csv": "it is an archive: un",
        "2024": "it is a folder: move",
        "pipe.csv": "it is no regular fil",
        "a..b.csv": "give it a plain, sho",
    }


def test_a_file_that_cannot_be_moved_is_loaded_once_and_stops_no_other(
    settings: Settings, conn: psycopg.Connection, folder: Path
) -> None:
    (folder / "imported").write_text("in the way")
    drop(folder, "march.csv")
    drop(folder, "may.csv", SHEET.replace("A-1", "A-2"))
    run = import_inbox(settings, conn, log=str)
    assert len(run.batches) == 2
    assert run.left == dict.fromkeys(
        ("march.csv", "may.csv"), "it was imported, but cannot be moved to imported/"
    )
    assert import_inbox(settings, conn, log=str).batches == []


def test_a_broken_mapping_leaves_everything_until_it_is_corrected(
    settings: Settings, conn: psycopg.Connection, folder: Path
) -> None:
    drop(folder, "march.csv")
    (folder / "mappings").mkdir()
    mapping = folder / "mappings" / "shop.yaml"
    mapping.write_text("kind: purchase\nmatch: [Supplier]\n")
    before = inbox_stamps(folder)
    lines: list[str] = []
    run = import_inbox(settings, conn, log=lines.append)
    assert run.left == {"march.csv": lines[0].removeprefix("nothing was imported: ")}
    assert run.left["march.csv"].startswith("mappings/shop.yaml, kind: write one of purchases")
    with pytest.raises(MappingError):
        import_file(settings, conn, folder / "march.csv", log=str)
    mapping.write_text("kind: purchases\nmatch: [Supplier]\ndate_order: month\n")
    assert inbox_stamps(folder) != before
    assert len(import_inbox(settings, conn, log=str).batches) == 1
    assert inbox_stamps(folder).keys() == {"mappings/shop.yaml"}


def test_a_content_that_two_runs_meet_at_once_is_loaded_once(
    settings: Settings, folder: Path
) -> None:
    clean = SHEET.replace("none", "1") + "".join(
        f"Shop,B-{n},1,2025-04-03,Shoe,1,100.00\n" for n in range(2_000)
    )
    for name in ("a.csv", "b.csv", "c.csv"):
        drop(folder, name, clean)

    def run(_: int) -> list[BatchResult]:
        with connect(settings) as own:
            return import_inbox(settings, own, log=str).batches

    with ThreadPoolExecutor(3) as pool:
        batches = [batch for found in pool.map(run, range(3)) for batch in found]
    assert [batch.inserted for batch in batches] == [2_002]
    assert waiting_files(folder) == []
    with connect(settings) as own:
        assert own.execute("select count(*) from integration.import_batches").fetchone() == (1,)


def test_a_dry_run_shows_what_the_import_does_and_changes_nothing(
    settings: Settings, conn: psycopg.Connection, folder: Path
) -> None:
    import_file(settings, conn, drop(folder, "first.csv"), log=str)
    tables = ("raw_csv.purchases", "integration.import_batches", "integration.rejected_rows")

    def state() -> list[object]:
        return [conn.execute(f"select * from {t} order by 1").fetchall() for t in tables]

    before = state()
    conn.commit()
    changed = SHEET.replace("100.00", "90,50") + "Shop,A-1,3,2025-04-03,Sock,1,5\nTotal,,,,,,\n"
    second = drop(folder, "second.csv", changed.replace(",", ";").replace("90;50", "90,50"))
    preview = preview_file(settings, conn, second)
    assert state() == before
    assert second.exists()
    assert preview.dialect == ("UTF-8, semicolon between cells, decimal comma and decimal point")
    assert preview.columns["unit_price"] == "Unit Price (EUR)"
    assert preview.unused == []
    assert preview.skipped == 2
    assert preview.reasons == {"bad_number": 1}
    assert [found.field for found in preview.rejections] == ["quantity"]
    conn.commit()
    result = import_file(settings, conn, second, log=str)
    counts = ("read", "inserted", "updated", "unchanged", "duplicate", "rejected")
    assert [getattr(result, n) for n in counts] == [3, 1, 1, 0, 0, 1]
    assert [getattr(preview.result, n) for n in counts] == [3, 1, 1, 0, 0, 1]
    again = preview_file(settings, conn, drop(folder, "again.csv", second_content(folder)))
    assert again.result.is_repeat


def second_content(folder: Path) -> str:
    (path,) = (folder / "imported").glob("*_second.csv")
    return path.read_text()


def test_no_inbox_is_an_empty_inbox(settings: Settings, conn: psycopg.Connection) -> None:
    assert import_inbox(settings, conn, log=str) == InboxRun()
