"""Products, variants and the market: the named are fetched once, the old observed anew."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from soleflip_pipelines.ingestion import stockx
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.loader import (
    BatchResult,
    BatchSource,
    RawTable,
    Record,
    load_batch,
)

pytestmark = [pytest.mark.integration, pytest.mark.api, pytest.mark.usefixtures("no_waiting")]

ORDERS = RawTable("raw_stockx", "orders", ("order_number",))


class Catalogue:
    """Products with two sizes each, and a market, on the scripted server."""

    def __init__(self, partner: Any) -> None:
        self.partner = partner
        self.ask: str | None = "150"
        self.unknown: set[str] = set()
        partner.answer = self.answer

    def answer(self, call: Any) -> Any:
        reply = self.partner.reply
        if call.path == "/auth/oauth/token":
            return reply(body={"access_token": "access", "expires_in": 43_200})
        _, product_id, *rest = call.path.removeprefix("/v2/catalog").split("/")[1:]
        if product_id in self.unknown:
            return reply(404, {"message": "Resource not found"})
        ids = [{"productId": product_id, "variantId": f"{product_id}-{n}"} for n in (1, 2)]
        if not rest:
            return reply(body={"productId": product_id, "title": "Shoe"})
        if rest == ["variants"]:
            return reply(body=[] if product_id == "bare" else ids)
        market = {"currencyCode": call.query["currencyCode"], "lowestAskAmount": self.ask}
        return reply(body=[{**each, **market, "highestBidAmount": None} for each in ids])

    def asked(self) -> list[str]:
        """What was asked for since the last look, without logins."""
        found = [c.path for c in self.partner.calls if c.path.startswith("/v2/catalog")]
        self.partner.calls.clear()
        return found


@pytest.fixture
def catalogue(partner: Any) -> Catalogue:
    return Catalogue(partner)


def sell(conn: psycopg.Connection, product_id: str, day: str = "2026-06-01") -> None:
    payload = {"createdAt": f"{day}T10:00:00.000Z", "product": {"productId": product_id}}
    load_batch(conn, ORDERS, [Record((product_id,), payload)], BatchSource("stockx", "api"))


def read(results: list[BatchResult]) -> int:
    return sum(result.read for result in results)


def test_named_products_and_their_variants_are_fetched_once(
    catalogue: Catalogue, partner_settings: Settings, conn: psycopg.Connection
) -> None:
    sell(conn, "p1")
    sell(conn, "p2")
    assert read(stockx.sync_products(partner_settings, conn, log=str)) == 2
    assert read(stockx.sync_variants(partner_settings, conn, log=str)) == 4
    assert len(catalogue.asked()) == 4
    assert stockx.sync_products(partner_settings, conn, log=str) == []
    assert stockx.sync_variants(partner_settings, conn, log=str) == []
    sell(conn, "p3")
    stockx.sync_products(partner_settings, conn, log=str)
    assert catalogue.asked() == ["/v2/catalog/products/p3"]


def test_a_product_that_is_gone_is_noted_and_not_asked_for_each_night(
    catalogue: Catalogue, partner_settings: Settings, conn: psycopg.Connection
) -> None:
    for product_id in ("gone", "bare", "p1"):
        sell(conn, product_id)
    catalogue.unknown = {"gone"}
    stockx.sync_products(partner_settings, conn, log=str)
    stockx.sync_variants(partner_settings, conn, log=str)
    rejected = conn.execute(
        "select asset, position, reason_code from integration.rejected_rows order by 1"
    ).fetchall()
    assert rejected == [
        ("raw_stockx.products", "gone", "not_found"),
        ("raw_stockx.variants", "bare", "no_variants"),
    ]
    catalogue.asked()
    stockx.sync_products(partner_settings, conn, log=str)
    stockx.sync_variants(partner_settings, conn, log=str)
    assert catalogue.asked() == []


def test_the_market_is_observed_again_only_when_the_last_look_is_old(
    catalogue: Catalogue, partner_settings: Settings, conn: psycopg.Connection
) -> None:
    sell(conn, "p1")
    sell(conn, "old", day="2026-01-01")
    stockx.sync_products(partner_settings, conn, log=str)
    catalogue.asked()
    stockx.sync_market_data(partner_settings, conn, log=str)
    assert catalogue.asked() == ["/v2/catalog/products/p1/market-data"]
    stockx.sync_market_data(partner_settings, conn, log=str)
    assert catalogue.asked() == []
    catalogue.ask = None
    stockx.sync_market_data(partner_settings, conn, log=str, max_age_hours=0)
    seen = conn.execute(
        "select partner_variant_id, lowest_ask::text, source_call"
        " from history.market_observation order by observed_at, 1"
    ).fetchall()
    assert seen == [
        ("p1-1", "150.00", "product"),
        ("p1-2", "150.00", "product"),
        ("p1-1", None, "product"),
        ("p1-2", None, "product"),
    ]
    assert conn.execute("select count(*) from raw_stockx.market_data").fetchone() == (2,)


def test_a_matched_purchase_makes_its_product_worth_observing(
    catalogue: Catalogue, partner_settings: Settings, conn: psycopg.Connection
) -> None:
    sell(conn, "old", day="2026-01-01")
    stockx.sync_products(partner_settings, conn, log=str)
    conn.execute(
        "insert into enrichment.purchase_match"
        " (line_key, platform, partner_product_id, match_method, match_score)"
        " values ('k', 'stockx', 'old', 'style', 1)"
    )
    conn.commit()
    stockx.sync_market_data(partner_settings, conn, log=str)
    assert "/v2/catalog/products/old/market-data" in catalogue.asked()


def test_a_garbled_amount_is_quarantined_not_observed(
    catalogue: Catalogue, partner_settings: Settings, conn: psycopg.Connection
) -> None:
    sell(conn, "p1")
    stockx.sync_products(partner_settings, conn, log=str)
    catalogue.ask = "plenty"
    (result,) = stockx.sync_market_data(partner_settings, conn, log=str)
    assert (result.read, result.rejected) == (2, 2)
    assert conn.execute("select count(*) from history.market_observation").fetchone() == (0,)
