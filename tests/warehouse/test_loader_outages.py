"""The server that goes away, or has no room: one sentence, and nothing is half loaded."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from soleflip_pipelines.errors import DatabaseAway, DatabaseUnavailable
from soleflip_pipelines.settings import Settings, load_settings
from soleflip_pipelines.warehouse.connection import connect, database_url, prepare_database
from soleflip_pipelines.warehouse.embedded import EmbeddedPostgres, ServerAddress
from soleflip_pipelines.warehouse.loader import LoadError, Record, load_batch
from soleflip_pipelines.warehouse.outage import is_outage, wait_for_database
from tests.warehouse.loads import API, ORDERS, assert_whole, order, stored

pytestmark = pytest.mark.integration


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A cluster of this test's own, which it may kill."""
    embedded = EmbeddedPostgres(tmp_path, options={"fsync": "off"})
    embedded.ensure_running()
    yield embedded
    embedded.stop()


def _postmaster(server: EmbeddedPostgres) -> int:
    return int((server.data_folder / "postmaster.pid").read_text().splitlines()[0])


def test_a_killed_postmaster_leaves_nothing_and_is_started_again(
    own_server: EmbeddedPostgres, tmp_path: Path
) -> None:
    settings = load_settings({"SOLEFLIP_HOME": str(tmp_path)})
    prepare_database(settings)

    def rows() -> Iterator[Record]:
        for n in range(20_000):
            if n == 12_000:
                os.kill(_postmaster(own_server), signal.SIGKILL)
                time.sleep(0.2)
            yield order(n, n=n)

    with connect(settings) as conn, pytest.raises(LoadError) as caught:
        load_batch(conn, ORDERS, rows(), API)
    assert is_outage(caught.value)
    said: list[str] = []
    wait_for_database(settings, said.append, patience_s=60)
    with connect(settings) as conn:
        assert stored(conn) == {}
        assert_whole(conn)
        assert load_batch(conn, ORDERS, [order(n, n=n) for n in range(100)], API).inserted == 100


def test_a_database_that_was_away_for_a_while_is_worked_with_again(
    own_server: EmbeddedPostgres, tmp_path: Path
) -> None:
    address = own_server.ensure_running().url("postgres")
    settings = load_settings({"SOLEFLIP_HOME": str(tmp_path), "SOLEFLIP_DATABASE_URL": address})
    prepare_database(settings)

    def rows() -> Iterator[Record]:
        yield order(1, n=1)
        own_server.stop()
        yield from (order(n, n=n) for n in range(6000))

    with connect(settings) as conn, pytest.raises(LoadError) as caught:
        load_batch(conn, ORDERS, rows(), API)
    assert is_outage(caught.value)
    restart = threading.Timer(1.5, own_server.ensure_running)
    restart.start()
    said: list[str] = []
    wait_for_database(settings, said.append, patience_s=60)
    restart.join()
    assert len(said) == 1
    with connect(settings) as conn:
        assert load_batch(conn, ORDERS, [order(1, n=1)], API).inserted == 1
        assert_whole(conn)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (psycopg.errors.AdminShutdown(), True),
        (psycopg.errors.DeadlockDetected(), True),
        (psycopg.errors.IdleInTransactionSessionTimeout(), True),
        (psycopg.errors.TooManyConnections(), True),
        (psycopg.errors.DiskFull(), False),
        (psycopg.errors.UniqueViolation(), False),
        (psycopg.OperationalError("server closed the connection"), True),
        (ValueError(), False),
    ],
)
def test_what_may_be_tried_again(error: Exception, expected: bool) -> None:
    assert is_outage(error) is expected


