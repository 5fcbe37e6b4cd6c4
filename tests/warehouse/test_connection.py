"""Connections: one clear sentence for each thing that can be wrong, and never a password."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from soleflip_pipelines.errors import DatabaseUnavailable
from soleflip_pipelines.settings import PROJECT_ROOT, Settings, load_settings
from soleflip_pipelines.warehouse.connection import (
    connect,
    dagster_environment,
    database_url,
    dbt_environment,
    prepare_database,
)
from soleflip_pipelines.warehouse.embedded import ServerAddress

pytestmark = pytest.mark.integration


def with_url(url: str, **more: str) -> Settings:
    return load_settings({"SOLEFLIP_DATABASE_URL": url, **more})


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("postgresql://me:canary-pw@127.0.0.1:1/db", "cannot be reached: Connection refused"),
        ("this is no address canary-pw", "is not a PostgreSQL address"),
        ("postgresql://me:canary-pw@{host}:{port}/db", "refuses user me: check the password"),
        ("postgresql://soleflip:{password}@{host}:{port}/nowhere", "has no database nowhere"),
    ],
)
def test_an_unusable_address_is_one_sentence(
    server: ServerAddress, url: str, sentence: str
) -> None:
    parts = {"host": server.host, "port": server.port, "password": server.password}
    with pytest.raises(DatabaseUnavailable, match=sentence) as caught:
        connect(with_url(url.format(**parts)))
    text = str(caught.value)
    assert "\n" not in text
    assert "canary-pw" not in text
    assert server.password not in text


def test_a_database_that_is_not_prepared_says_so(server: ServerAddress) -> None:
    with pytest.raises(DatabaseUnavailable, match="not prepared yet: run `soleflip db upgrade`"):
        connect(with_url(server.url("template1")))


def test_sandbox_and_live_never_share_a_database(settings: Settings) -> None:
    live = with_url(database_url(settings), SOLEFLIP_MODE="live")
    for use in (connect, prepare_database):
        with pytest.raises(DatabaseUnavailable, match="holds sandbox data"):
            use(live)


def test_a_second_preparation_changes_nothing(settings: Settings) -> None:
    assert prepare_database(settings) == []


def test_a_connection_acts_as_its_role_in_utc(settings: Settings) -> None:
    with connect(settings, role="reader") as conn:
        row = conn.execute("select current_user, current_setting('timezone')").fetchone()
        assert row == ("soleflip_reader", "UTC")
        assert conn.autocommit is False


def test_the_embedded_server_keeps_a_database_a_mode(tmp_path: Path) -> None:
    from soleflip_pipelines.warehouse.embedded import EmbeddedPostgres

    home = {"SOLEFLIP_HOME": str(tmp_path)}
    EmbeddedPostgres(tmp_path, options={"fsync": "off"}).ensure_running()
    try:
        for mode in ("sandbox", "live"):
            settings = load_settings({**home, "SOLEFLIP_MODE": mode})
            assert prepare_database(settings)
            assert database_url(settings).endswith(f"/soleflip_{mode}")
    finally:
        EmbeddedPostgres(tmp_path).stop()


def test_dbt_and_dagster_get_the_same_database(settings: Settings) -> None:
    for_dbt, for_dagster = dbt_environment(settings), dagster_environment(settings)
    dsn = psycopg.conninfo.conninfo_to_dict(database_url(settings))
    assert for_dbt["DBT_DBNAME"] == for_dagster["SF_PG_DB"] == dsn["dbname"]
    assert for_dbt["DBT_PORT"] == for_dagster["SF_PG_PORT"] == dsn["port"]
    copied = Path(for_dagster["DAGSTER_HOME"], "dagster.yaml").read_bytes()
    assert copied == (PROJECT_ROOT / "dagster.yaml").read_bytes()
