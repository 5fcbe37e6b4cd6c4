"""eBay's Sell Fulfillment API v1 as this project reads it: orders by window, and single orders.

Replies come out as the dictionaries that eBay sent; what they mean is staging's business. Amounts
are `{"value": "12.34", "currency": "EUR"}` in major units, times ISO 8601 UTC.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from soleflip_pipelines.clients.errors import PermanentPartnerError
from soleflip_pipelines.clients.http import PartnerHttp
from soleflip_pipelines.clients.oauth import (
    LoginRefused,
    RefreshTokenSession,
    TokenStore,
    basic_authorization,
)
from soleflip_pipelines.clients.paging import Declare, Page, Warn, settled_pages

PARTNER = "eBay"
TOKEN_PATH = "/identity/v1/oauth2/token"
SCOPE = "https://api.ebay.com/oauth/api_scope/sell.fulfillment.readonly"
ORDERS_PATH = "/sell/fulfillment/v1/order"
PAGE_SIZE = 200
GUIDE = "docs/connect-ebay.md"

LOGGER = logging.getLogger(__name__)

Json = dict[str, Any]


class EbayClient:
    """Reads a seller's orders; safe to share between threads.

    Args:
        api: the HTTP client on eBay's API host, whose calls are counted.
        auth: another one on the same host, for the token endpoint.
        client_id: the application's id, as eBay's developer portal shows it.
        client_secret: the application's secret.
        tokens: where the refresh token lives.
    """

    def __init__(
        self,
        *,
        api: PartnerHttp,
        auth: PartnerHttp,
        client_id: str,
        client_secret: str,
        tokens: TokenStore,
    ) -> None:
        """Nothing is sent before the first call."""
        self._api = api
        self._session = RefreshTokenSession(
            http=auth,
            token_path=TOKEN_PATH,
            form={"scope": SCOPE},
            headers=basic_authorization(client_id, client_secret),
            tokens=tokens,
            partner="ebay",
            guide=GUIDE,
        )

    def created_order_pages(
        self, *, created_from: datetime, created_to: datetime | None, warn: Warn, declare: Declare
    ) -> Iterator[list[Json]]:
        """Pages of the orders created in a window.

        Args:
            created_from: its first moment, at most two years ago.
            created_to: its last moment, or None for no end.
            warn: told when the list would not hold still; what was seen has been yielded.
            declare: told, at the end, how many there are according to eBay.
        """
        return self._settled_pages("creationdate", created_from, created_to, warn, declare)

    def modified_order_pages(
        self, *, modified_from: datetime, modified_to: datetime | None, warn: Warn, declare: Declare
    ) -> Iterator[list[Json]]:
        """Pages of the orders last modified in a window; arguments as above."""
        return self._settled_pages("lastmodifieddate", modified_from, modified_to, warn, declare)

    def order(self, *, order_id: str) -> Json:
        """One order; it alone tells who asked for a cancellation and why."""
        found: Json = self._get(
            f"{ORDERS_PATH}/{quote(order_id, safe='')}", {}, lambda reply: isinstance(reply, dict)
        )
        return found

    def account(self) -> tuple[str | None, int]:
        """The seller's id, where an order names it, and how many orders the last 90 days hold."""
        reply = self._get(ORDERS_PATH, {"limit": 1}, lambda reply: _is_page(reply, 0))
        orders = reply.get("orders") or [{}]
        return orders[0].get("sellerId"), int(reply["total"])

    def _settled_pages(
        self, field: str, start: datetime, end: datetime | None, warn: Warn, declare: Declare
    ) -> Iterator[list[Json]]:
        window = f"{field}:[{_moment(start)}..{_moment(end) if end else ''}]"
        return settled_pages(
            lambda: self._pages(window),
            id_key="orderId",
            name=f"{PARTNER}: the list of orders with {window}",
            warn=warn,
            declare=declare,
        )

    def _pages(self, window: str) -> Iterator[Page]:
        """One reading of a window; each page begins with the row that the last one ended with.

        So a page that does not join is seen even if another order came for one that left.
        """
        offset = 0
        border: object = None
        while True:
            reply = self._page(window, offset)
            orders = reply.get("orders") or []
            joins = border is None or _id(orders[:1]) == border
            items = orders[1:] if border is not None and joins else orders
            yield Page(items, reply["total"], joins)
            is_last = not reply.get("next") or not items
            # A list that goes on after as many rows as it has would never end.
            if is_last or offset > reply["total"]:
                return
            border = _id(orders[-1:])
            offset += len(orders) - (border is not None)

    def _page(self, window: str, offset: int) -> Json:
        reply: Json = self._get(
            ORDERS_PATH,
            {"filter": window, "limit": PAGE_SIZE, "offset": offset},
            lambda reply: _is_page(reply, offset),
        )
        for warning in reply.get("warnings") or ():
            LOGGER.warning("%s warns about its orders: %s", PARTNER, warning)
        return reply

    def _get(self, path: str, params: dict[str, str | int], accept: Callable[[Any], bool]) -> Any:
        def send(token: str) -> Any:
            self._api.add_secret(token)
            headers = {"Authorization": f"Bearer {token}"}
            return self._api.get_json(path=path, params=params, headers=headers, accept=accept)

        try:
            return self._session.authorized(send)
        except LoginRefused:
            raise
        except PermanentPartnerError as error:
            hint = "the login does not allow it; log in again with `soleflip connect ebay`"
            raise error.with_hint(f"{hint}; see {GUIDE}", {401, 403}) from None


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _id(orders: list[Any]) -> object:
    """The id of the only order of a list, if it has one."""
    return orders[0].get("orderId") if orders and isinstance(orders[0], dict) else None


def _is_page(reply: Any, offset: int) -> bool:
    """A page that is empty before the list's end is none."""
    return (
        isinstance(reply, dict)
        and isinstance(reply.get("total"), int)
        and isinstance(reply.get("orders") or [], list)
        and (bool(reply.get("orders")) or reply["total"] <= offset)
    )
