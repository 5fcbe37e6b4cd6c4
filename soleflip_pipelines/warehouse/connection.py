"""Connections to the warehouse of the current mode, embedded or external, and their roles.

This is the only module that knows which server and database a setting means. What is in the
database belongs to `migrations`, `loader` and dbt.
"""

from __future__ import annotations

import shutil
from contextlib import closing, suppress
from typing import Literal

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from soleflip_pipelines.errors import DatabaseAway, DatabaseUnavailable
from soleflip_pipelines.settings import PROJECT_ROOT, Settings
from soleflip_pipelines.warehouse.embedded import BUSY_WORDS, EmbeddedPostgres
from soleflip_pipelines.warehouse.migrations import apply_migrations

Role = Literal["loader", "transformer", "reader"]

LEAST_VERSION = 14
CONNECT_TIMEOUT_S = 10
DAGSTER_SCHEMA = "dagster"
MIGRATIONS_FOLDER = PROJECT_ROOT / "sql"
READER_TIMEOUT = "60s"
NO_ROOM = ("too many clients", "remaining connection slots")
# What a server that answers says with FATAL, or TLS does, stays as it is until somebody mends it.
REFUSED = ("FATAL", "certificate", "SSL was required")


def embedded_server(settings: Settings) -> EmbeddedPostgres | None:
    """The embedded server's manager, or None when the settings name a server of their own."""
    return EmbeddedPostgres(settings.home) if settings.database_url is None else None


def database_url(settings: Settings) -> str:
    """The libpq address of the current mode's database; the embedded server is started for it.

    Raises:
        DatabaseUnavailable: the embedded server cannot run here.
    """
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    address = EmbeddedPostgres(settings.home).ensure_running()
    name = f"soleflip_{settings.mode}"
    with closing(_open(address.url("postgres"), autocommit=True)) as conn:
        found = conn.execute("select from pg_database where datname = %s", [name]).fetchone()
        if found is None:
            _create_database(conn, name)
    return address.url(name)


def connect(
    settings: Settings, role: Role | None = "loader", autocommit: bool = False
) -> psycopg.Connection:
    """A connection in UTC that acts as `soleflip_<role>`; the caller closes it.

    Args:
        settings: which database.
        role: None keeps the login user's own rights (migrations, backups).
        autocommit: psycopg's switch; `load_batch` makes its own transaction either way.

    Raises:
        DatabaseAway: not reachable at the moment.
        DatabaseUnavailable: too old, not prepared, of the other mode, or it refuses this user.
    """
    conn = _open(database_url(settings), autocommit=True)
    try:
        conn.execute("set timezone = 'UTC'")
        if role is not None:
            _act_as(conn, role)
        if role in ("loader", "transformer"):
            check_mode(conn, settings.mode)
    except BaseException:
        conn.close()
        raise
    conn.autocommit = autocommit
    return conn


def prepare_database(settings: Settings) -> list[str]:
    """Start the server if it is ours, apply the missing migrations, stamp or check the mode.

    Returns the names of the migrations applied now; a second call changes nothing.
    """
    with closing(_open(database_url(settings), autocommit=True)) as conn:
        version = conn.info.server_version // 10_000
        if version < LEAST_VERSION:
            raise DatabaseUnavailable(
                f"the server is PostgreSQL {version}; soleflip needs {LEAST_VERSION} or newer"
            )
        applied = apply_migrations(conn, MIGRATIONS_FOLDER)
        with conn.transaction():
            _act_as(conn, "loader", local=True)
            conn.execute(
                "insert into core.setting (setting_key, setting_value) values ('mode', %s)"
                " on conflict do nothing",
                [settings.mode],
            )
            check_mode(conn, settings.mode)
        conn.execute(
            sql.SQL("create schema if not exists {}").format(sql.Identifier(DAGSTER_SCHEMA))
        )
    return applied


def dbt_environment(settings: Settings) -> dict[str, str]:
    """The variables of dbt's `profiles.yml`; dbt itself switches to `soleflip_transformer`."""
    parts = _parts(settings)
    return {
        "DBT_HOST": parts["host"],
        "DBT_PORT": parts["port"],
        "DBT_USER": parts["user"],
        "DBT_PASSWORD": parts["password"],
        "DBT_DBNAME": parts["dbname"],
        "DBT_SSLMODE": parts["sslmode"],
    }


