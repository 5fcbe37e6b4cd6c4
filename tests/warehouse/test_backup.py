"""Backup and restore: what comes back is what was there; what fails changes nothing."""

from __future__ import annotations

import stat
from pathlib import Path

import psycopg
import pytest

from soleflip_pipelines.errors import DatabaseUnavailable
from soleflip_pipelines.settings import Settings, load_settings
from soleflip_pipelines.warehouse.backup import BackupError, backup, restore
from soleflip_pipelines.warehouse.connection import connect, database_url
from soleflip_pipelines.warehouse.embedded import ServerAddress
from soleflip_pipelines.warehouse.emptying import empty_sandbox
from soleflip_pipelines.warehouse.loader import BatchSource, RawTable, Record, load_batch

pytestmark = pytest.mark.integration

ORDERS = RawTable("raw_stockx", "orders", ("order_number",))


def load(settings: Settings, *numbers: str) -> None:
    with connect(settings) as conn:
        load_batch(conn, ORDERS, [Record((n,), {}) for n in numbers], BatchSource("t", "api"))


def orders(settings: Settings) -> list[str]:
    with connect(settings) as conn:
        rows = conn.execute("select order_number from raw_stockx.orders order by 1").fetchall()
    return [str(number) for (number,) in rows]


def test_a_restore_brings_back_what_was_there(settings: Settings, tmp_path: Path) -> None:
    load(settings, "1", "2")
    file = tmp_path / "a backup.dump"
    assert backup(settings, file) == file.stat().st_size > 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    load(settings, "3")
    with connect(settings, role="transformer") as conn:
        conn.execute("create schema sales")
        conn.execute("create view sales.v as select order_number from raw_stockx.orders")
    assert restore(settings, file) == []
    assert orders(settings) == ["1", "2"]
    load(settings, "4")
    with connect(settings, role="reader") as conn:
        assert conn.execute("select count(*) from integration.import_batches").fetchone() == (2,)


def test_a_file_that_is_no_backup_changes_nothing(settings: Settings, tmp_path: Path) -> None:
    load(settings, "1")
    (tmp_path / "x.dump").write_text("no backup")
    with pytest.raises(BackupError, match="pg_restore failed"):
        restore(settings, tmp_path / "x.dump")
    with pytest.raises(BackupError, match="there is no file"):
        restore(settings, tmp_path / "missing.dump")
    assert orders(settings) == ["1"]


def test_a_backup_of_the_other_mode_is_refused_and_changes_nothing(
    settings: Settings, server: ServerAddress, tmp_path: Path
) -> None:
    load(settings, "1")
    file = tmp_path / "live.dump"
    with psycopg.connect(database_url(settings), autocommit=True) as conn:
        conn.execute("update core.setting set setting_value = 'live' where setting_key = 'mode'")
        backup(
            load_settings(
                {"SOLEFLIP_DATABASE_URL": database_url(settings), "SOLEFLIP_MODE": "live"}
            ),
            file,
        )
        conn.execute("update core.setting set setting_value = 'sandbox' where setting_key = 'mode'")
    load(settings, "2")
    with pytest.raises(BackupError, match="other mode"):
        restore(settings, file)
    assert orders(settings) == ["1", "2"]


def test_a_sandbox_begins_anew_without_its_old_rows(settings: Settings) -> None:
    load(settings, "1")
    with connect(settings, role="transformer") as conn:
        conn.execute("create schema sales")
        conn.execute("create view sales.v as select order_number from raw_stockx.orders")
    assert empty_sandbox(settings)
    assert orders(settings) == []
    load(settings, "2")


def test_live_data_is_never_emptied(settings: Settings) -> None:
    load(settings, "1")
    url = database_url(settings)
    with pytest.raises(DatabaseUnavailable, match="only the sandbox"):
        empty_sandbox(load_settings({"SOLEFLIP_DATABASE_URL": url, "SOLEFLIP_MODE": "live"}))
    with psycopg.connect(url) as conn:
        conn.execute("update core.setting set setting_value = 'live' where setting_key = 'mode'")
    with pytest.raises(DatabaseUnavailable, match="holds live data"):
        empty_sandbox(settings)
