"""The command line, as its own process: what scripts rely on, and one sentence for an error."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.embedded import ServerAddress
from tests.conftest import create_database
from tests.warehouse.small_business import load_small_business

pytestmark = pytest.mark.integration

SOLEFLIP = Path(sys.executable).with_name("soleflip")


def call(
    settings: Settings, *arguments: str, text: str | None = None, **more: str
) -> subprocess.CompletedProcess[str]:
    assert settings.database_url is not None
    environment = {
        "PATH": os.defpath,
        "COLUMNS": "200",
        "SOLEFLIP_HOME": str(settings.home),
        "SOLEFLIP_DATABASE_URL": settings.database_url.get_secret_value(),
        **{name: value for name, value in os.environ.items() if name.startswith("COVERAGE")},
        **more,
    }
    return subprocess.run(
        [str(SOLEFLIP), *arguments],
        env=environment,
        input=text,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_help_answers_at_once_and_names_every_command(settings: Settings) -> None:
    begin = time.perf_counter()
    shown = call(settings, "--help").stdout
    assert time.perf_counter() - begin < 3
    own = ("run", "ui", "status", "doctor", "import", "verify")
    for name in (*own, "db", "sandbox", "secrets", "connect"):
        assert f" {name} " in shown
    groups = {"db": "backup", "sandbox": "reset", "secrets": "rotate", "connect": "stockx"}
    for group, command in groups.items():
        assert command in call(settings, group, "--help").stdout


def test_url_prints_the_address_and_nothing_else(settings: Settings) -> None:
    done = call(settings, "db", "url")
    with psycopg.connect(done.stdout.strip()) as conn:
        assert conn.execute("select 1").fetchone() == (1,)
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


def test_psql_reaches_the_database(settings: Settings) -> None:
    query = "select setting_value from core.setting"
    assert call(settings, "db", "psql", "-Atc", query).stdout == "sandbox\n"


def test_status_is_readable_by_people_and_scripts(settings: Settings) -> None:
    assert "raw_stockx.orders" in call(settings, "status").stdout
    facts = json.loads(call(settings, "status", "--json").stdout)
    assert facts["mode"] == "sandbox"
    assert {"table": "raw_stockx.orders", "rows": 0} in facts["tables"]


def test_status_cuts_no_name_in_a_narrow_terminal(
    settings: Settings, conn: psycopg.Connection
) -> None:
    load_small_business(conn)
    conn.execute(
        "update integration.import_batches set rows_read = rows_read + 1234567,"
        " rows_unchanged = rows_unchanged + 1234567"
    )
    conn.commit()
    shown = call(settings, "status", TTY_COMPATIBLE="1", TERM="dumb", COLUMNS="80").stdout
    assert "…" not in shown
    batches = shown[shown.index("Last batches") : shown.index("Rejected rows")]
    query = "select asset from integration.import_batches order by batch_id desc limit 10"
    for (asset,) in conn.execute(query).fetchall():
        assert f" {asset} " in batches
    assert "1,234,567" in batches
    assert max(map(len, shown.splitlines())) <= 80


def test_secrets_are_stored_listed_and_rotated_but_never_shown(settings: Settings) -> None:
    outputs = [
        call(settings, "secrets", "set", "STOCKX_API_KEY", text="canary-4711\n"),
        call(settings, "secrets", "list"),
        call(settings, "secrets", "list", "--json"),
        call(settings, "secrets", "rotate"),
        call(settings, "doctor"),
        call(settings, "secrets", "remove", "STOCKX_API_KEY"),
    ]
    assert all("canary" not in done.stdout + done.stderr for done in outputs)
    assert [done.returncode for done in (*outputs[:4], outputs[5])] == [0] * 5
    assert "STOCKX_API_KEY" in json.loads(outputs[2].stdout)
    assert "1 credentials" in outputs[3].stdout
    assert "it can be removed from fernet.key" in outputs[3].stdout
    assert "no credential is stored" in call(settings, "secrets", "list").stdout


@pytest.mark.parametrize(
    ("arguments", "more", "sentence"),
    [
        (["db", "url"], {"SOLEFLIP_MOED": "live"}, "unknown setting SOLEFLIP_MOED"),
        (["status"], {"SOLEFLIP_DATABASE_URL": "postgresql://127.0.0.1:1/x"}, "cannot be reached"),
        (["db", "upgrade"], {"SOLEFLIP_MODE": "live"}, "holds sandbox data"),
        (["db", "restore", "--yes", "missing.dump"], {}, "there is no file missing.dump"),
        (["secrets", "set", "bad name"], {}, "is not a credential's name"),
        (["secrets", "remove", "AWIN_API_KEY"], {}, "no credential 'AWIN_API_KEY' is stored"),
    ],
)
def test_an_error_is_one_sentence_and_exit_code_1(
    settings: Settings, arguments: list[str], more: dict[str, str], sentence: str
) -> None:
    done = call(settings, *arguments, text="x", **more)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert "Traceback" in call(settings, "--debug", *arguments, text="x", **more).stderr


def test_doctor_names_what_is_broken(settings: Settings) -> None:
    broken = call(settings, "doctor", "--json", SOLEFLIP_DATABASE_URL="postgresql://127.0.0.1:1/x")
    assert broken.returncode == 1
    findings = {finding["topic"]: finding for finding in json.loads(broken.stdout)}
    assert findings["database"]["state"] == "fail"
    assert findings["settings"]["state"] == "ok"
    well = {f["topic"]: f["state"] for f in json.loads(call(settings, "doctor", "--json").stdout)}
    assert well["database"] == well["migrations"] == "ok"


def test_doctor_tells_of_each_account_whether_it_is_connected(settings: Settings) -> None:
    assert settings.database_url is not None
    url = settings.database_url.get_secret_value()
    with psycopg.connect(url) as conn:
        conn.execute("update core.setting set setting_value = 'live' where setting_key = 'mode'")
    given = {"SOLEFLIP_MODE": "live", "AWIN_API_KEY": "x", "EBAY_CLIENT_ID": "x"}
    shown = json.loads(call(settings, "doctor", "--json", **given).stdout)
    found = {finding["topic"]: (finding["state"], finding["text"]) for finding in shown}
    assert found["awin"] == ("ok", "connected")
    assert found["alias"] == ("ok", "not connected: skipped; see docs/connect-alias.md")
    assert found["stockx"] == ("ok", "not connected: skipped; see docs/connect-stockx.md")
    assert "sources" not in found
    assert found["ebay"][0] == "fail"
    assert "in part: EBAY_CLIENT_SECRET, EBAY_REFRESH_TOKEN missing" in found["ebay"][1]
    alone = json.loads(call(settings, "doctor", "--json", SOLEFLIP_MODE="live").stdout)
    assert {"topic": "sources", "state": "fail"}.items() <= alone[-1].items()


def test_doctor_looks_at_a_database_that_is_not_prepared(
    settings: Settings, server: ServerAddress
) -> None:
    create_database(server, "bare")
    done = call(settings, "doctor", "--json", SOLEFLIP_DATABASE_URL=server.url("bare"))
    texts = {finding["topic"]: finding["text"] for finding in json.loads(done.stdout)}
    assert "soleflip db upgrade" in texts["database"]
    assert "to apply" in texts["migrations"]


def test_the_embedded_database_from_start_to_stop(tmp_path: Path) -> None:
    environment = {"PATH": os.defpath, "SOLEFLIP_HOME": str(tmp_path / "a home"), "COLUMNS": "200"}
    environment |= {n: value for n, value in os.environ.items() if n.startswith("COVERAGE")}

    def soleflip(*arguments: str) -> str:
        command = [str(SOLEFLIP), "db", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    dump = str(tmp_path / "all.dump")
    try:
        assert "migrations applied now" in soleflip("start")
        assert json.loads(soleflip("status", "--json"))["is_running"] is True
        assert "up to date" in soleflip("upgrade")
        assert "MB" in soleflip("backup", dump)
        assert "restored" in soleflip("restore", "--yes", dump)
        with psycopg.connect(soleflip("bi-url").strip()) as conn:
            assert conn.execute("select current_user").fetchone() == ("soleflip_bi",)
    finally:
        assert "stopped" in soleflip("stop")
    assert json.loads(soleflip("status", "--json"))["is_running"] is False


def test_a_dry_run_shows_kind_columns_and_reasons_and_loads_nothing(
    settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "einkauf [neu].csv"
    file.write_text(
        "Lieferant;Bestellnummer;Kaufdatum;Artikel;Menge;Einzelpreis (EUR);Laune [rot]\n"
        "Testshop;T-1;03.04.2025;Testschuh;1;100,50;gut\n"
        "Testshop;T-1;03.04.2025;Testschuh;1;bald;gut\n",
        "utf-8",
    )
    shown = call(settings, "import", str(file), "--dry-run").stdout
    for text in (
        "einkauf [neu].csv: purchases (told by its header)",
        "UTF-8, semicolon between cells, decimal comma",
        "otherwise unused: Laune [rot]",
        "Would load into raw_csv.purchases: 2 rows read, 1 new",
        'einkauf [neu].csv:3, unit_price: write a number such as 1234.56 instead of "bald"',
        "Nothing was changed.",
    ):
        assert text in shown
    assert "Nothing" not in call(settings, "import", str(file)).stdout
    again = call(settings, "import", str(file), "--dry-run", "--kind", "purchases").stdout
    assert "told by --kind" in again
    assert "imported before" in again
