"""Every environment variable of soleflip, typed, documented and read once.

No other module reads `os.environ`. What belongs here is what differs between two installations;
what is the same everywhere is a constant beside the code that uses it.
"""

from __future__ import annotations

import json
import os
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from dotenv import dotenv_values
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from soleflip_pipelines.errors import SoleflipError

PROJECT_ROOT = Path(__file__).resolve().parent.parent
BERLIN = ZoneInfo("Europe/Berlin")
OWN_PREFIX = "SOLEFLIP_"


class SettingsError(SoleflipError):
    """A setting is missing, unknown or malformed; the text names the variable and the remedy."""


class Settings(BaseModel):
    """The installation's settings: the environment wins over `.env`, which wins over defaults.

    In sandbox mode the partners' addresses and credentials that nobody set come from the running
    sandbox (`sandbox_endpoints`), so that the code path is the one that live mode takes.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    home: Path = Field(PROJECT_ROOT / ".soleflip", alias="SOLEFLIP_HOME")
    database_url: SecretStr | None = Field(None, alias="SOLEFLIP_DATABASE_URL")
    mode: Literal["sandbox", "live"] = Field("sandbox", alias="SOLEFLIP_MODE")
    inbox: Path | None = Field(None, alias="SOLEFLIP_INBOX")
    fernet_keys: SecretStr | None = Field(None, alias="SOLEFLIP_FERNET_KEYS")
    as_of: date | None = Field(None, alias="SOLEFLIP_AS_OF")
    new_brands: Literal["create", "propose"] = Field("create", alias="SOLEFLIP_NEW_BRANDS")

    stockx_api_url: str = Field("https://api.stockx.com/v2", alias="STOCKX_API_URL")
    stockx_auth_url: str = Field("https://accounts.stockx.com", alias="STOCKX_AUTH_URL")
    stockx_api_key: SecretStr | None = Field(None, alias="STOCKX_API_KEY")
    stockx_client_id: SecretStr | None = Field(None, alias="STOCKX_CLIENT_ID")
    stockx_client_secret: SecretStr | None = Field(None, alias="STOCKX_CLIENT_SECRET")
    stockx_refresh_token: SecretStr | None = Field(None, alias="STOCKX_REFRESH_TOKEN")
    stockx_min_interval_s: float = Field(1.0, ge=0, alias="STOCKX_MIN_INTERVAL_S")
    stockx_daily_quota: int = Field(25_000, ge=1, alias="STOCKX_DAILY_QUOTA")

    awin_base_url: str = Field("https://productdata.awin.com", alias="AWIN_BASE_URL")
    awin_api_key: SecretStr | None = Field(None, alias="AWIN_API_KEY")

    ecb_base_url: str = Field("https://www.ecb.europa.eu", alias="ECB_BASE_URL")

    ebay_api_url: str = Field("https://api.ebay.com", alias="EBAY_API_URL")
    ebay_auth_url: str = Field("https://auth.ebay.com", alias="EBAY_AUTH_URL")
    ebay_client_id: SecretStr | None = Field(None, alias="EBAY_CLIENT_ID")
    ebay_client_secret: SecretStr | None = Field(None, alias="EBAY_CLIENT_SECRET")
    ebay_refresh_token: SecretStr | None = Field(None, alias="EBAY_REFRESH_TOKEN")
    alias_api_url: str = Field("https://api.alias.org/api/v1", alias="ALIAS_API_URL")
    alias_token: SecretStr | None = Field(None, alias="ALIAS_TOKEN")

    @field_validator("database_url", "inbox", "fernet_keys", "as_of", mode="before")
    @classmethod
    def _blank_is_unset(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("home", "inbox")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return value.expanduser().resolve() if value is not None else None

    @property
    def inbox_folder(self) -> Path:
        """The folder into which CSV files are dropped; default `<home>/inbox`."""
        return self.inbox or self.home / "inbox"

    @property
    def sandbox_folder(self) -> Path:
        """Where the sandbox keeps its generated business, its truth and its endpoints."""
        return self.home / "sandbox"

    def today(self) -> date:
        """The business day (Europe/Berlin) that figures such as stock age refer to."""
        return self.as_of or datetime.now(BERLIN).date()


def _known_names() -> set[str]:
    return {str(field.alias) for field in Settings.model_fields.values()}


def _read_env_file(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    return {name: value or "" for name, value in dotenv_values(path).items()}


def sandbox_endpoints(home: Path) -> dict[str, str]:
    """Variables (`STOCKX_API_URL` …) that the sandbox published when it started, else nothing."""
    path = home / "sandbox" / "endpoints.json"
    try:
        return {str(k): str(v) for k, v in json.loads(path.read_text("utf-8")).items()}
    except (FileNotFoundError, json.JSONDecodeError):
        return {}


def load_settings(environ: dict[str, str], env_file: Path | None = None) -> Settings:
    """Build the settings from an environment and an optional `.env` file.

    Raises:
        SettingsError: an unknown `SOLEFLIP_*` name, or a value that does not fit its field.
    """
    values = {**(_read_env_file(env_file) if env_file else {}), **environ}
    known = _known_names()
    unknown = sorted(n for n in values if n.startswith(OWN_PREFIX) and n not in known)
    if unknown:
        raise SettingsError(
            f"unknown setting {', '.join(unknown)}: the known ones are in .env.example"
        )
    chosen = {n: v for n, v in values.items() if n in known and v != ""}
    try:
        settings = Settings.model_validate(chosen)
        if settings.mode == "sandbox":
            published = sandbox_endpoints(settings.home)
            settings = Settings.model_validate(
                {**{n: v for n, v in published.items() if n in known}, **chosen}
            )
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors()
        )
        # The values stay out of the text: any of them may be a secret.
        raise SettingsError(f"bad setting: {problems}") from None
    return settings


@cache
def get_settings() -> Settings:
    """The settings of this process (environment and `.env` of the project), read once."""
    return load_settings(dict(os.environ), PROJECT_ROOT / ".env")


def export_environment(values: dict[str, str]) -> None:
    """Set variables for what reads them itself: the YAML files of Dagster and dbt, child processes.

    The settings that this process has read do not change by it.
    """
    os.environ.update(values)
