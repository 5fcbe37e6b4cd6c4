"""Settings: the environment wins, nothing is ignored, no value leaks; and they are documented."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from soleflip_pipelines.settings import PROJECT_ROOT, Settings, SettingsError, load_settings

pytestmark = pytest.mark.unit


def test_defaults_are_the_sandbox_with_an_embedded_database() -> None:
    settings = load_settings({})
    assert settings.mode == "sandbox"
    assert settings.database_url is None
    assert settings.inbox_folder == settings.home / "inbox"


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text("SOLEFLIP_MODE=live\nSTOCKX_DAILY_QUOTA=7\n", "utf-8")
    settings = load_settings({"STOCKX_DAILY_QUOTA": "9"}, env_file)
    assert (settings.mode, settings.stockx_daily_quota) == ("live", 9)


def test_an_unknown_own_name_is_an_error_wherever_it_stands(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="SOLEFLIP_MOED"):
        load_settings({"SOLEFLIP_MOED": "live"})
    env_file = tmp_path / ".env"
    env_file.write_text("SOLEFLIP_TYPO=1\n", "utf-8")
    with pytest.raises(SettingsError, match="SOLEFLIP_TYPO"):
        load_settings({}, env_file)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SOLEFLIP_MODE", "production"),
        ("SOLEFLIP_AS_OF", "22.11.2026"),
        ("STOCKX_DAILY_QUOTA", "0"),
        ("STOCKX_MIN_INTERVAL_S", "fast"),
    ],
)
def test_a_bad_value_names_its_variable(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        load_settings({name: value})


def test_values_never_appear_in_texts() -> None:
    canary = "canary-3f1c"
    settings = load_settings({"STOCKX_API_KEY": canary, "SOLEFLIP_DATABASE_URL": canary})
    assert canary not in repr(settings)
    with pytest.raises(SettingsError) as caught:
        load_settings({"SOLEFLIP_MODE": canary})
    assert canary not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_blank_value_is_an_unset_one() -> None:
    assert load_settings({"SOLEFLIP_DATABASE_URL": "", "SOLEFLIP_AS_OF": ""}) == load_settings({})


def test_the_sandbox_supplies_what_nobody_set(tmp_path: Path) -> None:
    folder = tmp_path / "sandbox"
    folder.mkdir()
    published = {"STOCKX_API_URL": "http://127.0.0.1:9/stockx/v2", "AWIN_API_KEY": "from-sandbox"}
    (folder / "endpoints.json").write_text(json.dumps(published), "utf-8")
    environ = {"SOLEFLIP_HOME": str(tmp_path), "AWIN_API_KEY": "mine"}

    in_sandbox = load_settings(environ)
    assert in_sandbox.stockx_api_url == "http://127.0.0.1:9/stockx/v2"
    assert in_sandbox.awin_api_key is not None
    assert in_sandbox.awin_api_key.get_secret_value() == "mine"

    in_live_mode = load_settings({**environ, "SOLEFLIP_MODE": "live"})
    assert in_live_mode.stockx_api_url == "https://api.stockx.com/v2"


def test_today_can_be_pinned() -> None:
    assert load_settings({"SOLEFLIP_AS_OF": "2026-11-22"}).today() == date(2026, 11, 22)


def test_the_example_file_names_each_variable_and_no_other() -> None:
    example = (PROJECT_ROOT / ".env.example").read_text("utf-8")
    named = [line.split("=")[0] for line in example.splitlines() if line and line[0] != "#"]
    assert sorted(named) == sorted(str(f.alias) for f in Settings.model_fields.values())


def test_the_example_file_loads_as_it_stands() -> None:
    assert load_settings({}, PROJECT_ROOT / ".env.example") == load_settings({})


def test_the_pinned_packages_carry_hashes_and_no_addresses() -> None:
    text = (PROJECT_ROOT / "constraints.txt").read_text("utf-8")
    assert "://" not in text
    pins = [line for line in text.splitlines() if "==" in line and not line.startswith(" ")]
    assert len(pins) > 100
    assert text.count("--hash=sha256:") >= len(pins)
