"""Opens the partners' clients for a run: addresses, credentials, quota and the token's home.

This is where settings, vault and clients meet; the clients themselves know none of the others.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg

from soleflip_pipelines.clients.awin import AwinClient
from soleflip_pipelines.clients.credentials import credential
from soleflip_pipelines.clients.ecb import EcbClient
from soleflip_pipelines.clients.http import PartnerHttp
from soleflip_pipelines.clients.stockx import AppCredentials, StockXClient
from soleflip_pipelines.ingestion.quota import QuotaGate
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.connection import connect
from soleflip_pipelines.warehouse.vault import Vault, fernet_keys

TOKEN = "STOCKX_REFRESH_TOKEN"
ROTATED_TOKEN = "STOCKX_REFRESH_TOKEN_ROTATED"


class VaultTokenStore:
    """StockX's refresh token: the owner's, or the one that StockX put in its place since.

    A rotated token is kept beside the fingerprint of the token it descends from, so that a login
    of the owner's made later wins over it.
    """

    def __init__(self, settings: Settings, vault: Vault, conn: psycopg.Connection) -> None:
        """The connection must be in autocommit mode; it carries the lock between processes."""
        self._settings = settings
        self._vault = vault
        self._conn = conn

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other processes from refreshing meanwhile."""
        key = "stockx refresh token"
        self._conn.execute("select pg_advisory_lock(hashtextextended(%s, 0))", [key])
        try:
            yield
        finally:
            self._conn.execute("select pg_advisory_unlock(hashtextextended(%s, 0))", [key])

    def refresh_token(self) -> str:
        """The token to use now."""
        seed = credential(self._settings, self._vault, TOKEN)
        stored = self._vault.get(ROTATED_TOKEN)
        rotated = json.loads(stored) if stored else {}
        if rotated.get("descends_from") == _fingerprint(seed):
            return str(rotated["token"])
        return seed

    def save_rotated(self, token: str) -> None:
        """Keep the token that replaces the present one."""
        seed = credential(self._settings, self._vault, TOKEN)
        value = {"token": token, "descends_from": _fingerprint(seed)}
        self._vault.set(ROTATED_TOKEN, json.dumps(value))


@contextmanager
def open_stockx(settings: Settings) -> Iterator[StockXClient]:
    """A StockX client whose calls are paced and counted.

    Raises:
        MissingCredential: before anything is sent.
    """
    with closing(connect(settings, role="loader", autocommit=True)) as conn:
        vault = Vault(conn, fernet_keys(settings))
        app = AppCredentials(
            api_key=credential(settings, vault, "STOCKX_API_KEY"),
            client_id=credential(settings, vault, "STOCKX_CLIENT_ID"),
            client_secret=credential(settings, vault, "STOCKX_CLIENT_SECRET"),
        )
        credential(settings, vault, TOKEN)
        gate = QuotaGate(
            conn,
            partner="stockx",
            daily_quota=settings.stockx_daily_quota,
            min_interval_s=settings.stockx_min_interval_s,
        )
        secrets = (app.api_key, app.client_secret)
        api = PartnerHttp(
            partner="StockX",
            base_url=settings.stockx_api_url,
            secrets=secrets,
            before_call=gate,
        )
        auth = PartnerHttp(partner="StockX", base_url=settings.stockx_auth_url, secrets=secrets)
        with closing(api), closing(auth), closing(gate):
            store = VaultTokenStore(settings, vault, conn)
            yield StockXClient(api=api, auth=auth, app=app, tokens=store)


@contextmanager
def open_awin(settings: Settings) -> Iterator[AwinClient]:
    """An Awin client.

    Raises:
        MissingCredential: before anything is sent.
    """
    with closing(connect(settings, role="loader", autocommit=True)) as conn:
        key = credential(settings, Vault(conn, fernet_keys(settings)), "AWIN_API_KEY")
    with closing(PartnerHttp(partner="Awin", base_url=settings.awin_base_url)) as http:
        yield AwinClient(http=http, api_key=key)


@contextmanager
def open_ecb(settings: Settings) -> Iterator[EcbClient]:
    """A client of the European Central Bank, which asks for no key."""
    with closing(PartnerHttp(partner="ECB", base_url=settings.ecb_base_url)) as http:
        yield EcbClient(http=http)


def _fingerprint(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
