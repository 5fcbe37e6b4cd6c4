"""The login of Metabase and other viewers: reads the published tables and can do nothing else.

What a reader may see is granted in `sql/` and at each publication; here is only who may log in.
"""

from __future__ import annotations

import secrets
from contextlib import closing
from urllib.parse import quote

import psycopg
from psycopg import sql

from soleflip_pipelines.errors import DatabaseUnavailable
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.connection import connect, libpq_environment, prepare_database
from soleflip_pipelines.warehouse.embedded import write_private

LOGIN = "soleflip_bi"
# One forgotten query or open transaction must not hold up publications or other readers.
LIMITS = {
    "statement_timeout": "60s",
    "idle_in_transaction_session_timeout": "30s",
    "lock_timeout": "10s",
    "default_transaction_read_only": "on",
}


def bi_url(settings: Settings) -> str:
    """The address for Metabase; the login is made, or brought up to date, by each call.

    The password is kept in `<home>/bi_password`, readable by its owner alone.

    Raises:
        DatabaseUnavailable: the database user may not create roles.
    """
    prepare_database(settings)
    path = settings.home / "bi_password"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_private(path, secrets.token_urlsafe(24))
    password = path.read_text("ascii").strip()
    with closing(connect(settings, role=None)) as conn:
        try:
            _make_login(conn, password)
            conn.commit()
        except psycopg.errors.InsufficientPrivilege:
            raise DatabaseUnavailable(
                f"the database user may not create the login {LOGIN}: it needs CREATEROLE"
            ) from None
    found = libpq_environment(settings)
    place = f"{found['PGHOST']}:{found['PGPORT']}/{found['PGDATABASE']}"
    return f"postgresql://{LOGIN}:{quote(password)}@{place}"


def _make_login(conn: psycopg.Connection, password: str) -> None:
    login = sql.Identifier(LOGIN)
    if conn.execute("select from pg_roles where rolname = %s", [LOGIN]).fetchone() is None:
        conn.execute(sql.SQL("create role {} login").format(login))
    # Hashed here, so that no server log can hold the password.
    hashed = conn.pgconn.encrypt_password(password.encode(), LOGIN.encode(), b"scram-sha-256")
    conn.execute(
        sql.SQL("alter role {} login connection limit 20 password {}").format(
            login, sql.Literal(hashed.decode())
        )
    )
    for name, value in LIMITS.items():
        conn.execute(
            sql.SQL("alter role {} set {} = {}").format(
                login, sql.Identifier(name), sql.Literal(value)
            )
        )
    conn.execute(sql.SQL("grant soleflip_reader to {}").format(login))
