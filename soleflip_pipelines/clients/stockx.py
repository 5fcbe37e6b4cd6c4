"""StockX's public API v2 as this project reads it: pages and single documents.

Replies come out as the dictionaries that StockX sent; what they mean is staging's business, and
what to ask for is `ingestion/stockx.py`'s. Amounts are strings in major units, times ISO 8601 UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import quote

from soleflip_pipelines.clients.errors import PermanentPartnerError
from soleflip_pipelines.clients.http import PartnerHttp
from soleflip_pipelines.clients.oauth import LoginRefused, RefreshTokenSession, TokenStore
from soleflip_pipelines.clients.paging import Declare, Page, Warn, settled_pages

PARTNER = "StockX"
TOKEN_PATH = "/oauth/token"
AUDIENCE = "gateway.stockx.com"
SCOPE = "offline_access openid"
PAGE_SIZE = 100
SEARCH_HITS = 50
# A list may grow while it is read, but not without end.
MORE_PAGES = 10
GUIDE = "docs/connect-stockx.md"

Json = dict[str, Any]


@dataclass(frozen=True)
class AppCredentials:
    """The application's own credentials, as StockX's developer portal shows them."""

    api_key: str
    client_id: str
    client_secret: str


class StockXClient:
    """Reads StockX; safe to share between threads.

    Args:
        api: the HTTP client on the API's address (with `/v2`).
        auth: the HTTP client on the address in front of `TOKEN_PATH`.
        app: the application's credentials.
        tokens: where the refresh token lives.
    """

    def __init__(
        self, *, api: PartnerHttp, auth: PartnerHttp, app: AppCredentials, tokens: TokenStore
    ) -> None:
        """Nothing is sent before the first call."""
        self._api = api
        self._app = app
        self._session = RefreshTokenSession(
            http=auth,
            token_path=TOKEN_PATH,
            form={
                "client_id": app.client_id,
                "client_secret": app.client_secret,
                "audience": AUDIENCE,
            },
            tokens=tokens,
            partner="stockx",
            guide=GUIDE,
        )

    def active_order_pages(
        self, *, warn: Warn, declare: Declare = lambda _: None
    ) -> Iterator[list[Json]]:
        """Pages of the orders that are still under way.

        Args:
            warn: told when the list would not hold still; what was seen has been yielded.
            declare: told, at the end, how many there are according to StockX.
        """
        path = "/selling/orders/active"
        return self._settled_pages(path, "orders", "orderNumber", {}, warn, declare)

    def past_order_pages(
        self,
        *,
        created_from: date | None = None,
        created_to: date | None = None,
        warn: Warn,
        declare: Declare = lambda _: None,
    ) -> Iterator[list[Json]]:
        """Pages of the orders that have ended, created within days (UTC) if given."""
        params = _created(created_from, created_to)
        path = "/selling/orders/history"
        return self._settled_pages(path, "orders", "orderNumber", params, warn, declare)

    def past_order_count(self, *, created_to: date) -> int:
        """How many orders have ended that were created until a day (UTC)."""
        params = {**_created(None, created_to), "pageNumber": 1, "pageSize": 1}
        page = self._get("/selling/orders/history", params, lambda r: _is_page(r, "orders"))
        return int(page["count"])

    def listing_pages(self, *, warn: Warn) -> Iterator[list[Json]]:
        """Pages of the own listings."""
        return self._settled_pages(
            "/selling/listings", "listings", "listingId", {}, warn, lambda _: None
        )

    def listing(self, *, listing_id: str) -> Json:
        """One own listing, also one that its list leaves out."""
        return self._object(f"/selling/listings/{_part(listing_id)}")

    def order(self, *, order_number: str) -> Json:
        """One order with its payout and shipment."""
        return self._object(f"/selling/orders/{_part(order_number)}")

    def product(self, *, product_id: str) -> Json:
        """One product."""
        return self._object(f"/catalog/products/{_part(product_id)}")

    def variants(self, *, product_id: str) -> list[Json]:
        """All sizes of a product, with conversions and GTINs."""
        return self._objects(f"/catalog/products/{_part(product_id)}/variants", {})

    def search(self, *, query: str) -> list[Json]:
        """The products that StockX thinks nearest to a text, the nearest first."""
        params: dict[str, str | int] = {"query": query, "pageNumber": 1, "pageSize": SEARCH_HITS}
        page = self._get("/catalog/search", params, lambda r: _is_page(r, "products"))
        return [hit for hit in page["products"] if isinstance(hit, dict)]

    def variant_of_gtin(self, *, gtin: str) -> Json:
        """The variant that carries a GTIN."""
        return self._object(f"/catalog/products/variants/gtins/{_part(gtin)}")

    def market_data(self, *, product_id: str, currency_code: str) -> list[Json]:
        """The market of all sizes of a product at the moment of the call."""
        return self._objects(
            f"/catalog/products/{_part(product_id)}/market-data", {"currencyCode": currency_code}
        )

    def _settled_pages(
        self,
        path: str,
        items_key: str,
        id_key: str,
        params: Mapping[str, str | int],
        warn: Warn,
        declare: Declare,
    ) -> Iterator[list[Json]]:
        return settled_pages(
            lambda: self._pages(path, items_key, params),
            id_key=id_key,
            name=f"{PARTNER}: {path}",
            warn=warn,
            declare=declare,
        )

    def _pages(self, path: str, items_key: str, params: Mapping[str, str | int]) -> Iterator[Page]:
        number = 1
        while True:
            page = self._get(
                path,
                {**params, "pageNumber": number, "pageSize": PAGE_SIZE},
                lambda reply: _is_page(reply, items_key),
            )
            yield Page(page[items_key], page["count"])
            is_last = not page.get("hasNextPage") or not page[items_key]
            if is_last or number > page["count"] // PAGE_SIZE + MORE_PAGES:
                return
            number += 1

    def _object(self, path: str) -> Json:
        found: Json = self._get(path, {}, _is_document)
        return found

    def _objects(self, path: str, params: Mapping[str, str | int]) -> list[Json]:
        found: list[Json] = self._get(path, params, _is_list_of_objects)
        return found

    def _get(
        self, path: str, params: Mapping[str, str | int], accept: Callable[[Any], bool]
    ) -> Any:
        try:
            return self._session.authorized(
                lambda token: self._get_with(token, path, params, accept)
            )
        except LoginRefused:
            raise
        except PermanentPartnerError as error:
            hint = f"the key was refused; check STOCKX_API_KEY; see {GUIDE}"
            raise error.with_hint(hint, {401, 403}) from None

    def _get_with(
        self,
        token: str,
        path: str,
        params: Mapping[str, str | int],
        accept: Callable[[Any], bool],
    ) -> Any:
        self._api.add_secret(token)
        return self._api.get_json(
            path=path,
            params=params,
            headers={"Authorization": f"Bearer {token}", "x-api-key": self._app.api_key},
            accept=accept,
        )


def _part(value: str) -> str:
    return quote(value, safe="")


def _created(since: date | None, until: date | None) -> dict[str, str | int]:
    days = {"fromDate": since, "toDate": until}
    return {name: day.isoformat() for name, day in days.items() if day is not None}


def _is_document(reply: Any) -> bool:
    """StockX can put an error into the body of a 200, too."""
    return isinstance(reply, dict) and "errorMessage" not in reply


def _is_page(reply: Any, items_key: str) -> bool:
    return (
        isinstance(reply, dict)
        and isinstance(reply.get(items_key), list)
        and isinstance(reply.get("count"), int)
        and (bool(reply[items_key]) or reply["count"] == 0 or reply.get("pageNumber", 1) != 1)
    )


def _is_list_of_objects(reply: Any) -> bool:
    return isinstance(reply, list) and all(isinstance(item, dict) for item in reply)
