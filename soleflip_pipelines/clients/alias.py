"""The Alias (GOAT) selling API v1 as this project reads it: orders, listings, and the token's test.

Replies come out as the dictionaries that Alias sent; what they mean is staging's business. Amounts
are US cents, as numbers or as text; times ISO 8601 UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

from soleflip_pipelines.clients.errors import PermanentPartnerError
from soleflip_pipelines.clients.http import PartnerHttp
from soleflip_pipelines.clients.paging import Warn

PARTNER = "Alias"
PAGE_SIZE = 50
MAX_STALE_PAGES = 3
GUIDE = "docs/connect-alias.md"

Json = dict[str, Any]


class AliasClient:
    """Reads a seller's orders and listings; safe to share between threads.

    Args:
        api: the HTTP client on the API's address (with `/api/v1`).
        token: the personal access token.
    """

    def __init__(self, *, api: PartnerHttp, token: str) -> None:
        """Nothing is sent before the first call."""
        api.add_secret(token)
        self._api = api
        self._headers = {"Authorization": f"Bearer {token}"}

    def test(self) -> bool:
        """Whether the token opens the account."""
        return bool(self._get("/test", {}, lambda reply: isinstance(reply, dict)).get("ok"))

    def order_pages(self, *, warn: Warn) -> Iterator[list[Json]]:
        """Pages of all orders.

        Args:
            warn: told when the list would not end; what was seen has been yielded.
        """
        return self._pages("/orders", warn)

    def listing_pages(self, *, warn: Warn) -> Iterator[list[Json]]:
        """Pages of all own listings; `warn` as above."""
        return self._pages("/listings", warn)

    def order(self, *, order_id: str) -> Json:
        """One order."""
        found: Json = self._get(
            f"/orders/{quote(order_id, safe='')}", {}, lambda reply: isinstance(reply, dict)
        )
        return found

    def _pages(self, path: str, warn: Warn) -> Iterator[list[Json]]:
        """The pages of a list, each asked for with the token that the one before it gave."""
        seen: set[object] = set()
        tokens: set[str] = set()
        stale = 0
        params: dict[str, str | int] = {"page_size": PAGE_SIZE}
        while True:
            reply = self._get(path, params, _is_page)
            known = len(seen)
            seen.update(item.get("id") for item in reply["results"] if isinstance(item, dict))
            yield reply["results"]
            token = reply["pagination"].get("next_page_token")
            if not token:
                return
            stale = stale + 1 if len(seen) == known else 0
            if token in tokens or stale == MAX_STALE_PAGES:
                warn(
                    f"{PARTNER}: {path} goes round in a circle after {len(seen):,} rows; "
                    "the next run reads it again"
                )
                return
            tokens.add(token)
            params = {**params, "pagination_token": token}

    def _get(self, path: str, params: dict[str, str | int], accept: Callable[[Any], bool]) -> Any:
        try:
            return self._api.get_json(
                path=path, params=params, headers=self._headers, accept=accept
            )
        except PermanentPartnerError as error:
            hint = f"the token was refused; check ALIAS_TOKEN; see {GUIDE}"
            raise error.with_hint(hint, {401, 403}) from None


def _is_page(reply: Any) -> bool:
    if not isinstance(reply, dict) or not isinstance(reply.get("results"), list):
        return False
    pagination = reply.get("pagination")
    return isinstance(pagination, dict) and isinstance(pagination.get("next_page_token") or "", str)
