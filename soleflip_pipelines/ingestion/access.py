"""Opens the partners' clients for a run: addresses, credentials, quota and token store.

This is where settings, vault and clients meet; the clients themselves know none of the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from soleflip_pipelines.clients.alias import AliasClient
from soleflip_pipelines.clients.awin import AwinClient
from soleflip_pipelines.clients.credentials import credential, is_connected
from soleflip_pipelines.clients.ebay import EbayClient
from soleflip_pipelines.clients.ecb import EcbClient
from soleflip_pipelines.clients.http import PartnerHttp
from soleflip_pipelines.clients.stockx import AppCredentials, StockXClient
from soleflip_pipelines.ingestion.quota import QuotaGate
from soleflip_pipelines.ingestion.token_store import VaultTokenStore
from soleflip_pipelines.ingestion.write_audit import WriteAudit
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.connection import connect
from soleflip_pipelines.warehouse.vault import open_vault

# eBay's own limit on the Fulfillment API; it sets no pace.
EBAY_DAILY_QUOTA = 100_000


def partner_is_connected(settings: Settings, partner: str) -> bool:
    """Whether a partner has credentials, in the settings or the vault; see `is_connected`."""
    with closing(connect(settings, role="loader", autocommit=True)) as conn:
        return is_connected(settings, open_vault(conn, settings), partner)


@contextmanager
def open_stockx(settings: Settings) -> Iterator[StockXClient]:
    """A StockX client whose calls are paced and counted.

    Raises:
        MissingCredential: before anything is sent.
    """
    with closing(connect(settings, role="loader", autocommit=True)) as conn:
        vault = open_vault(conn, settings)
        app = AppCredentials(
            api_key=credential(settings, vault, "STOCKX_API_KEY"),
            client_id=credential(settings, vault, "STOCKX_CLIENT_ID"),
            client_secret=credential(settings, vault, "STOCKX_CLIENT_SECRET"),
        )
        credential(settings, vault, "STOCKX_REFRESH_TOKEN")
        gate = QuotaGate(
            conn,
            partner="stockx",
            daily_quota=settings.stockx_daily_quota,
            min_interval_s=settings.stockx_min_interval_s,
        )
        secrets, audit = (app.api_key, app.client_secret), WriteAudit(conn, "stockx")
        api = PartnerHttp(
            partner="StockX",
            base_url=settings.stockx_api_url,
            secrets=secrets,
            before_call=gate,
            audit=audit,
        )
        auth = PartnerHttp(
            partner="StockX", base_url=settings.stockx_auth_url, secrets=secrets, audit=audit
        )
        with closing(api), closing(auth), closing(gate):
            client = (app.client_id, app.client_secret, settings.stockx_auth_url)
            tokens = VaultTokenStore(settings, "stockx", client)
            yield StockXClient(api=api, auth=auth, app=app, tokens=tokens)


@contextmanager
def open_awin(settings: Settings) -> Iterator[AwinClient]:
    """An Awin client.

    Raises:
        MissingCredential: before anything is sent.
    """
    with closing(connect(settings, role="loader", autocommit=True)) as conn:
        key = credential(settings, open_vault(conn, settings), "AWIN_API_KEY")
    with closing(PartnerHttp(partner="Awin", base_url=settings.awin_base_url)) as http:
        yield AwinClient(http=http, api_key=key)


@contextmanager
def open_ecb(settings: Settings) -> Iterator[EcbClient]:
    """A client of the European Central Bank, which asks for no key."""
    with closing(PartnerHttp(partner="ECB", base_url=settings.ecb_base_url)) as http:
        yield EcbClient(http=http)


@contextmanager
def open_ebay(settings: Settings) -> Iterator[EbayClient]:
    """An eBay client whose calls are counted.

    Raises:
        MissingCredential: before anything is sent.
    """
    with closing(connect(settings, role="loader", autocommit=True)) as conn:
        vault = open_vault(conn, settings)
        client_id = credential(settings, vault, "EBAY_CLIENT_ID")
        client_secret = credential(settings, vault, "EBAY_CLIENT_SECRET")
        credential(settings, vault, "EBAY_REFRESH_TOKEN")
        gate = QuotaGate(conn, partner="ebay", daily_quota=EBAY_DAILY_QUOTA, min_interval_s=0)
        url, secrets = settings.ebay_api_url, (client_secret,)
        audit = WriteAudit(conn, "ebay")
        api = PartnerHttp(
            partner="eBay", base_url=url, secrets=secrets, before_call=gate, audit=audit
        )
        auth = PartnerHttp(partner="eBay", base_url=url, secrets=secrets, audit=audit)
        with closing(api), closing(auth), closing(gate):
            tokens = VaultTokenStore(settings, "ebay", (client_id, client_secret, url))
            yield EbayClient(
                api=api,
                auth=auth,
                client_id=client_id,
                client_secret=client_secret,
                tokens=tokens,
            )


@contextmanager
def open_alias(settings: Settings) -> Iterator[AliasClient]:
    """An Alias client; Alias names no quota, so only its own refusals slow it down.

    Raises:
        MissingCredential: before anything is sent.
    """
    with closing(connect(settings, role="loader", autocommit=True)) as conn:
        token = credential(settings, open_vault(conn, settings), "ALIAS_TOKEN")
    with closing(PartnerHttp(partner="Alias", base_url=settings.alias_api_url)) as http:
        yield AliasClient(api=http, token=token)
