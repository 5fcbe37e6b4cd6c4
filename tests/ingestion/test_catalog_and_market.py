"""Products, variants and the market: the named are fetched once, the old observed anew."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from soleflip_pipelines.ingestion import stockx
from soleflip_pipelines.ingestion.market_plan import market_state
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.connection import connect
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
        self.styles: dict[str, str] = {}
        self.sizes = (1, 2)
        self.gtins: dict[str, str] = {}
        partner.answer = self.answer

    def answer(self, call: Any) -> Any:
        reply = self.partner.reply
        if call.path == "/auth/oauth/token":
            return reply(body={"access_token": "access", "expires_in": 43_200})
        if call.path == "/v2/catalog/search":
            near = call.query["query"][:6]
            ids = [name for name, style in self.styles.items() if style.startswith(near)]
            hits = [{"productId": name, "styleId": self.styles[name]} for name in ids]
            return reply(body={"count": len(hits), "pageNumber": 1, "products": hits})
        _, product_id, *rest = call.path.removeprefix("/v2/catalog").split("/")[1:]
        if product_id == "variants":
            found = self.gtins.get(rest[1])
            body = {"productId": found} if found else {"message": "Resource not found"}
            return reply(200 if found else 404, body)
        if product_id in self.unknown:
            return reply(404, {"message": "Resource not found"})
        codes = [{"identifier": gtin} for gtin, name in self.gtins.items() if name == product_id]
        ids = [
            {"productId": product_id, "variantId": f"{product_id}-{n}", "gtins": codes}
            for n in self.sizes
        ]
        if not rest:
            style = self.styles.get(product_id)
            return reply(body={"productId": product_id, "title": "Shoe", "styleId": style})
        if rest == ["variants"]:
            return reply(body=[] if product_id == "bare" else ids)
        market = {"currencyCode": call.query["currencyCode"], "lowestAskAmount": self.ask}
        return reply(body=[{**each, **market, "highestBidAmount": None} for each in ids])

    def asked(self) -> list[str]:
        """What was asked for since the last look, without logins."""
        paths = [call.path for call in self.partner.calls]
        found = [p.removeprefix("/v2/catalog") for p in paths if p.startswith("/v2/catalog")]
        self.partner.calls.clear()
        return found


@pytest.fixture
def catalogue(partner: Any) -> Catalogue:
    return Catalogue(partner)


def sell(
    conn: psycopg.Connection, product_id: str, day: str = "2026-06-01", variant_id: str = ""
) -> None:
    payload = {
        "createdAt": f"{day}T10:00:00.000Z",
        "product": {"productId": product_id},
        "variant": {"variantId": variant_id},
    }
    order = Record((f"{product_id} {variant_id}",), payload)
    load_batch(conn, ORDERS, [order], BatchSource("stockx", "api"))


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
    assert catalogue.asked() == ["/products/p3"]


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


def test_a_size_that_came_later_is_fetched_when_an_order_names_it(
    catalogue: Catalogue, partner_settings: Settings, conn: psycopg.Connection
) -> None:
    sell(conn, "p1", variant_id="p1-1")
    stockx.sync_products(partner_settings, conn, log=str)
    stockx.sync_variants(partner_settings, conn, log=str)
    sell(conn, "p1", variant_id="p1-3")
    catalogue.asked()
    catalogue.sizes = (1, 2, 3)
    (result,) = stockx.sync_variants(partner_settings, conn, log=str)
    assert (result.inserted, result.unchanged, result.rejected) == (1, 2, 0)
    sell(conn, "p1", variant_id="gone")
    (result,) = stockx.sync_variants(partner_settings, conn, log=str)
    assert (result.unchanged, result.rejected) == (3, 1)
    assert len(catalogue.asked()) == 2
    assert stockx.sync_variants(partner_settings, conn, log=str) == []
    assert catalogue.asked() == []


def test_the_market_is_observed_again_only_when_the_last_look_is_old(
    catalogue: Catalogue, partner_settings: Settings, conn: psycopg.Connection
) -> None:
    sell(conn, "p1")
    sell(conn, "old", day="2026-01-01")
    stockx.sync_products(partner_settings, conn, log=str)
    catalogue.asked()
    stockx.sync_market_data(partner_settings, conn, log=str)
    assert catalogue.asked() == ["/products/p1/market-data"]
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
    assert "/products/old/market-data" in catalogue.asked()


def test_a_garbled_amount_is_quarantined_not_observed(
    catalogue: Catalogue, partner_settings: Settings, conn: psycopg.Connection
) -> None:
    sell(conn, "p1")
    stockx.sync_products(partner_settings, conn, log=str)
    catalogue.ask = "plenty"
    (result,) = stockx.sync_market_data(partner_settings, conn, log=str)
    assert (result.read, result.rejected) == (2, 2)
    assert conn.execute("select count(*) from history.market_observation").fetchone() == (0,)


def buy(conn: psycopg.Connection, *style_codes: str) -> None:
    table = RawTable("raw_csv", "purchases", ("line_key",))
    rows = [Record((code,), {"style_code": code}) for code in style_codes]
    load_batch(conn, table, rows, BatchSource("csv", "api"))


def known(conn: psycopg.Connection) -> set[str]:
    return {row[0] for row in conn.execute("select product_id from raw_stockx.products")}


def test_a_bought_style_code_is_searched_for_and_a_miss_is_not_repeated(
    catalogue: Catalogue, partner_settings: Settings, conn: psycopg.Connection
) -> None:
    catalogue.styles = {"p-dunk": "DV0982-100", "p-near": "DV0982-101", "p-sold": "FZ1234-001"}
    sell(conn, "p-sold")
    stockx.sync_products(partner_settings, conn, log=str)
    catalogue.asked()
    buy(conn, "dv0982 100", "FZ1234001", "ZZ9999-999", "n/a", "")
    assert read(stockx.find_products(partner_settings, conn, log=str)) == 1
    assert sorted(catalogue.asked()) == ["/products/p-dunk", "/search", "/search"]
    assert known(conn) == {"p-sold", "p-dunk"}
    assert stockx.find_products(partner_settings, conn, log=str) == []
    conn.execute(
        "update integration.product_search set searched_at = searched_at - interval '31 days'"
    )
    stockx.find_products(partner_settings, conn, log=str)
    assert catalogue.asked() == ["/search"]


def test_a_product_list_is_found_by_gtin(
    catalogue: Catalogue, partner_settings: Settings, conn: psycopg.Connection
) -> None:
    catalogue.gtins = {"195000000017": "p1"}
    table = RawTable("raw_csv", "products", ("product_key",))
    rows = [Record((gtin,), {"gtin": gtin}) for gtin in ("195000000017", "4006381333931", "12")]
    load_batch(conn, table, rows, BatchSource("csv", "api"))
    stockx.find_products(partner_settings, conn, log=str)
    assert known(conn) == {"p1"}
    stockx.sync_variants(partner_settings, conn, log=str)
    catalogue.asked()
    assert stockx.find_products(partner_settings, conn, log=str) == []
    assert catalogue.asked() == []


def watch(conn: psycopg.Connection, **values: str) -> None:
    names = ", ".join(values)
    places = ", ".join(["%s"] * len(values))
    conn.execute(
        f"insert into owner.watch_item ({names}) values ({places})",
        list(values.values()),
    )
    conn.commit()


def plan(conn: psycopg.Connection) -> list[tuple[str, str, str]]:
    rows = conn.execute(
        "select partner_product_id, value_class, decision from integration.fetch_plan order by 1"
    ).fetchall()
    conn.commit()
    return rows


def test_the_watch_list_is_followed(
    catalogue: Catalogue, partner_settings: Settings, conn: psycopg.Connection
) -> None:
    catalogue.styles = {"p-dunk": "DV0982-100", "p-old": "AA1111-111"}
    watch(conn, partner_product_id="p-old", note="for spring")
    watch(conn, style_code="DV0982 100")
    stockx.sync_products(partner_settings, conn, log=str)
    stockx.find_products(partner_settings, conn, log=str)
    stockx.sync_market_data(partner_settings, conn, log=str)
    expected = [("p-dunk", "watched", "fresh"), ("p-old", "watched", "fresh")]
    assert plan(conn) == expected
    conn.execute("delete from owner.watch_item where partner_product_id = 'p-old'")
    stockx.sync_market_data(partner_settings, conn, log=str)
    assert plan(conn) == [expected[0], ("p-old", "watched", "dropped")]


def test_what_the_quota_leaves_goes_to_what_matters_most_and_the_rest_is_first_tomorrow(
    catalogue: Catalogue, partner_settings: Settings, conn: psycopg.Connection
) -> None:
    for number in range(4):
        sell(conn, f"sold-{number}")
        watch(conn, partner_product_id=f"watched-{number}")
    load_batch(
        conn,
        RawTable("raw_stockx", "listings", ("listing_id",)),
        [Record(("l",), {"status": "ACTIVE", "product": {"productId": "sold-3"}})],
        BatchSource("stockx", "api"),
    )
    stockx.sync_products(partner_settings, conn, log=str)
    catalogue.asked()
    # Eight calls are made; of fourteen one is kept in reserve for orders.
    scant = partner_settings.model_copy(update={"stockx_daily_quota": 14})
    lines: list[str] = []
    stockx.sync_market_data(scant, conn, log=lines.append)
    asked = [path.split("/")[2] for path in catalogue.asked()]
    assert sorted(asked) == ["sold-0", "sold-1", "sold-2", "sold-3", "watched-0"]
    assert lines[0] == "market data: 5 products to ask for, 3 left for tomorrow's quota"
    days = conn.execute(
        "select distinct decision, for_day - (now() at time zone 'UTC')::date"
        " from integration.fetch_plan order by 1"
    ).fetchall()
    assert days == [("deferred", 1), ("fresh", 0)]
    states = {state.value_class: state for state in market_state(conn)}
    assert [(n, s.products, s.never_seen) for n, s in states.items()] == [
        ("listed", 1, 0), ("sold", 3, 0), ("watched", 4, 3),
    ]  # fmt: skip
    assert [name for name, state in states.items() if state.is_stale] == ["watched"]
    conn.execute("update integration.quota_use set quota_day = quota_day - 1")
    tomorrow = partner_settings.model_copy(update={"stockx_daily_quota": 6})
    stockx.sync_market_data(tomorrow, conn, log=str, max_age_hours=0)
    asked = [path.split("/")[2] for path in catalogue.asked()]
    assert sorted(asked) == ["sold-0", "sold-1", "sold-2", "sold-3", "watched-1", "watched-2"]


def test_a_product_that_the_market_does_not_know_is_left_alone_for_a_week(
    catalogue: Catalogue, partner_settings: Settings, conn: psycopg.Connection
) -> None:
    sell(conn, "p1")
    stockx.sync_products(partner_settings, conn, log=str)
    catalogue.unknown = {"p1"}
    stockx.sync_market_data(partner_settings, conn, log=str)
    catalogue.asked()
    stockx.sync_market_data(partner_settings, conn, log=str)
    assert catalogue.asked() == []
    assert plan(conn) == [("p1", "sold", "refused")]
    assert market_state(conn) == []


def test_what_the_last_publication_has_in_stock_comes_before_what_was_bought_once(
    catalogue: Catalogue, partner_settings: Settings, conn: psycopg.Connection
) -> None:
    for name in ("kept", "sold-on", "listed"):
        watch(conn, partner_product_id=name)
    stockx.sync_products(partner_settings, conn, log=str)
    conn.execute("delete from owner.watch_item")
    conn.execute(
        "insert into enrichment.purchase_match"
        " (line_key, platform, partner_product_id, match_method, match_score)"
        " values ('k', 'stockx', 'kept', 'style', 1), ('s', 'stockx', 'sold-on', 'style', 1)"
    )
    conn.commit()
    stockx.sync_market_data(partner_settings, conn, log=str)
    assert plan(conn) == [("kept", "in_stock", "fresh"), ("sold-on", "in_stock", "fresh")]
    with connect(partner_settings, role="transformer") as publisher:
        publisher.execute("""
            create schema inventory;
            create schema catalog;
            create table catalog.product as select 1 as id, 'kept' as stockx_product_id;
            create table inventory.stock as
                select 1 as product_id, true as is_on_hand union all select null, true;
            grant usage on schema inventory, catalog to soleflip_loader;
            grant select on inventory.stock, catalog.product to soleflip_loader;
        """)
        publisher.commit()
    stockx.sync_market_data(partner_settings, conn, log=str)
    assert plan(conn) == [("kept", "in_stock", "fresh"), ("sold-on", "dormant", "fresh")]
    with connect(partner_settings, role="transformer") as publisher:
        # The marts are of an earlier version, whose column had another name.
        publisher.execute("alter table inventory.stock rename is_on_hand to is_here")
        publisher.commit()
    stockx.sync_market_data(partner_settings, conn, log=str)
    assert plan(conn) == [("kept", "in_stock", "fresh"), ("sold-on", "in_stock", "fresh")]


def test_a_known_product_is_read_again_within_a_month_with_calls_nobody_needs(
    catalogue: Catalogue, partner_settings: Settings, conn: psycopg.Connection
) -> None:
    for number in range(1, 46):
        sell(conn, f"p{number:02}")
    stockx.sync_products(partner_settings, conn, log=str)
    stockx.sync_variants(partner_settings, conn, log=str)
    catalogue.asked()
    assert stockx.sync_known_products(partner_settings, conn, log=str) == []
    conn.execute("update raw_stockx.products set first_seen_at = now() - interval '31 days'")
    conn.commit()
    catalogue.styles = {"p02": "NEW-1"}
    scant = partner_settings.model_copy(update={"stockx_daily_quota": 1})
    assert stockx.sync_known_products(scant, conn, log=str) == []
    results = stockx.sync_known_products(partner_settings, conn, log=str)
    assert sum(result.updated for result in results) == 1
    both = ["/products/p01", "/products/p01/variants", "/products/p02", "/products/p02/variants"]
    assert sorted(catalogue.asked()) == both
    assert stockx.sync_known_products(partner_settings, conn, log=str) == []
    conn.execute(
        'update integration.sync_state set cursor = cursor || \'{"day": "2026-01-01"}\''
        " where stream = 'raw_stockx.products/again'"
    )
    conn.commit()
    catalogue.unknown = {"p03"}
    stockx.sync_known_products(partner_settings, conn, log=str)
    # Several workers ask at once, in any order.
    asked = sorted(path for path in catalogue.asked() if path.count("/") == 2)
    assert asked == ["/products/p03", "/products/p04"]
    kept = conn.execute("select count(*) from raw_stockx.products").fetchone()
    assert kept == (45,)
