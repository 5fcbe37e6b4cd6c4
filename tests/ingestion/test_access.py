"""Where a run's credentials come from, and where a login's tokens go."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from soleflip_pipelines.clients.credentials import is_connected
from soleflip_pipelines.clients.errors import MissingCredential, TransientPartnerError
from soleflip_pipelines.clients.oauth import Grant, LoginRefused
from soleflip_pipelines.ingestion.access import open_awin, open_stockx, partner_is_connected
from soleflip_pipelines.ingestion.token_store import VaultTokenStore
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.connection import connect
from soleflip_pipelines.warehouse.vault import open_vault

pytestmark = [pytest.mark.integration, pytest.mark.api, pytest.mark.usefixtures("no_waiting")]

PROCESSES = 12
# One run of a job as its own process: it reads through the login, and again after a 401.
RUN = """
import sys
from soleflip_pipelines.ingestion.access import open_stockx
from soleflip_pipelines.settings import get_settings
with open_stockx(get_settings()) as client:
    print("ready", flush=True)
    sys.stdin.readline()
    print(client.product(product_id="p")["productId"])
"""


class Rotating:
    """A StockX that hands out a new refresh token at each refresh, and punishes an old one.

    The one before the newest is still taken, as by providers with a leeway, unless told otherwise;
    any other that was used before ends the login as a whole.
    """

    def __init__(self, partner: Any) -> None:
        self.partner = partner
        self.accepted = ["CANARY-refresh-token"]
        self.presented: list[str] = []
        self.access = ""
        self.refreshes = 0
        self.has_leeway = True
        self.expires_in: object = 43_200
        self.after_rotation: Callable[[], None] = lambda: None
        partner.answer = self.answer

    def answer(self, call: Any) -> Any:
        if call.path.endswith("/oauth/token"):
            return self.refresh(call.form["refresh_token"])
        if call.headers.get("authorization") != f"Bearer {self.access}":
            return self.partner.reply(401, {"message": "Unauthorized"})
        return self.partner.reply(body={"productId": "p"})

    def refresh(self, token: str) -> Any:
        self.presented.append(token)
        good = self.accepted[-2:] if self.has_leeway else self.accepted[-1:]
        if token not in good:
            if token in self.accepted:
                self.accepted = ["none, the login was revoked"]
            body = {"error": "invalid_grant", "error_description": "Unknown or invalid token."}
            return self.partner.reply(403, body)
        self.refreshes += 1
        self.accepted.append(f"rotated-{self.refreshes}")
        self.access = f"access-{self.refreshes}"
        self.after_rotation()
        return self.partner.reply(
            body={
                "access_token": self.access,
                "expires_in": self.expires_in,
                "refresh_token": self.accepted[-1],
            }
        )


@pytest.fixture
def rotating(partner: Any) -> Rotating:
    return Rotating(partner)


def read(settings: Settings) -> None:
    with open_stockx(settings) as client:
        client.product(product_id="p")


def with_secret(settings: Settings, **values: str | None) -> Settings:
    secrets = {n: None if v is None else SecretStr(v) for n, v in values.items()}
    return settings.model_copy(update=secrets)


def stored_grant(settings: Settings) -> str | None:
    with closing(connect(settings, autocommit=True)) as conn:
        return open_vault(conn, settings).get("STOCKX_GRANT")


def events(settings: Settings) -> Counter[str]:
    with closing(connect(settings, autocommit=True)) as conn:
        rows = conn.execute("select action from core.secret_event where config_key <> 'x'")
        return Counter(str(action) for (action,) in rows)


def test_a_login_outlives_the_run_until_the_owner_logs_in_anew(
    rotating: Rotating, partner_settings: Settings
) -> None:
    read(partner_settings)
    read(partner_settings)  # with the access token of the first
    assert rotating.presented == ["CANARY-refresh-token"]
    rotating.access = "revoked by the partner"
    read(partner_settings)
    assert rotating.presented[1:] == ["rotated-1"]
    rotating.accepted.append("a new login")
    renewed = with_secret(partner_settings, stockx_refresh_token="a new login")
    read(renewed)
    read(renewed)
    assert rotating.presented[2:] == ["a new login"]
    assert events(partner_settings) == {"rotated": 3}


def started_run(settings: Settings) -> subprocess.Popen[str]:
    """A run in a process of its own that is ready and goes on when it is sent a line."""
    values = {
        str(field.alias): getattr(settings, name) for name, field in Settings.model_fields.items()
    }
    environment = {
        name: value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        for name, value in values.items()
        if value is not None
    }
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", RUN]
    return subprocess.Popen(
        command, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True
    )


def test_twelve_processes_renew_once(rotating: Rotating, partner_settings: Settings) -> None:
    """Everyone holds the same expired token at the same moment; one asks, all others wait."""
    read(partner_settings)
    rotating.access = "expired for all"
    rotating.presented.clear()
    rotating.has_leeway = False
    runs = [started_run(partner_settings) for _ in range(PROCESSES)]
    results = []
    for run in runs:
        assert run.stdout is not None
        assert run.stdout.readline() == "ready\n"
    for run in runs:
        assert run.stdin is not None
        run.stdin.write("\n")
        run.stdin.flush()
    for run in runs:
        output, errors = run.communicate(timeout=60)
        results.append((run.returncode, output, errors))
    assert results == [(0, "p\n", "")] * PROCESSES
    assert rotating.presented == ["rotated-1"]


def test_a_crash_between_the_rotation_and_our_commit_heals(
    rotating: Rotating, partner_settings: Settings
) -> None:
    read(partner_settings)
    rotating.access = "expired"
    run = started_run(partner_settings)
    assert run.stdout is not None
    assert run.stdout.readline() == "ready\n"
    rotating.after_rotation = run.kill
    assert run.stdin is not None
    run.stdin.write("\n")
    run.stdin.flush()
    assert run.wait(30) == -signal.SIGKILL
    rotating.after_rotation = lambda: None
    read(partner_settings)
    assert rotating.presented == ["CANARY-refresh-token", "rotated-1", "rotated-1"]
    assert events(partner_settings) == {"rotated": 2}


def test_the_token_before_is_tried_once_and_then_a_person_is_asked(
    rotating: Rotating, partner_settings: Settings
) -> None:
    read(partner_settings)
    rotating.accepted, rotating.access = ["CANARY-refresh-token"], "lost"  # it went back in time
    read(partner_settings)
    assert rotating.presented[1:] == ["rotated-1", "CANARY-refresh-token"]
    kept = stored_grant(partner_settings)
    rotating.accepted, rotating.access = ["another"], "lost again"
    with pytest.raises(LoginRefused, match="log in again with `soleflip connect stockx`") as caught:
        read(partner_settings)
    assert rotating.presented[3:] == ["rotated-2", "CANARY-refresh-token"]
    assert "\n" not in str(caught.value)
    assert stored_grant(partner_settings) == kept


def test_a_token_of_another_run_that_is_rejected_too_is_renewed(
    rotating: Rotating, partner_settings: Settings
) -> None:
    with open_stockx(partner_settings) as early:
        early.product(product_id="p")
        rotating.access = "revoked"
        read(partner_settings)
        rotating.access = "revoked again"
        early.product(product_id="p")
    assert rotating.presented[1:] == ["rotated-1", "rotated-2"]


def test_a_login_that_is_down_costs_neither_token(
    rotating: Rotating, partner_settings: Settings
) -> None:
    read(partner_settings)
    kept = stored_grant(partner_settings)
    rotating.partner.script(rotating.partner.reply(503))
    with pytest.raises(TransientPartnerError, match="503"):
        read(partner_settings)
    assert stored_grant(partner_settings) == kept
    rotating.partner.answer = rotating.answer
    read(partner_settings)
    assert rotating.presented == ["CANARY-refresh-token"]


@pytest.mark.parametrize(("stated", "usable"), [(100, 50), (43_200, 43_140), (None, 540)])
def test_a_token_is_not_used_up_to_its_last_moment(
    rotating: Rotating, partner_settings: Settings, stated: object, usable: int
) -> None:
    rotating.expires_in = stated
    read(partner_settings)
    client = ("client", "CANARY-client-secret", partner_settings.stockx_auth_url)
    with VaultTokenStore(partner_settings, "stockx", client).exclusive() as stored:
        assert usable - 30 < stored.read().life_s <= usable
    with VaultTokenStore(partner_settings, "stockx", ("another client",)).exclusive() as stored:
        assert stored.read().access_token is None


def test_a_database_that_is_away_when_a_token_arrives_gets_it_later(
    partner_settings: Settings,
) -> None:
    """The partner has rotated by then: what is not stored now is lost for good."""
    store = VaultTokenStore(partner_settings, "stockx", ("client",))
    with store.exclusive() as stored:
        stored.read()
        end_connections(partner_settings)
        stored.save(Grant("new", ("CANARY-refresh-token",), "access", 600))
    with store.exclusive() as stored:
        assert stored.read().refresh_token == "new"
        end_connections(partner_settings)
        with store.exclusive() as faster:
            faster.read()
            faster.save(Grant("newer", ("new",), "access", 600))
        stored.save(Grant("late", ("new",), "access", 600))
    with store.exclusive() as stored:
        assert stored.read().refresh_token == "newer"


def end_connections(settings: Settings) -> None:
    """What a restart of the database does to everyone who is connected."""
    assert settings.database_url is not None
    with psycopg.connect(settings.database_url.get_secret_value(), autocommit=True) as conn:
        conn.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )


def test_the_vault_serves_what_the_environment_does_not_say(
    rotating: Rotating, partner_settings: Settings
) -> None:
    bare = with_secret(partner_settings, stockx_refresh_token=None)
    rotating.accepted = ["from the vault"]
    with closing(connect(bare, autocommit=True)) as conn:
        open_vault(conn, bare).set("STOCKX_REFRESH_TOKEN", "from the vault")
    read(bare)
    assert rotating.presented == ["from the vault"]


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


def test_a_partner_is_connected_not_or_by_half(settings: Settings) -> None:
    live = settings.model_copy(update={"mode": "live"})
    with closing(connect(settings, autocommit=True)) as conn:
        vault = open_vault(conn, settings)
        assert not is_connected(live, vault, "ebay")
        vault.set("EBAY_CLIENT_ID", "id")
        given = with_secret(live, ebay_client_secret="secret")
        with pytest.raises(MissingCredential, match=r"EBAY_REFRESH_TOKEN.*docs/connect-ebay\.md"):
            is_connected(given, vault, "ebay")
        vault.set("EBAY_REFRESH_TOKEN", "token")
        assert is_connected(given, vault, "ebay")
    assert not partner_is_connected(settings, "alias")
