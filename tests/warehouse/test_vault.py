"""The vault: encrypted, bound to names, rotated whole, and a named error for a wrong key."""

from __future__ import annotations

import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg
import pytest
from cryptography.fernet import Fernet

from soleflip_pipelines.settings import Settings, load_settings
from soleflip_pipelines.warehouse.connection import connect
from soleflip_pipelines.warehouse.vault import (
    Vault,
    VaultError,
    add_fernet_key,
    fernet_keys,
    key_id,
    open_vault,
)

pytestmark = pytest.mark.integration

ROTATION = """
from contextlib import closing
from soleflip_pipelines.settings import get_settings
from soleflip_pipelines.warehouse.connection import connect
from soleflip_pipelines.warehouse.vault import open_vault
settings = get_settings()
with closing(connect(settings, autocommit=True)) as conn:
    open_vault(conn, settings).rotate()
"""


def new_key() -> str:
    return Fernet.generate_key().decode()


def vault_of(conn: psycopg.Connection, *keys: str) -> Vault:
    return Vault(conn, lambda: keys or [KEY])


KEY = new_key()


def test_a_value_comes_back_and_is_not_stored_in_clear(conn: psycopg.Connection) -> None:
    vault = vault_of(conn)
    assert vault.get("STOCKX_API_KEY") is None
    vault.set("STOCKX_API_KEY", "canary")
    vault.set("AWIN_API_KEY", "first")
    vault.set("AWIN_API_KEY", "secönd")
    assert vault.get("STOCKX_API_KEY") == "canary"
    assert vault.get("AWIN_API_KEY") == "secönd"
    assert [(entry.name, entry.key_id) for entry in vault.entries()] == [
        ("AWIN_API_KEY", key_id(KEY)),
        ("STOCKX_API_KEY", key_id(KEY)),
    ]
    stored = conn.execute("select string_agg(value_encrypted, ' ') from core.system_config")
    assert "canary" not in str(stored.fetchone())


def test_a_removed_value_is_gone(conn: psycopg.Connection) -> None:
    vault = vault_of(conn)
    vault.set("ALIAS_TOKEN", "canary")
    assert vault.remove("ALIAS_TOKEN")
    assert not vault.remove("ALIAS_TOKEN")
    assert vault.get("ALIAS_TOKEN") is None


def test_every_change_is_written_down_without_the_value(conn: psycopg.Connection) -> None:
    vault = vault_of(conn)
    vault.set("ALIAS_TOKEN", "canary")
    vault.set("ALIAS_TOKEN", "canary", action="renewed")
    vault.rotate()
    vault.remove("ALIAS_TOKEN")
    events = conn.execute(
        "select config_key, action, actor from core.secret_event order by event_id"
    ).fetchall()
    assert [(event[0], event[1]) for event in events] == [
        ("ALIAS_TOKEN", action) for action in ("set", "renewed", "re-encrypted", "removed")
    ]
    assert all("@" in event[2] and "canary" not in str(event) for event in events)
    for change in ("update core.secret_event set actor = 'x'", "delete from core.secret_event"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), conn.transaction():
            conn.execute(change.encode())


def test_a_value_cannot_pass_for_another(conn: psycopg.Connection) -> None:
    vault = vault_of(conn)
    vault.set("STOCKX_API_KEY", "one")
    vault.set("AWIN_API_KEY", "two")
    conn.execute(
        "update core.system_config set value_encrypted = (select value_encrypted"
        " from core.system_config where config_key = 'AWIN_API_KEY')"
        " where config_key = 'STOCKX_API_KEY'"
    )
    with pytest.raises(VaultError, match="made for another name"):
        vault.get("STOCKX_API_KEY")


def test_a_wrong_key_is_a_named_error_that_changes_nothing(conn: psycopg.Connection) -> None:
    vault_of(conn).set("STOCKX_API_KEY", "canary")
    stranger = vault_of(conn, new_key())
    for attempt in (lambda: stranger.get("STOCKX_API_KEY"), stranger.rotate):
        with pytest.raises(VaultError, match="key mismatch: the stored STOCKX_API_KEY") as caught:
            attempt()
        assert caught.value.__cause__ is None
    assert vault_of(conn).get("STOCKX_API_KEY") == "canary"