def test_a_database_that_stays_away_is_named_after_the_patience(
    own_server: EmbeddedPostgres, tmp_path: Path
) -> None:
    address = own_server.ensure_running().url("postgres")
    settings = load_settings({"SOLEFLIP_HOME": str(tmp_path), "SOLEFLIP_DATABASE_URL": address})
    prepare_database(settings)
    own_server.stop()
    said: list[str] = []
    with pytest.raises(DatabaseAway, match="cannot be reached"):
        wait_for_database(settings, said.append, patience_s=1.0)
    assert len(said) == 1


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"SOLEFLIP_DATABASE_URL": "{wrong_password}"}, "check the password"),
        ({"SOLEFLIP_DATABASE_URL": "{not_prepared}"}, "not prepared yet"),
        ({"SOLEFLIP_DATABASE_URL": "{url}", "SOLEFLIP_MODE": "live"}, "holds sandbox data"),
    ],
)
def test_what_no_waiting_mends_is_not_waited_for(
    server: ServerAddress, settings: Settings, changed: dict[str, str], sentence: str
) -> None:
    wrong = f"postgresql://me:wrong@{server.host}:{server.port}/postgres"
    urls = {
        "url": database_url(settings),
        "wrong_password": wrong,
        "not_prepared": server.url("template1"),
    }
    told = load_settings({name: text.format(**urls) for name, text in changed.items()})
    said: list[str] = []
    with pytest.raises(DatabaseUnavailable, match=sentence) as caught:
        wait_for_database(told, said.append)
    assert not said
    assert not is_outage(caught.value)


@pytest.mark.parametrize(
    ("reason", "is_away"),
    [
        ("failed: Connection refused", True),
        ("failed: FATAL:  the database system is starting up", True),
        ("failed: FATAL:  sorry, too many clients already", True),
        ('failed: FATAL:  role "me" is not permitted to log in', False),
        ("failed: server does not support SSL, but SSL was required", False),
    ],
)
def test_which_refusals_pass(monkeypatch: pytest.MonkeyPatch, reason: str, is_away: bool) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise psycopg.OperationalError(f"connection to server {reason}")

    monkeypatch.setattr(psycopg, "connect", refuse)
    away = load_settings({"SOLEFLIP_DATABASE_URL": "postgresql://me@127.0.0.1:1/db"})
    with pytest.raises(DatabaseUnavailable) as caught:
        connect(away)
    assert is_outage(caught.value) is is_away


# --- a full disk ----------------------------------------------------------------------------------


@pytest.fixture
def small_disk(
    server: ServerAddress, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], object]]:
    """A tablespace `small_disk` with 12 MB of room, and a way to give it more."""
    folder = tmp_path_factory.mktemp("small_disk")
    mount = ["mount", "-t", "tmpfs", "-o", "size=12m,mode=700", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a small file system cannot be mounted here")
    try:
        with psycopg.connect(server.url("postgres"), autocommit=True) as conn:
            try:
                conn.execute(f"create tablespace small_disk location '{folder}'")
            except psycopg.Error as error:
                pytest.skip(f"the server cannot use the small file system: {error}")
            remount = ["mount", "-o", "remount,size=64m", str(folder)]
            yield lambda: subprocess.run(remount, check=True)
            conn.execute("drop tablespace small_disk")
    finally:
        subprocess.run(["umount", str(folder)], check=False)


def test_a_full_disk_is_one_sentence_and_nothing_stays(
    small_disk: Callable[[], object], settings: Settings, conn: psycopg.Connection
) -> None:
    with connect(settings, role=None, autocommit=True) as owner:
        owner.execute("alter table raw_stockx.orders set tablespace small_disk")
        load_batch(conn, ORDERS, [order("1", v=1)], API)
        noise = random.Random(40)
        rows = (order(n, text=noise.randbytes(1000).hex()) for n in range(20_000))
        try:
            with pytest.raises(LoadError) as caught:
                load_batch(conn, ORDERS, rows, API)
            assert "disk of the database is full" in str(caught.value)
            assert not is_outage(caught.value)
            assert stored(conn) == {"1": {"v": 1}}
            assert_whole(conn)
            small_disk()
            assert load_batch(conn, ORDERS, [order("2", v=1)], API).inserted == 1
        finally:
            # A tablespace goes only when nothing is in it, and a full one cannot be emptied.
            owner.execute("drop table raw_stockx.orders cascade")
            owner.execute("checkpoint")
