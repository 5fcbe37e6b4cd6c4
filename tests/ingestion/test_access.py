"""Where a run's credentials come from, and where a rotated token goes."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest
from pydantic import SecretStr

from soleflip_pipelines.clients.errors import MissingCredential
from soleflip_pipelines.ingestion.access import open_awin, open_stockx
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.connection import connect
from soleflip_pipelines.warehouse.vault import Vault, fernet_keys

pytestmark = [pytest.mark.integration, pytest.mark.api, pytest.mark.usefixtures("no_waiting")]


def login(settings: Settings, partner: Any) -> str:
    """Make a client read something, and tell which refresh token it presented."""
    partner.calls.clear()
    with open_stockx(settings) as client:
        client.product(product_id="p")
    return next(call.form["refresh_token"] for call in partner.calls if call.form)


def with_secret(settings: Settings, **values: str | None) -> Settings:
    secrets = {n: None if v is None else SecretStr(v) for n, v in values.items()}
    return settings.model_copy(update=secrets)


@pytest.fixture
def rotating(partner: Any) -> Any:
    """A StockX that hands out a new refresh token at each login."""
    handed: list[str] = []

    def answer(call: Any) -> Any:
        if not call.path.endswith("/oauth/token"):
            return partner.reply(body={"productId": "p"})
        handed.append(f"rotated-{len(handed) + 1}")
        body = {"access_token": "a", "expires_in": 43_200, "refresh_token": handed[-1]}
        return partner.reply(body=body)

    partner.answer = answer
    return partner


def test_a_rotated_token_outlives_the_run_until_the_owner_logs_in_anew(
    rotating: Any, partner_settings: Settings
) -> None:
    assert login(partner_settings, rotating) == "CANARY-refresh-token"
    assert login(partner_settings, rotating) == "rotated-1"
    assert login(partner_settings, rotating) == "rotated-2"
    renewed = with_secret(partner_settings, stockx_refresh_token="a new login")
    assert login(renewed, rotating) == "a new login"
    assert login(renewed, rotating) == "rotated-4"


def test_the_vault_serves_what_the_environment_does_not_say(
    rotating: Any, partner_settings: Settings
) -> None:
    bare = with_secret(partner_settings, stockx_refresh_token=None)
    with closing(connect(bare, autocommit=True)) as conn:
        Vault(conn, fernet_keys(bare)).set("STOCKX_REFRESH_TOKEN", "from the vault")
    assert login(bare, rotating) == "from the vault"


@pytest.mark.parametrize(
    "name", ["stockx_api_key", "stockx_client_id", "stockx_client_secret", "stockx_refresh_token"]
)
def test_a_missing_credential_is_told_before_anything_is_sent(
    partner: Any, partner_settings: Settings, name: str
) -> None:
    with (
        pytest.raises(MissingCredential, match=rf"^{name.upper()} is not set"),
        open_stockx(with_secret(partner_settings, **{name: None})),
    ):
        pass
    assert partner.calls == []


def test_a_missing_feed_key_is_told(partner_settings: Settings) -> None:
    with (
        pytest.raises(MissingCredential, match="AWIN_API_KEY"),
        open_awin(with_secret(partner_settings, awin_api_key=None)),
    ):
        pass