def test_rotation_makes_the_old_key_unnecessary(conn: psycopg.Connection) -> None:
    old, new = new_key(), new_key()
    vault_of(conn, old).set("STOCKX_API_KEY", "one")
    vault_of(conn, old).set("AWIN_API_KEY", "two")
    assert vault_of(conn, new, old).rotate() == 2
    alone = vault_of(conn, new)
    assert alone.get("STOCKX_API_KEY") == "one"
    assert {entry.key_id for entry in alone.entries()} == {key_id(new)}
    with pytest.raises(VaultError):
        vault_of(conn, old).get("AWIN_API_KEY")


def test_a_rotation_that_fails_changes_nothing(conn: psycopg.Connection) -> None:
    old, new, lost = new_key(), new_key(), new_key()
    vault_of(conn, old).set("AWIN_API_KEY", "two")
    vault_of(conn, lost).set("STOCKX_API_KEY", "one")
    conn.commit()
    with pytest.raises(VaultError):
        vault_of(conn, new, old).rotate()
    assert vault_of(conn, old).get("AWIN_API_KEY") == "two"


def test_a_rotation_that_is_killed_half_way_leaves_all_as_it_was(settings: Settings) -> None:
    names = [f"SECRET_{number}" for number in range(5)]
    with closing(connect(settings, autocommit=True)) as conn:
        vault = open_vault(conn, settings)  # a run that started before the rotation
        for name in names:
            vault.set(name, name.lower())
        old = vault.key_ids[0]
        add_fernet_key(settings)
        with rotation_stuck_after_the_first_row(settings) as process:
            assert [vault.get(name) for name in names] == [name.lower() for name in names]
            process.send_signal(signal.SIGKILL)
            process.wait(10)
        assert {entry.key_id for entry in vault.entries()} == {old}
        open_vault(conn, settings).rotate()
        assert {entry.key_id for entry in vault.entries()} != {old}
        assert [vault.get(name) for name in names] == [name.lower() for name in names]


@contextmanager
def rotation_stuck_after_the_first_row(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """A rotation in a process of its own that waits to write down its first change."""
    assert settings.database_url is not None
    url = settings.database_url.get_secret_value()
    with psycopg.connect(url) as blocker:
        blocker.execute("lock table core.secret_event in exclusive mode")
        process = subprocess.Popen(
            [sys.executable, "-c", ROTATION],
            env={"SOLEFLIP_HOME": str(settings.home), "SOLEFLIP_DATABASE_URL": url},
        )
        waiting = "select from pg_locks where not granted and relation = %s::regclass"
        while blocker.execute(waiting, ["core.secret_event"]).fetchone() is None:
            assert process.poll() is None
            blocker.execute("select pg_sleep(0.05)")
        yield process


def test_a_run_reads_with_a_key_that_was_added_after_its_start(settings: Settings) -> None:
    with closing(connect(settings, autocommit=True)) as conn:
        earlier = open_vault(conn, settings)
        earlier.set("ALIAS_TOKEN", "canary")
        add_fernet_key(settings)
        open_vault(conn, settings).rotate()
        assert earlier.get("ALIAS_TOKEN") == "canary"


@pytest.mark.parametrize(("name", "value"), [("lower", "x"), ("A B", "x"), ("STOCKX_API_KEY", "")])
def test_bad_names_and_empty_values_are_refused(
    conn: psycopg.Connection, name: str, value: str
) -> None:
    with pytest.raises(VaultError):
        vault_of(conn).set(name, value)


def test_keys_come_from_the_settings_or_a_private_file(settings: Settings) -> None:
    made = fernet_keys(settings)
    assert made == fernet_keys(settings)
    assert stat.S_IMODE((settings.home / "fernet.key").stat().st_mode) == 0o600
    add_fernet_key(settings)
    assert fernet_keys(settings)[1:] == made
    given = load_settings({"SOLEFLIP_FERNET_KEYS": "new, old"})
    assert fernet_keys(given) == ["new", "old"]
    with pytest.raises(VaultError, match="SOLEFLIP_FERNET_KEYS"):
        add_fernet_key(given)


def test_a_malformed_key_is_refused(conn: psycopg.Connection) -> None:
    with pytest.raises(VaultError, match="must hold Fernet keys"):
        vault_of(conn, "not-a-key")
