"""Credentials in `core.system_config`: encrypted, each bound to its name, keys can be rotated.

Every change leaves a row in `core.secret_event`. The keys live outside the database
(`SOLEFLIP_FERNET_KEYS` or a private file in the home folder).
Which credential is used where is decided in `clients.credentials`.
"""

from __future__ import annotations

import fcntl
import getpass
import hashlib
import json
import os
import re
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psycopg
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from soleflip_pipelines.errors import SoleflipError
from soleflip_pipelines.settings import Settings

NAME = re.compile(r"[A-Z][A-Z0-9_]{1,62}")
FORMAT_VERSION = 1


class VaultError(SoleflipError):
    """A credential cannot be read or stored, or a key is wrong; the text holds no secret."""


@dataclass(frozen=True)
class Entry:
    """A stored credential without its value; `key_id` is None where it is not known."""

    name: str
    changed_at: datetime
    key_id: str | None


class Vault:
    """The credentials of one database.

    Args:
        conn: a connection of the loader role.
        keys: gives the Fernet keys, newest first: the first one encrypts, all of them decrypt. It
            is asked again when none fits, since another process may have added one meanwhile.
    """

    def __init__(self, conn: psycopg.Connection, keys: Callable[[], Sequence[str]]) -> None:
        """Reads the keys and no credential."""
        self._conn = conn
        self._keys = keys
        self.read_keys()

    def read_keys(self) -> None:
        """Ask for the keys anew, after one was added."""
        keys = self._keys()
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except ValueError:
            raise VaultError(
                "SOLEFLIP_FERNET_KEYS must hold Fernet keys (32 bytes, URL-safe base64), newest "
                "first, separated by commas"
            ) from None
        self.key_ids = [key_id(key) for key in keys]

    def get(self, name: str, /, *, for_update: bool = False) -> str | None:
        """The value of a credential, or None when there is none of that name.

        Args:
            name: the credential's.
            for_update: keep its row locked until the transaction's end.

        Raises:
            VaultError: no key fits, or the stored value was made for another name.
        """
        query = "select value_encrypted from core.system_config where config_key = %s"
        row = self._conn.execute(f"{query} for update" if for_update else query, [name]).fetchone()
        return None if row is None else self._decrypt(name, str(row[0]))

    def set(self, name: str, value: str, *, action: str = "set") -> None:
        """Store a credential, replacing the one of that name; `action` is what the book says."""
        if not NAME.fullmatch(name):
            raise VaultError(f"{name!r} is not a credential's name, such as STOCKX_API_KEY")
        if not value:
            raise VaultError(f"the value of {name} is empty")
        with self._conn.transaction():
            self._conn.execute(
                "insert into core.system_config (config_key, value_encrypted, key_id)"
                " values (%s, %s, %s) on conflict (config_key) do update set value_encrypted ="
                " excluded.value_encrypted, key_id = excluded.key_id, updated_at = now()",
                [name, self._encrypt(name, value), self.key_ids[0]],
            )
            self._book(name, action)

    def remove(self, name: str) -> bool:
        """Forget a credential; False when there is none of that name."""
        with self._conn.transaction():
            found = self._conn.execute(
                "delete from core.system_config where config_key = %s", [name]
            ).rowcount
            if found:
                self._book(name, "removed")
        return bool(found)

    def entries(self) -> list[Entry]:
        """All stored credentials in order of their names; times in UTC."""
        rows = self._conn.execute(
            "select config_key, updated_at, key_id from core.system_config order by 1"
        ).fetchall()
        return [Entry(*row) for row in rows]

    def rotate(self) -> int:
        """Encrypt every credential with the first key, all or none; returns how many there are.

        Whoever reads meanwhile sees the old rows until the end. A row that is being replaced is
        waited for and then taken in its new state.
        """
        with self._conn.transaction():
            rows = self._conn.execute(
                "select config_key, value_encrypted from core.system_config order by 1 for update"
            ).fetchall()
            for name, token in rows:
                self._conn.execute(
                    "update core.system_config set value_encrypted = %s, key_id = %s,"
                    " updated_at = now() where config_key = %s",
                    [self._encrypt(name, self._decrypt(name, token)), self.key_ids[0], name],
                )
                self._book(name, "re-encrypted")
        return len(rows)

    def _book(self, name: str, action: str) -> None:
        actor = f"{getpass.getuser()}@{socket.gethostname()}, process {os.getpid()}"
        self._conn.execute(
            "insert into core.secret_event (config_key, action, actor) values (%s, %s, %s)",
            [name, action, actor],
        )

    def _encrypt(self, name: str, value: str) -> str:
        # Fernet authenticates nothing beside its text, so the name goes inside: a row's value
        # cannot be passed off as another's.
        text = json.dumps({"name": name, "value": value, "v": FORMAT_VERSION})
        return self._fernet.encrypt(text.encode()).decode("ascii")

    def _decrypt(self, name: str, token: str) -> str:
        content = json.loads(self._opened(name, token))
        if content["name"] != name:
            raise VaultError(f"the value stored as {name} was made for another name; set it again")
        return str(content["value"])

    def _opened(self, name: str, token: str) -> bytes:
        with suppress(InvalidToken):
            return self._fernet.decrypt(token.encode())
        self.read_keys()
        with suppress(InvalidToken):
            return self._fernet.decrypt(token.encode())
        raise VaultError(
            f"key mismatch: the stored {name} was encrypted with a key that is not among the "
            "present ones; restore it in SOLEFLIP_FERNET_KEYS (or fernet.key), or set "
            f"{name} again"
        )


def open_vault(conn: psycopg.Connection, settings: Settings) -> Vault:
    """The vault behind a connection of the loader role, with the keys of this installation."""
    return Vault(conn, lambda: fernet_keys(settings))


def key_id(key: str) -> str:
    """A short fingerprint of a key, which tells keys apart and gives nothing of them away."""
    return hashlib.sha256(key.encode()).hexdigest()[:8]


def fernet_keys(settings: Settings) -> list[str]:
    """The keys, newest first: from the settings, else from the key file, which is made if needed.

    Raises:
        VaultError: the key file cannot be read or made.
    """
    if settings.fernet_keys is not None:
        given = settings.fernet_keys.get_secret_value().split(",")
        return [key.strip() for key in given if key.strip()]
    path = _key_file(settings)
    try:
        if not path.exists():
            _add_key(path, only_first=True)
        return path.read_text("ascii").split()
    except OSError as error:
        raise VaultError(f"the key file {path} cannot be used: {error.strerror}") from None


def add_fernet_key(settings: Settings) -> None:
    """Put a new key before those of the key file, for a rotation. Older ones stay readable.

    Raises:
        VaultError: the keys come from the settings, where only a person can add one.
    """
    if settings.fernet_keys is not None:
        raise VaultError("the keys come from SOLEFLIP_FERNET_KEYS: put a new one first, there")
    _add_key(_key_file(settings), only_first=False)


def _key_file(settings: Settings) -> Path:
    return settings.home / "fernet.key"


def _add_key(path: Path, *, only_first: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = path.read_text("ascii").split() if path.exists() else []
        if only_first and known:
            return
        partial = path.with_suffix(".part")
        partial.unlink(missing_ok=True)
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write("\n".join([Fernet.generate_key().decode("ascii"), *known]) + "\n")
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
