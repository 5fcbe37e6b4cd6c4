"""No secret is written anywhere: not by runs that go well, not by runs that fail at every border.

Canaries stand for all of them. After the runs every table of the database (Dagster's events and
runs, the ledger, the run log, raw) and every file of the installation is searched, and all output.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography.fernet import Fernet

from soleflip_pipelines.clients.credentials import CREDENTIALS
from soleflip_pipelines.settings import load_settings
from soleflip_pipelines.warehouse.connection import connect
from soleflip_pipelines.warehouse.vault import fernet_keys, open_vault
from tests.pipeline.installation import Installation

pytestmark = pytest.mark.integration

CANARIES = {name: f"CANARY-{name.lower()}-4711" for names in CREDENTIALS.values() for name in names}
# An application's id is part of the links that people open, and names nobody.
PUBLIC = ("STOCKX_CLIENT_ID", "EBAY_CLIENT_ID")
# Where secrets are by design: the key file, what the sandbox publishes, and its own database.
KEPT_IN = ("fernet.key", "endpoints.json", "business.sqlite", "truth.sqlite")


@pytest.fixture(scope="module")
def searched(new_installation: Callable[..., Installation]) -> Installation:
    """An installation of this test alone."""
    return new_installation(orders=30, seed=11)


def secrets_of(installation: Installation) -> set[str]:
    """What the sandbox published, what it handed out since, the keys and the password."""
    endpoints = json.loads((installation.home / "sandbox" / "endpoints.json").read_text())
    published = {
        value
        for name, value in endpoints.items()
        if name.endswith(("_KEY", "_SECRET", "_TOKEN")) and value
    }
    settings = load_settings(installation.environment)
    with closing(connect(settings, autocommit=True)) as conn:
        vault = open_vault(conn, settings)
        stored = {entry.name: str(vault.get(entry.name)) for entry in vault.entries()}
    grants = [json.loads(value) for name, value in stored.items() if name.endswith("_GRANT")]
    tokens = {grant[kind] for grant in grants for kind in ("access_token", "refresh_token")}
    keys = set(fernet_keys(settings))
    password = urlsplit(installation.url).password
    assert len(published) >= 7
    assert password
    return published | tokens | keys | {password}


def written(installation: Installation) -> Iterator[tuple[str, str]]:
    """Every place with its text: tables of all schemas, files of the home folder."""
    tables = installation.query(
        "select format('%I.%I', schemaname, tablename) from pg_tables"
        " where schemaname not in ('pg_catalog', 'information_schema')"
    )
    for (table,) in tables:
        rows = installation.query(f"select string_agg(t::text, chr(10)) from {table} as t")
        yield str(table), str(rows[0][0])
    for path in installation.home.rglob("*"):
        if path.is_file() and not path.name.startswith(KEPT_IN):
            yield str(path), path.read_text("utf-8", errors="replace")


def leaks(places: Iterator[tuple[str, str]], secrets: set[str]) -> list[tuple[str, str]]:
    return [(place, secret) for place, text in places for secret in secrets if secret in text]


def test_runs_that_go_well_write_no_secret(finished: Installation) -> None:
    secrets = secrets_of(finished)
    assert len(secrets) >= 7 + 4  # what was published, the key, the password, and access tokens
    assert leaks(written(finished), secrets) == []


def test_runs_that_fail_write_no_secret(searched: Installation) -> None:
    """Refused logins and keys, then no host at all; the key of the vault is new as well."""
    key = Fernet.generate_key().decode()
    wrong = searched.with_environment(SOLEFLIP_FERNET_KEYS=key, **CANARIES)
    dead = wrong.with_environment(AWIN_BASE_URL="http://127.0.0.1:9")
    runs = [wrong.soleflip("run", "sync_orders", check=False)]
    runs.append(dead.soleflip("run", "sync_feeds", check=False))
    assert [run.returncode for run in runs] == [1, 1]
    assert all(name in runs[0].stdout for name in ("STOCKX", "eBay", "Alias"))
    assert "Awin" in runs[1].stdout
    doctor = wrong.soleflip("doctor", check=False)
    secrets = {value for name, value in CANARIES.items() if name not in PUBLIC} | {key}
    secrets |= secrets_of(wrong)
    printed = ((" ".join(run.args), run.stdout + run.stderr) for run in (*runs, doctor))
    assert leaks(printed, secrets) == []
    assert leaks(written(searched), secrets) == []


def test_the_search_finds_what_is_there(searched: Installation, tmp_path: Path) -> None:
    """A search that can find nothing would prove nothing."""
    file = searched.home / "dagster" / "planted.log"
    file.write_text("a line with CANARY-planted in it", "utf-8")
    setting = "insert into core.setting (setting_key, setting_value)"
    searched.query(f"{setting} values ('planted', 'CANARY-planted') returning 1")
    assert [place for place, _ in leaks(written(searched), {"CANARY-planted"})] == [
        "core.setting",
        str(file),
    ]