def dagster_environment(settings: Settings) -> dict[str, str]:
    """The variables of `dagster.yaml`; also puts that file into Dagster's home folder."""
    home = settings.home / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    source, target = PROJECT_ROOT / "dagster.yaml", home / "dagster.yaml"
    if not target.exists() or target.read_bytes() != source.read_bytes():
        partial = target.with_suffix(".part")
        shutil.copyfile(source, partial)
        partial.replace(target)
    parts = _parts(settings)
    return {
        "DAGSTER_HOME": str(home),
        "SF_DAGSTER_STORAGE": str(home / "storage"),
        "SF_DAGSTER_LOGS": str(home / "logs"),
        "SF_PG_USERNAME": parts["user"],
        "SF_PG_PASSWORD": parts["password"],
        "SF_PG_HOSTNAME": parts["host"],
        "SF_PG_PORT": parts["port"],
        "SF_PG_DB": parts["dbname"],
    }


def libpq_environment(settings: Settings) -> dict[str, str]:
    """The variables by which PostgreSQL's own programs find the database."""
    parts = _parts(settings)
    return {
        "PGHOST": parts["host"],
        "PGPORT": parts["port"],
        "PGUSER": parts["user"],
        "PGPASSWORD": parts["password"],
        "PGDATABASE": parts["dbname"],
        "PGSSLMODE": parts["sslmode"],
    }


def _parts(settings: Settings) -> dict[str, str]:
    given = {k: str(v) for k, v in conninfo_to_dict(database_url(settings)).items() if v}
    defaults = {"host": "localhost", "port": "5432", "user": "postgres", "password": ""}
    parts = {**defaults, "sslmode": "prefer", **given}
    return {"dbname": parts["user"], **parts}


def _open(url: str, *, autocommit: bool) -> psycopg.Connection:
    try:
        return psycopg.connect(
            url,
            autocommit=autocommit,
            connect_timeout=CONNECT_TIMEOUT_S,
            application_name="soleflip",
        )
    except psycopg.ProgrammingError:
        raise DatabaseUnavailable(
            "SOLEFLIP_DATABASE_URL is not a PostgreSQL address "
            "(postgresql://user:password@host:5432/database)"
        ) from None
    except psycopg.OperationalError as error:
        reason = str(error)
        is_busy = any(word in reason for word in (*BUSY_WORDS, *NO_ROOM))
        is_refused = not is_busy and any(word in reason for word in REFUSED)
        kind = DatabaseUnavailable if is_refused else DatabaseAway
        raise kind(_sentence(url, reason)) from None


def _sentence(url: str, reason: str) -> str:
    parts = conninfo_to_dict(url)
    place = f"{parts.get('host', 'localhost')}:{parts.get('port', 5432)}"
    if "authentication failed" in reason or "no password supplied" in reason:
        return f"the database at {place} refuses user {parts.get('user')}: check the password"
    if "does not exist" in reason:
        return f"the server at {place} has no database {parts.get('dbname')} for this user"
    if any(word in reason for word in NO_ROOM):
        return f"the database at {place} has no connection left: close some clients"
    first = next(iter(reason.strip().splitlines()), "no reason given").split("failed: ")[-1]
    secret = str(parts.get("password") or "")
    return f"the database at {place} cannot be reached: " + (
        first.replace(secret, "***") if secret else first
    )


def _create_database(conn: psycopg.Connection, name: str) -> None:
    # Another process may be faster.
    with suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
        conn.execute(sql.SQL("create database {}").format(sql.Identifier(name)))


def _act_as(conn: psycopg.Connection, role: Role, *, local: bool = False) -> None:
    try:
        conn.execute(
            sql.SQL("set {} role {}").format(
                sql.SQL("local" if local else "session"), sql.Identifier(f"soleflip_{role}")
            )
        )
    except psycopg.errors.InvalidParameterValue:
        raise DatabaseUnavailable(
            "the database is not prepared yet: run `soleflip db upgrade`"
        ) from None
    except psycopg.errors.InsufficientPrivilege:
        raise DatabaseUnavailable(
            f"the database user {conn.info.user} is no member of soleflip_{role}: "
            "run `soleflip db upgrade` as the database's owner"
        ) from None
    if role == "reader":
        conn.execute(f"set statement_timeout = '{READER_TIMEOUT}'")
        conn.execute("set default_transaction_read_only = on")


def check_mode(conn: psycopg.Connection, mode: str) -> None:
    """Raise DatabaseUnavailable when the database holds the other mode's data, or none yet."""
    try:
        row = conn.execute(
            "select setting_value from core.setting where setting_key = 'mode'"
        ).fetchone()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        row = None
    except psycopg.errors.InsufficientPrivilege:
        row = None
    if row is None:
        raise DatabaseUnavailable("the database is not prepared yet: run `soleflip db upgrade`")
    if row[0] != mode:
        raise DatabaseUnavailable(
            f"this database holds {row[0]} data and SOLEFLIP_MODE is {mode}: sandbox and live rows "
            "never share a database; change SOLEFLIP_MODE or SOLEFLIP_DATABASE_URL"
        )
