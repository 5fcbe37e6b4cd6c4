"""Migrations: each once, in order, whole or not at all, and never silently changed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from soleflip_pipelines.warehouse.embedded import ServerAddress
from soleflip_pipelines.warehouse.migrations import (
    MigrationError,
    apply_migrations,
    pending_migrations,
)

pytestmark = pytest.mark.integration


@pytest.fixture
def url(server: ServerAddress) -> Iterator[str]:
    name = f"migrations_{uuid4().hex[:12]}"
    with psycopg.connect(server.url("postgres"), autocommit=True) as conn:
        conn.execute(f"create database {name}".encode())
    yield server.url(name)
    with psycopg.connect(server.url("postgres"), autocommit=True) as conn:
        conn.execute(f"drop database {name} with (force)".encode())


@pytest.fixture
def empty(url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(url, autocommit=True) as conn:
        yield conn


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, "utf-8")


def test_files_are_applied_in_order_and_once(empty: psycopg.Connection, tmp_path: Path) -> None:
    write(tmp_path, "0002_row.sql", "insert into t values (1);")
    write(tmp_path, "0001_table.sql", "create table t (n int); create index on t (n);")
    assert apply_migrations(empty, tmp_path) == ["0001_table.sql", "0002_row.sql"]
    assert apply_migrations(empty, tmp_path) == []
    write(tmp_path, "0003_row.sql", "insert into t values (2);")
    assert pending_migrations(empty, tmp_path) == ["0003_row.sql"]
    assert apply_migrations(empty, tmp_path) == ["0003_row.sql"]
    assert empty.execute("select array_agg(n order by n) from t").fetchone() == ([1, 2],)


def test_an_edited_migration_is_an_error(empty: psycopg.Connection, tmp_path: Path) -> None:
    write(tmp_path, "0001_table.sql", "create table t (n int);")
    apply_migrations(empty, tmp_path)
    write(tmp_path, "0001_table.sql", "create table t (n bigint);")
    write(tmp_path, "0002_more.sql", "create table more (n int);")
    with pytest.raises(MigrationError, match=r"0001_table\.sql was edited after"):
        apply_migrations(empty, tmp_path)
    assert empty.execute("select to_regclass('more')").fetchone() == (None,)


def test_other_line_ends_are_no_edit(empty: psycopg.Connection, tmp_path: Path) -> None:
    (tmp_path / "0001_table.sql").write_bytes(b"create table t (\n  n int\n);\n")
    apply_migrations(empty, tmp_path)
    (tmp_path / "0001_table.sql").write_bytes(b"create table t (\r\n  n int\r\n);\r\n")
    assert apply_migrations(empty, tmp_path) == []


def test_a_missing_migration_is_an_error(empty: psycopg.Connection, tmp_path: Path) -> None:
    write(tmp_path, "0001_table.sql", "create table t (n int);")
    apply_migrations(empty, tmp_path)
    (tmp_path / "0001_table.sql").unlink()
    with pytest.raises(MigrationError, match="made by a newer version"):
        apply_migrations(empty, tmp_path)


def test_a_late_number_is_an_error(empty: psycopg.Connection, tmp_path: Path) -> None:
    write(tmp_path, "0005_table.sql", "create table t (n int);")
    apply_migrations(empty, tmp_path)
    write(tmp_path, "0004_late.sql", "create table late (n int);")
    with pytest.raises(MigrationError, match="give it a new number"):
        apply_migrations(empty, tmp_path)


@pytest.mark.parametrize(
    ("names", "message"),
    [(["1_x.sql"], "not a migration's name"), (["0001_a.sql", "0001_b.sql"], "same number")],
)
def test_bad_names_are_errors(
    empty: psycopg.Connection, tmp_path: Path, names: list[str], message: str
) -> None:
    for name in names:
        write(tmp_path, name, "select 1;")
    with pytest.raises(MigrationError, match=message):
        apply_migrations(empty, tmp_path)


def test_a_failing_migration_leaves_nothing_and_can_be_repaired(
    empty: psycopg.Connection, tmp_path: Path
) -> None:
    write(tmp_path, "0001_good.sql", "create table good (n int);")
    write(tmp_path, "0002_bad.sql", "create table half (n int); select 1 / 0;")
    with pytest.raises(MigrationError, match=r"0002_bad\.sql failed .* division by zero"):
        apply_migrations(empty, tmp_path)
    found = empty.execute("select to_regclass('good')::text, to_regclass('half')::text").fetchone()
    assert found == ("good", None)
    write(tmp_path, "0002_bad.sql", "create table half (n int);")
    assert apply_migrations(empty, tmp_path) == ["0002_bad.sql"]


def test_appliers_that_come_at_once_apply_each_file_once(url: str, tmp_path: Path) -> None:
    for number in range(1, 6):
        text = f"create table t{number} (n int); select pg_sleep(0.02);"
        write(tmp_path, f"{number:04}_table.sql", text)
    applied: list[str] = []

    def apply() -> None:
        with psycopg.connect(url, autocommit=True) as conn:
            applied.extend(apply_migrations(conn, tmp_path))

    threads = [threading.Thread(target=apply) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(applied) == [f"{number:04}_table.sql" for number in range(1, 6)]
