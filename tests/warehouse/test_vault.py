"""The vault: encrypted, bound to names, rotated whole, and a named error for a wrong key."""

from __future__ import annotations

import stat

import psycopg
import pytest
from cryptography.fernet import Fernet

from soleflip_pipelines.settings import Settings, load_settings
from soleflip_pipelines.warehouse.vault import Vault, VaultError, add_fernet_key, fernet_keys

pytestmark = pytest.mark.integration


def new_key() -> str:
    return Fernet.generate_key().decode()


def test_a_value_comes_back_and_is_not_stored_in_clear(conn: psycopg.Connection) -> None:
    vault = Vault(conn, lambda: [new_key()])
    assert vault.get("STOCKX_API_KEY") is None
    vault.set("STOCKX_API_KEY", "canary")
    vault.set("AWIN_API_KEY", "first")
    vault.set("AWIN_API_KEY", "secönd")
    assert vault.get("STOCKX_API_KEY") == "canary"
    assert vault.get("AWIN_API_KEY") == "secönd"
    assert vault.names() == ["AWIN_API_KEY", "STOCKX_API_KEY"]
    stored = conn.execute("select string_agg(value_encrypted, ' ') from core.system_config")
    assert "canary" not in str(stored.fetchone())


def test_a_value_cannot_pass_for_another(conn: psycopg.Connection) -> None:
    vault = Vault(conn, lambda: [new_key()])
    vault.set("STOCKX_API_KEY", "one")
    vault.set("AWIN_API_KEY", "two")
    conn.execute(
        "update core.system_config set value_encrypted = (select value_encrypted"
        " from core.system_config where config_key = 'AWIN_API_KEY')"
        " where config_key = 'STOCKX_API_KEY'"
    )
    with pytest.raises(VaultError, match="made for another name"):
        vault.get("STOCKX_API_KEY")


def test_a_wrong_key_is_a_named_error_without_the_value(conn: psycopg.Connection) -> None:
    Vault(conn, lambda: [new_key()]).set("STOCKX_API_KEY", "canary")
    with pytest.raises(VaultError, match="key mismatch: the stored STOCKX_API_KEY"):
        Vault(conn, lambda: [new_key()]).get("STOCKX_API_KEY")


def test_rotation_makes_the_old_key_unnecessary(conn: psycopg.Connection) -> None:
    old, new = new_key(), new_key()
    Vault(conn, lambda: [old]).set("STOCKX_API_KEY", "one")
    Vault(conn, lambda: [old]).set("AWIN_API_KEY", "two")
    assert Vault(conn, lambda: [new, old]).rotate() == 2
    assert Vault(conn, lambda: [new]).get("STOCKX_API_KEY") == "one"
    with pytest.raises(VaultError):
        Vault(conn, lambda: [old]).get("AWIN_API_KEY")


def test_a_rotation_that_fails_changes_nothing(conn: psycopg.Connection) -> None:
    old, new, lost = new_key(), new_key(), new_key()
    Vault(conn, lambda: [old]).set("AWIN_API_KEY", "two")
    Vault(conn, lambda: [lost]).set("STOCKX_API_KEY", "one")
    conn.commit()
    with pytest.raises(VaultError):
        Vault(conn, lambda: [new, old]).rotate()
    assert Vault(conn, lambda: [old]).get("AWIN_API_KEY") == "two"


@pytest.mark.parametrize(("name", "value"), [("lower", "x"), ("A B", "x"), ("STOCKX_API_KEY", "")])
def test_bad_names_and_empty_values_are_refused(
    conn: psycopg.Connection, name: str, value: str
) -> None:
    with pytest.raises(VaultError):
        Vault(conn, lambda: [new_key()]).set(name, value)


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
        Vault(conn, lambda: ["not-a-key"])
