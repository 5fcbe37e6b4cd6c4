"""What goes wrong at the borders gives one clear sentence, and the next run heals it."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pipeline.installation import Installation

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def small(new_installation: Callable[..., Installation]) -> Installation:
    """An installation of these tests alone, whose orders were read once."""
    installation = new_installation(orders=40, seed=5)
    installation.soleflip("run", "sync_orders")
    return installation


def one_sentence(text: str) -> bool:
    return "Traceback" not in text and 0 < len(text.strip()) < 2000


def states(installation: Installation) -> set[tuple[str, str]]:
    """The sources by `soleflip status`: table and state."""
    found = json.loads(installation.soleflip("status", "--json").stdout)["sources"]
    return {(source["table"], source["state"]) for source in found}


def test_a_wrong_key_names_the_variable(small: Installation) -> None:
    wrong = small.with_environment(STOCKX_API_KEY="wrong-key-canary")
    done = wrong.soleflip("run", "sync_orders", check=False)
    assert done.returncode == 1
    assert "STOCKX_API_KEY" in done.stdout + done.stderr
    assert "wrong-key-canary" not in done.stdout + done.stderr
    assert one_sentence(done.stderr or done.stdout)


def test_a_dead_marketplace_is_named(small: Installation) -> None:
    dead = small.with_environment(STOCKX_API_URL="http://127.0.0.1:9/v2")
    done = dead.soleflip("run", "sync_orders", check=False)
    assert done.returncode == 1
    assert re.search(r"StockX could not be read \(raw_stockx\.\w+: StockX: ", done.stdout)
    assert "what builds on it uses what was there before: last read to the end on" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert ("raw_ebay.orders", "read") in states(dead)
    assert ("raw_stockx.orders", "failed") in states(dead)


def test_marts_are_built_although_partners_fail(small: Installation) -> None:
    disturbed = small.with_environment(
        EBAY_API_URL="http://127.0.0.1:9", ALIAS_TOKEN="wrong-canary"
    )
    done = disturbed.soleflip("run", check=False)
    assert done.returncode == 1
    sentences = done.stdout[done.stdout.index("refresh_all failed") :]
    assert "eBay could not be read" in sentences
    assert "Alias could not be read" in sentences
    assert "StockX" not in sentences
    assert "The marts were built all the same" in sentences
    assert "canary" not in done.stdout + done.stderr
    assert small.query('select count(*) > 0 from sales."order"') == [(True,)]
    assert small.query("select count(*) > 0 from enrichment.price_recommendation") == [(True,)]
    late = small.query(
        "select asset_key from dagster.asset_check_executions"
        " where check_name = 'sources_known' and execution_status = 'FAILED'"
    )
    assert '["sales", "order"]' in {key for (key,) in late}
    small.soleflip("run", "sync_orders")
    assert {state for _, state in states(small)} == {"read"}


def test_a_file_with_bad_rows_keeps_the_good_ones(small: Installation, tmp_path: Path) -> None:
    file = tmp_path / "einkauf.csv"
    file.write_text(
        "Lieferant;Bestellnummer;Position;Kaufdatum;Artikel;Größe;Menge;Einzelpreis;Währung\n"
        "Testshop;T-1;1;03.04.2025;Testschuh;US 9;1;100,50;EUR\n"
        "Testshop;T-1;2;03.04.2025;Testschuh;US 9;1;bald;EUR\n",
        "utf-8",
    )
    done = small.soleflip("import", str(file))
    assert "1 new" in done.stdout
    assert "1 rejected" in done.stdout
    again = small.soleflip("import", str(file))
    assert "loaded before" in again.stdout


def test_a_file_of_unknown_kind_is_refused(small: Installation, tmp_path: Path) -> None:
    file = tmp_path / "letters.csv"
    file.write_text("a,b\n1,2\n", "utf-8")
    done = small.soleflip("import", str(file), check=False)
    assert done.returncode == 1
    assert "letters.csv" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_that_refuses_is_named_without_its_password(small: Installation) -> None:
    url = "postgresql://somebody:secret-canary@127.0.0.1:9/nowhere"
    refused = small.with_environment(SOLEFLIP_DATABASE_URL=url)
    done = refused.soleflip("run", check=False)
    assert done.returncode == 1
    assert "127.0.0.1" in done.stderr
    assert "secret-canary" not in done.stdout + done.stderr


def test_a_sandbox_database_refuses_live_rows(small: Installation) -> None:
    live = small.with_environment(SOLEFLIP_MODE="live")
    done = live.soleflip("run", "sync_orders", check=False)
    assert done.returncode == 1
    assert "sandbox" in done.stderr
    assert "live" in done.stderr


def test_live_mode_without_a_credential_names_it(small: Installation, tmp_path: Path) -> None:
    home = tmp_path / "live"
    live = Installation(
        {
            **{k: v for k, v in small.environment.items() if not k.startswith("SOLEFLIP_DA")},
            "SOLEFLIP_MODE": "live",
            "SOLEFLIP_HOME": str(home),
        },
        "",
    )
    try:
        done = live.soleflip("run", "sync_orders", check=False)
        assert done.returncode == 1
        assert "STOCKX_" in done.stdout
        assert "docs/connect-stockx.md" in done.stdout
    finally:
        live.soleflip("db", "stop")


def test_a_busy_port_is_named(small: Installation) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        done = small.soleflip("ui", "--port", str(port), check=False)
    assert done.returncode == 1
    assert str(port) in done.stderr
    assert "in use" in done.stderr


def test_an_unknown_job_lists_the_known_ones(small: Installation) -> None:
    done = small.soleflip("run", "refresh_al", check=False)
    assert done.returncode == 1
    assert "refresh_all" in done.stderr
