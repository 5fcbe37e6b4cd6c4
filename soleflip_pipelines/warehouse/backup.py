"""Backup and restore of the current mode's database with PostgreSQL's own programs.

A backup holds everything but Dagster's bookkeeping (on request that too). The Fernet keys are
not in it: whoever has both can read the credentials, so they are kept apart.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from contextlib import closing
from pathlib import Path

from soleflip_pipelines.errors import SoleflipError
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.connection import (
    DAGSTER_SCHEMA,
    connect,
    libpq_environment,
    prepare_database,
)
from soleflip_pipelines.warehouse.embedded import pg_program
from soleflip_pipelines.warehouse.emptying import drop_statements

CHECK_MODE = """
do $$
begin
    if (select setting_value from core.setting where setting_key = 'mode') <> '{mode}' then
        raise exception 'the backup holds data of the other mode than {mode}';
    end if;
end $$;
"""


class BackupError(SoleflipError):
    """A backup or restore failed; a failed restore leaves the database as it was."""


def backup(settings: Settings, target: Path, *, with_dagster: bool = False) -> int:
    """Write a backup file (readable by its owner alone) and return its size in bytes.

    Raises:
        BackupError: `pg_dump` is missing or failed; nothing is left at `target`.
    """
    if not target.parent.is_dir():
        raise BackupError(f"there is no folder {target.parent}")
    flags = [] if with_dagster else [f"--exclude-schema={DAGSTER_SCHEMA}"]
    partial = target.with_name(f"{target.name}.part")
    partial.unlink(missing_ok=True)
    try:
        partial.touch(mode=0o600)
        _run(settings, "pg_dump", "--format=custom", f"--file={partial}", *flags)
        partial.replace(target)
    except OSError as error:
        raise BackupError(f"{target} cannot be written: {error.strerror}") from None
    finally:
        partial.unlink(missing_ok=True)
    return target.stat().st_size


def restore(settings: Settings, source: Path) -> list[str]:
    """Replace the database's contents by a backup's, all or nothing; then apply newer migrations.

    Returns the names of the migrations that the backup did not have yet.

    Raises:
        BackupError: not a backup, of the other mode, or a program is missing or failed.
    """
    if not source.is_file():
        raise BackupError(f"there is no file {source}")
    contents = _run(settings, "pg_restore", "--list", str(source))
    prepare_database(settings)  # the roles that own what the backup holds
    with tempfile.TemporaryDirectory(prefix="soleflip-restore-") as folder:
        before, script, after = (Path(folder) / name for name in ("1.sql", "2.sql", "3.sql"))
        has_dagster = f"SCHEMA - {DAGSTER_SCHEMA} " in contents
        before.write_text(_drop_everything(settings, with_dagster=has_dagster), "utf-8")
        _run(settings, "pg_restore", f"--file={script}", str(source))
        after.write_text(CHECK_MODE.format(mode=settings.mode), "utf-8")
        files = [f"--file={path}" for path in (before, script, after)]
        flags = ["--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1"]
        _run(settings, "psql", *flags, *files)
    return prepare_database(settings)


def _drop_everything(settings: Settings, *, with_dagster: bool) -> str:
    with closing(connect(settings, role=None)) as conn:
        drops = drop_statements(conn, with_dagster=with_dagster)
    return "\n".join(["set client_min_messages = warning;", *drops])


def _run(settings: Settings, name: str, *arguments: str) -> str:
    program = pg_program(name)
    if program is None:
        raise BackupError(f"the program {name} is missing: install PostgreSQL's client programs")
    done = subprocess.run(
        [str(program), *arguments],
        env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", **libpq_environment(settings)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
    )
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        raise BackupError(f"{name} failed: {lines[0]}")
    return done.stdout
