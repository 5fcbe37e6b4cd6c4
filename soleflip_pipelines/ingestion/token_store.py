"""Where the tokens of an OAuth login live: in the vault, one row per partner, used one at a time.

A refresh is one transaction that holds the row: what a partner hands out is stored before anybody
else can ask for it. The calls themselves are made in `clients/oauth.py`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import stamina

from soleflip_pipelines.clients.credentials import credential
from soleflip_pipelines.clients.oauth import Grant
from soleflip_pipelines.errors import DatabaseUnavailable
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.connection import connect
from soleflip_pipelines.warehouse.vault import open_vault

SAVE_TIMEOUT_S = 60.0
LONGEST_WAIT_S = 5.0


class VaultTokenStore:
    """A login's tokens: the owner's refresh token, and what the partner made of it since.

    The latter are kept beside the fingerprint of the token that they descend from, so that a login
    of the owner's made later wins over them.

    Args:
        settings: which database and keys.
        partner: the partner's key, such as "stockx"; names `STOCKX_REFRESH_TOKEN`.
        client: what the access tokens are bound to beside the login: the client's credentials and
            the host. One made with others is not used.
    """

    def __init__(self, settings: Settings, partner: str, client: tuple[str, ...]) -> None:
        """Nothing is read yet."""
        self._settings = settings
        self._partner = partner
        self._client = _fingerprint(*client)

    @contextmanager
    def exclusive(self) -> Iterator[_LockedRow]:
        """The stored grant, on a connection of its own, while all other processes wait."""
        row = _LockedRow(self._settings, self._partner, self._client)
        try:
            yield row
        finally:
            row.close()


class _LockedRow:
    """The row `<PARTNER>_GRANT` within the transaction that holds it."""

    def __init__(self, settings: Settings, partner: str, client: str) -> None:
        self._settings = settings
        self._name = f"{partner.upper()}_GRANT"
        self._login_name = f"{partner.upper()}_REFRESH_TOKEN"
        self._client = client
        self._begin()

    def close(self) -> None:
        """End the transaction; what was not saved stays as it was."""
        self._conn.close()

    def read(self) -> Grant:
        """The newest state: what is stored, or the owner's login where that is younger."""
        login = credential(self._settings, self._vault, self._login_name)
        self._descent = _fingerprint(login)
        self._stored = self._vault.get(self._name, for_update=True)
        state = json.loads(self._stored) if self._stored else {}
        if state.get("descends_from") != self._descent:
            self._token = login
            return Grant(login)
        self._token = state["refresh_token"]
        return Grant(
            refresh_token=self._token,
            # The login itself comes last: it is what is left when a partner has lost the others.
            older_tokens=(*state["older_tokens"], login),
            access_token=state["access_token"] if state["client"] == self._client else None,
            life_s=state["good_until"] - self._now(),
        )

    def save(self, grant: Grant) -> None:
        """Store the state that follows the one read, at once, even if the database was away."""
        for attempt in stamina.retry_context(
            on=(psycopg.OperationalError, DatabaseUnavailable),
            attempts=None,
            timeout=SAVE_TIMEOUT_S,
            wait_max=LONGEST_WAIT_S,
        ):
            with attempt:
                if self._conn.closed:
                    self._begin()
                    if self._vault.get(self._name, for_update=True) != self._stored:
                        return  # another process has gone on from here: its state is newer
                self._write(grant)

    def _begin(self) -> None:
        self._conn = connect(self._settings)
        # A server may be set to end transactions that wait, as this one does for the partner.
        self._conn.execute("set local idle_in_transaction_session_timeout = 0")
        # On the name, since the row may not exist yet.
        self._conn.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [self._name])
        self._vault = open_vault(self._conn, self._settings)

    def _write(self, grant: Grant) -> None:
        state = {
            "descends_from": self._descent,
            "client": self._client,
            "refresh_token": grant.refresh_token,
            "older_tokens": grant.older_tokens,
            "access_token": grant.access_token,
            "good_until": self._now() + grant.life_s,
        }
        is_rotated = grant.refresh_token != self._token
        action = "rotated" if is_rotated else "renewed"
        self._vault.set(self._name, json.dumps(state), action=action)
        self._conn.commit()

    def _now(self) -> float:
        """Seconds by the database's clock, the one that all processes share."""
        row = self._conn.execute("select extract(epoch from clock_timestamp())").fetchone()
        assert row is not None
        return float(row[0])


def _fingerprint(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()
