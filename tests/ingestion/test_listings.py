"""Own listings: one that leaves the list without a word does not stay active for ever."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from soleflip_pipelines.ingestion import stockx
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.loader import BatchResult

pytestmark = [pytest.mark.integration, pytest.mark.api, pytest.mark.usefixtures("no_waiting")]


class Shop:
    """A seller's listings on the scripted server."""

    def __init__(self, partner: Any) -> None:
        self.partner = partner
        self.listed: dict[str, str] = {}
        self.single: dict[str, str] = {}
        partner.answer = self.answer

    def answer(self, call: Any) -> Any:
        reply = self.partner.reply
        if call.path == "/auth/oauth/token":
            return reply(body={"access_token": "access", "expires_in": 43_200})
        if call.path == "/v2/selling/listings":
            found = [{"listingId": name, "status": s} for name, s in self.listed.items()]
            return reply(body={"count": len(found), "pageNumber": 1, "listings": found})
        name = call.path.removeprefix("/v2/selling/listings/")
        if name not in self.single:
            return reply(404, {"message": "Resource not found"})
        return reply(body={"listingId": name, "status": self.single[name], "payout": None})

    def asked(self) -> list[str]:
        """The listings asked for one by one since the last look."""
        paths = [call.path for call in self.partner.calls]
        self.partner.calls.clear()
        prefix = "/v2/selling/listings/"
        return [path.removeprefix(prefix) for path in paths if path.startswith(prefix)]


def sync(settings: Settings, conn: psycopg.Connection) -> tuple[int, int, int]:
    results: list[BatchResult] = stockx.sync_listings(settings, conn, log=str)
    inserted, updated, rejected = (
        sum(getattr(result, name) for result in results)
        for name in ("inserted", "updated", "rejected")
    )
    return inserted, updated, rejected


def statuses(conn: psycopg.Connection) -> dict[str, str]:
    rows = conn.execute("select listing_id, payload ->> 'status' from raw_stockx.listings")
    return dict(rows.fetchall())


def test_a_listing_that_left_the_list_is_asked_for_until_it_is_known_what_became_of_it(
    partner: Any, partner_settings: Settings, conn: psycopg.Connection
) -> None:
    shop = Shop(partner)
    shop.listed = {"kept": "ACTIVE", "expired": "ACTIVE", "gone": "ACTIVE", "old": "COMPLETED"}
    assert sync(partner_settings, conn) == (4, 0, 0)
    assert shop.asked() == []
    shop.listed = {"kept": "ACTIVE"}
    shop.single = {"expired": "INACTIVE"}
    assert sync(partner_settings, conn) == (0, 2, 0)
    assert sorted(shop.asked()) == ["expired", "gone"]
    assert statuses(conn)["expired"] == "INACTIVE"
    assert statuses(conn)["gone"] == "DELETED"
    assert sync(partner_settings, conn) == (0, 0, 0)
    assert shop.asked() == []


def test_a_listing_that_comes_back_is_taken_as_it_is(
    partner: Any, partner_settings: Settings, conn: psycopg.Connection
) -> None:
    shop = Shop(partner)
    shop.listed = {"a": "ACTIVE"}
    sync(partner_settings, conn)
    shop.listed, shop.single = {}, {"a": "INACTIVE"}
    sync(partner_settings, conn)
    shop.listed = {"a": "ACTIVE"}
    assert sync(partner_settings, conn) == (0, 1, 0)
    assert statuses(conn) == {"a": "ACTIVE"}
