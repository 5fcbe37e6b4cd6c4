"""Who may do what: the loader loads, the transformer transforms, the reader reads only marts."""

from __future__ import annotations

import stat
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from soleflip_pipelines.settings import Settings, load_settings
from soleflip_pipelines.warehouse.bi_login import bi_url
from soleflip_pipelines.warehouse.connection import Role, connect, prepare_database
from soleflip_pipelines.warehouse.embedded import ServerAddress

pytestmark = pytest.mark.integration

ALLOWED: list[tuple[Role, str]] = [
    ("loader", "insert into raw_stockx.orders select 'x', '{}', 'h', now(), now(), 1 where false"),
    ("loader", "select * from core.system_config"),
    ("loader", "delete from owner.brand_pattern"),
    ("loader", "truncate enrichment.product_label"),
    ("transformer", "select * from raw_stockx.orders"),
    ("transformer", "select * from enrichment.product_label"),
    ("transformer", "create view staging.v as select 1 as n"),
    ("transformer", "create schema sales__next; create table sales__next.t (n int);"
     " alter schema sales__next rename to sales; drop schema sales cascade"),
    ("reader", "select * from integration.import_batches"),
]  # fmt: skip
REFUSED: list[tuple[Role, str]] = [
    ("loader", "create schema mine"),
    ("loader", "drop table raw_stockx.orders"),
    ("loader", "update history.market_observation set currency_code = 'EUR'"),
    ("loader", "delete from integration.import_batches"),
    ("loader", "delete from core.secret_event"),
    ("transformer", "select * from core.system_config"),
    ("transformer", "select * from core.secret_event"),
    ("transformer", "delete from raw_stockx.orders"),
    ("transformer", "update enrichment.product_label set brand = 'x'"),
    ("reader", "select * from raw_stockx.orders"),
    ("reader", "select * from core.system_config"),
    ("reader", "select * from staging.v"),
    ("reader", "create table public.mine (n int)"),
    ("reader", "delete from integration.import_batches"),
]


@pytest.mark.parametrize(("role", "statement"), ALLOWED)
def test_a_role_may_do_its_work(settings: Settings, role: Role, statement: str) -> None:
    with connect(settings, role=role) as conn:
        conn.execute(statement.encode())
        conn.rollback()


@pytest.mark.parametrize(("role", "statement"), REFUSED)
def test_a_role_may_do_nothing_else(settings: Settings, role: Role, statement: str) -> None:
    refusals = (psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction)
    with connect(settings, role=role) as conn:
        with pytest.raises(refusals):
            conn.execute(statement.encode())
        conn.rollback()


def test_an_ordinary_owner_of_a_database_can_prepare_it(
    server: ServerAddress, template_database: str, tmp_path: Path
) -> None:
    name = f"owner_{uuid4().hex[:12]}"
    with psycopg.connect(server.url("postgres"), autocommit=True) as conn:
        conn.execute(f"create role {name} login createrole password 'secret'".encode())
        conn.execute(f"create database {name} owner {name}".encode())
        conn.execute(
            f"grant soleflip_owner, soleflip_loader, soleflip_transformer, soleflip_reader"
            f" to {name} with admin option".encode()
        )
    url = f"postgresql://{name}:secret@{server.host}:{server.port}/{name}"
    settings = load_settings({"SOLEFLIP_HOME": str(tmp_path), "SOLEFLIP_DATABASE_URL": url})
    assert prepare_database(settings)
    assert prepare_database(settings) == []
    with connect(settings, role="transformer") as conn:
        conn.execute("create schema sales__next")
        conn.rollback()
    with psycopg.connect(server.url("postgres"), autocommit=True) as conn:
        conn.execute(f"drop database {name} with (force)".encode())


def test_the_login_of_viewers_reads_and_nothing_else(settings: Settings) -> None:
    url = bi_url(settings)
    assert bi_url(settings) == url
    with psycopg.connect(url, autocommit=True) as conn:
        assert conn.execute("select count(*) from integration.import_batches").fetchone() == (0,)
        assert conn.execute("show statement_timeout").fetchone() == ("1min",)
        for statement in ("select * from core.system_config", "create table public.t (n int)"):
            with pytest.raises(psycopg.Error, match=r"permission denied|read-only"):
                conn.execute(statement.encode())
    assert stat.S_IMODE((settings.home / "bi_password").stat().st_mode) == 0o600
