"""Applies the numbered SQL files of a folder: in order, each once, each in its own transaction.

What the files contain is none of this module's business; it only keeps the book of them.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import psycopg

from soleflip_pipelines.errors import SoleflipError

FILE_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
LOCK_KEY = 7_305_461_001
BOOK = """
create table if not exists public.soleflip_migration (
    name text primary key,
    sha256 text not null,
    applied_at timestamptz not null default now()
)
"""


class MigrationError(SoleflipError):
    """The SQL files and the database disagree, or a file failed; nothing of that file remains."""


@dataclass(frozen=True)
class Migration:
    """One SQL file; its hash does not depend on the checkout's line ends."""

    name: str
    text: str

    @property
    def sha256(self) -> str:
        """Hex digest of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def read_migrations(folder: Path) -> list[Migration]:
    """The folder's files in order. Raises MigrationError for a bad name or a number used twice."""
    migrations: list[Migration] = []
    numbers: dict[str, str] = {}
    for path in sorted(folder.glob("*.sql")):
        match = FILE_NAME.fullmatch(path.name)
        if match is None:
            raise MigrationError(f"{path.name} is not a migration's name (0001_what_it_does.sql)")
        if match[1] in numbers:
            raise MigrationError(f"{path.name} and {numbers[match[1]]} have the same number")
        numbers[match[1]] = path.name
        migrations.append(Migration(path.name, path.read_text("utf-8")))
    return migrations


def apply_migrations(conn: psycopg.Connection, folder: Path) -> list[str]:
    """Apply what is missing and return its names. `conn` must be in autocommit mode.

    Raises:
        MigrationError: an applied file was changed or is gone, a new one has a lower number than
            one already applied, or a file failed.
    """
    migrations = read_migrations(folder)
    conn.execute("select pg_advisory_lock(%s)", [LOCK_KEY])
    try:
        conn.execute(BOOK)
        missing = _missing(migrations, _applied(conn))
        for migration in missing:
            _apply(conn, migration)
        return [migration.name for migration in missing]
    except psycopg.errors.InsufficientPrivilege as error:
        raise MigrationError(
            f"the database user may not prepare the database ({error.diag.message_primary}): it "
            "must own the database and be allowed to create roles (CREATEROLE)"
        ) from None
    finally:
        if not conn.closed:
            conn.execute("select pg_advisory_unlock(%s)", [LOCK_KEY])


def pending_migrations(conn: psycopg.Connection, folder: Path) -> list[str]:
    """The names of what is not applied yet; raises MigrationError like `apply_migrations`."""
    return [migration.name for migration in _missing(read_migrations(folder), _applied(conn))]


def _applied(conn: psycopg.Connection) -> dict[str, str]:
    if conn.execute("select to_regclass('public.soleflip_migration')").fetchone() == (None,):
        return {}
    rows = conn.execute("select name, sha256 from public.soleflip_migration").fetchall()
    return {str(name): str(digest) for name, digest in rows}


def _missing(migrations: list[Migration], applied: dict[str, str]) -> list[Migration]:
    known = {migration.name for migration in migrations}
    gone = sorted(set(applied) - known)
    if gone:
        raise MigrationError(
            f"the database holds {', '.join(gone)}, which this version of soleflip does not have: "
            "it was made by a newer version; update soleflip"
        )
    for migration in migrations:
        if migration.name in applied and applied[migration.name] != migration.sha256:
            raise MigrationError(
                f"{migration.name} was edited after it had been applied to this database: "
                "restore the file and put the change into a new one"
            )
    missing = [migration for migration in migrations if migration.name not in applied]
    late = [migration.name for migration in missing if migration.name < max(applied, default="")]
    if late:
        raise MigrationError(
            f"{late[0]} comes before {max(applied)}, which is already applied: give it a new number"
        )
    return missing


def _apply(conn: psycopg.Connection, migration: Migration) -> None:
    try:
        with conn.transaction():
            conn.execute(migration.text.encode())
            conn.execute("reset role")
            conn.execute(
                "insert into public.soleflip_migration (name, sha256) values (%s, %s)",
                [migration.name, migration.sha256],
            )
    except psycopg.errors.InsufficientPrivilege:
        raise
    except psycopg.Error as error:
        reason = error.diag.message_primary or str(error)
        raise MigrationError(f"{migration.name} failed and left nothing behind: {reason}") from None
