"""The embedded server: made, shared, killed, healed, and refusing with one clear sentence."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from soleflip_pipelines.errors import DatabaseUnavailable
from soleflip_pipelines.warehouse import embedded as module
from soleflip_pipelines.warehouse.embedded import EmbeddedPostgres, ServerAddress

pytestmark = pytest.mark.integration

FAST = {"fsync": "off"}
START_ELSEWHERE = """
import sys
import tempfile
from pathlib import Path
from soleflip_pipelines.warehouse.embedded import EmbeddedPostgres
print(EmbeddedPostgres(Path(sys.argv[1]), options={"fsync": "off"}).ensure_running().port)
"""


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path / "my höme with blanks", options=FAST)
    yield server
    server.stop()


def ask(address: ServerAddress, query: str) -> object:
    with psycopg.connect(address.url("postgres"), autocommit=True) as conn:
        row = conn.execute(query.encode()).fetchone()
    return row[0] if row else None


def run(address: ServerAddress, statement: str) -> None:
    with psycopg.connect(address.url("postgres")) as conn:
        conn.execute(statement.encode())


def postmaster(server: EmbeddedPostgres) -> int:
    return int((server.data_folder / "postmaster.pid").read_text().splitlines()[0])


def test_a_whole_life_in_a_path_with_blanks_and_umlauts(embedded: EmbeddedPostgres) -> None:
    assert not embedded.status().is_running
    assert embedded.stop() is False
    address = embedded.ensure_running()
    assert ask(address, "show data_checksums") == "off"
    assert ask(address, "show listen_addresses") == "127.0.0.1"
    assert ask(address, "show timezone") == "UTC"
    assert ask(address, "select lower('ÄÖ') || upper('ß')") == "äöß"
    assert int(str(ask(address, "show server_version_num"))) >= 170000
    run(address, "create table kept as select 1 as n")
    assert embedded.ensure_running() == address
    assert embedded.stop() is True
    assert not embedded.status().is_running
    assert ask(embedded.ensure_running(), "select n from kept") == 1


def test_the_password_is_private_and_needed(embedded: EmbeddedPostgres) -> None:
    address = embedded.ensure_running()
    for name in ("password", "port"):
        assert stat.S_IMODE((embedded.folder / name).stat().st_mode) == 0o600
    wrong = ServerAddress(port=address.port, password="wrong")
    with pytest.raises(psycopg.OperationalError, match="authentication failed"):
        psycopg.connect(wrong.url("postgres"))


def test_it_recovers_after_a_kill_of_the_postmaster(embedded: EmbeddedPostgres) -> None:
    address = embedded.ensure_running()
    run(address, "create table kept as select generate_series(1, 1000) as n")
    with psycopg.connect(address.url("postgres")):  # a backend that outlives the postmaster
        for _ in range(2):
            os.kill(postmaster(embedded), signal.SIGKILL)
            address = embedded.ensure_running()
            assert ask(address, "select count(*) from kept") == 1000


def test_a_pid_file_that_names_a_stranger_does_not_stop_it(embedded: EmbeddedPostgres) -> None:
    embedded.ensure_running()
    pid_file = embedded.data_folder / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    embedded.stop()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    assert ask(embedded.ensure_running(), "select 1") == 1


def test_processes_that_come_at_once_share_one_server(embedded: EmbeddedPostgres) -> None:
    command = [sys.executable, "-c", START_ELSEWHERE, str(embedded.folder.parent)]
    starters = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    ports = {starter.communicate(timeout=60)[0].strip() for starter in starters}
    assert len(ports) == 1
    # The starters are gone, their server is not.
    assert str(embedded.ensure_running().port) in ports


def test_a_taken_port_is_exchanged(embedded: EmbeddedPostgres) -> None:
    before = embedded.ensure_running()
    embedded.stop()
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stranger.bind(("127.0.0.1", before.port))
        stranger.listen()
        after = embedded.ensure_running()
    assert after.port != before.port
    assert ask(after, "select 1") == 1


def test_a_half_made_cluster_is_made_anew(embedded: EmbeddedPostgres) -> None:
    partial = embedded.folder / "data.part"
    partial.mkdir(parents=True)
    (partial / "PG_VERSION").write_text("18\n")
    assert ask(embedded.ensure_running(), "select 1") == 1
    assert not partial.exists()


def test_a_newer_data_folder_is_refused(embedded: EmbeddedPostgres) -> None:
    embedded.ensure_running()
    embedded.stop()
    (embedded.data_folder / "PG_VERSION").write_text("99\n")
    with pytest.raises(DatabaseUnavailable, match="made by PostgreSQL 99, which is newer"):
        embedded.ensure_running()
    shutil.rmtree(embedded.data_folder)


def test_a_folder_that_is_no_database_is_refused(embedded: EmbeddedPostgres) -> None:
    embedded.data_folder.mkdir(parents=True)
    (embedded.data_folder / "holiday.jpg").touch()
    with pytest.raises(DatabaseUnavailable, match="not a database folder"):
        embedded.ensure_running()
    shutil.rmtree(embedded.data_folder)


def test_a_full_disk_is_refused(
    embedded: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LEAST_FREE_BYTES", 2**62)
    with pytest.raises(DatabaseUnavailable, match="is full"):
        embedded.ensure_running()
    assert not embedded.data_folder.exists()


def test_a_home_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DatabaseUnavailable, match="cannot be written"):
        EmbeddedPostgres(tmp_path / "file" / "home").ensure_running()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become someone else")
def test_root_without_user_namespaces_uses_an_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o700)  # the account cannot enter the home
    shared = Path(tempfile.mkdtemp(prefix="soleflip-test-"))
    shared.chmod(0o755)
    monkeypatch.setattr(module, "can_use_namespace", lambda: False)
    monkeypatch.setattr(module, "SHARED_FOLDER", shared)
    server = EmbeddedPostgres(tmp_path, options=FAST)
    try:
        assert ask(server.ensure_running(), "select 1") == 1
        assert server.data_folder.stat().st_uid != 0
        assert server.data_folder.is_relative_to(shared)
        assert EmbeddedPostgres(tmp_path).stop() is True
    finally:
        server.stop()
        shutil.rmtree(shared)
