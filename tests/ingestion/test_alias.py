"""Alias's orders and listings into raw: whole lists by page tokens, each row once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from soleflip_pipelines.clients.alias import PAGE_SIZE
from soleflip_pipelines.clients.errors import PermanentPartnerError, TransientPartnerError
from soleflip_pipelines.ingestion.access import open_alias
from soleflip_pipelines.ingestion.alias import sync_alias_listings, sync_alias_orders
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.loader import BatchResult

pytestmark = [pytest.mark.integration, pytest.mark.api, pytest.mark.usefixtures("no_waiting")]


def order(name: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": name,
        "status": "ORDER_STATUS_COMPLETED",
        "catalog_sku": "DV0982 100",
        "size": 10.5,
        "price_cents": 22000,
        "price_cents_after_take": "20000",
        "purchase_order_number": f"1{name}",
        "sold_at": "2026-01-02T03:04:05Z",
        "updated_at": "2026-01-03T03:04:05Z",
        **fields,
    }


class Account:
    """A seller's account on the scripted server."""

    def __init__(self, partner: Any) -> None:
        self.partner = partner
        self.lists: dict[str, list[Any]] = {"/orders": [], "/listings": []}
        self.before: Callable[[Any], Any] = lambda _: None
        partner.answer = self.answer

    def answer(self, call: Any) -> Any:
        reply = self.partner.reply
        said = self.before(call)
        if said is not None:
            return said
        if call.headers.get("authorization") != "Bearer CANARY-alias-token":
            return reply(401, {"code": 16, "message": "unauthenticated", "details": []})
        path = call.path.removeprefix("/alias/api/v1")
        if path == "/test":
            return reply(body={"ok": True})
        if path in self.lists:
            return reply(body=self.page(self.lists[path], call.query))
        found = [o for o in self.lists["/orders"] if path == f"/orders/{o['id']}"]
        missing = {"code": 5, "message": "not found", "details": []}
        return reply(body=found[0]) if found else reply(404, missing)

    def page(self, rows: list[Any], query: dict[str, str]) -> dict[str, Any]:
        start = int(query.get("pagination_token", "p0")[1:])
        end = start + int(query["page_size"])
        token = f"p{end}" if end < len(rows) else ""
        return {"results": rows[start:end], "pagination": {"next_page_token": token}}


@pytest.fixture
def account(partner: Any) -> Account:
    return Account(partner)


@pytest.fixture
def connected(partner_settings: Settings, partner: Any) -> Settings:
    values = {
        "alias_api_url": f"{partner.url}/alias/api/v1",
        "alias_token": SecretStr("CANARY-alias-token"),
    }
    return partner_settings.model_copy(update=values)


def quiet(_: str) -> None:
    """A log that nobody reads."""


def sync(settings: Settings, conn: psycopg.Connection, log: Any = quiet) -> list[int]:
    return counts(sync_alias_orders(settings, conn, log=log))


def counts(results: list[BatchResult]) -> list[int]:
    names = ("inserted", "updated", "rejected")
    return [sum(getattr(result, name) for result in results) for name in names]


def stored(conn: psycopg.Connection) -> dict[str, Any]:
    return dict(conn.execute("select order_id, payload from raw_alias.orders").fetchall())


def test_all_pages_are_read_and_a_second_run_loads_nothing(
    account: Account, connected: Settings, conn: psycopg.Connection
) -> None:
    account.lists["/orders"] = [order(f"{number:03}") for number in range(2 * PAGE_SIZE + 7)]
    assert sync(connected, conn) == [107, 0, 0]
    asked = [call.query.get("pagination_token") for call in account.partner.calls]
    assert asked == [None, "p50", "p100"]
    assert sync(connected, conn) == [0, 0, 0]
    account.lists["/orders"][99] = order("099", status="ORDER_STATUS_CANCELED")
    assert sync(connected, conn) == [0, 1, 0]
    assert stored(conn)["099"]["status"] == "ORDER_STATUS_CANCELED"


def test_an_order_that_arrives_while_pages_are_read_costs_no_other(
    account: Account, connected: Settings, conn: psycopg.Connection
) -> None:
    account.lists["/orders"] = [order(f"{number:03}") for number in range(60)]

    def arrive(call: Any) -> None:
        if "pagination_token" in call.query and len(account.lists["/orders"]) == 60:
            account.lists["/orders"].insert(0, order("new"))

    account.before = arrive
    assert sync(connected, conn) == [60, 0, 0]
    assert sync(connected, conn) == [1, 0, 0]


@pytest.mark.parametrize("kind", ["the same token", "ever new tokens"])
def test_a_list_without_an_end_ends(
    account: Account, connected: Settings, conn: psycopg.Connection, kind: str
) -> None:
    def endless(call: Any) -> Any:
        token = "again" if kind == "the same token" else f"t{len(account.partner.calls)}"
        body = {"results": [order("a"), order("b")], "pagination": {"next_page_token": token}}
        return account.partner.reply(body=body)

    account.before = endless
    lines: list[str] = []
    assert sync(connected, conn, lines.append) == [2, 0, 0]
    assert "goes round in a circle after 2 rows" in lines[0]
    assert len(account.partner.calls) <= 4


FAULTS: dict[str, Callable[[Any], Any]] = {
    "429": lambda reply: reply(429, {"code": 8, "message": "slow down"}, {"Retry-After": "0"}),
    "502": lambda reply: reply(502, b"<html>", {"Content-Type": "text/html"}),
    "invalid JSON": lambda reply: reply(200, b'{"results": ['),
    "no results": lambda reply: reply(200, {}),
    "no pagination": lambda reply: reply(200, {"results": []}),
    "cut": lambda reply: reply(200, {"results": []}, fault="short"),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_passing_fault_costs_nothing(
    account: Account, connected: Settings, conn: psycopg.Connection, kind: str
) -> None:
    account.lists["/orders"] = [order(f"{number:03}") for number in range(60)]
    fault = FAULTS[kind](account.partner.reply)
    said: list[int] = []

    def once(call: Any) -> Any:
        if "pagination_token" in call.query and not said:
            said.append(1)
            return fault
        return None

    account.before = once
    assert sync(connected, conn) == [60, 0, 0]
    assert said


def test_errors_are_one_sentence_and_keep_what_is_known(
    account: Account, connected: Settings, conn: psycopg.Connection
) -> None:
    account.lists["/orders"] = [order("a")]
    sync(connected, conn)
    wrong = connected.model_copy(update={"alias_token": SecretStr("WRONG-token")})
    with pytest.raises(PermanentPartnerError, match=r"401 \(unauthenticated\): .* ALIAS_TOKEN;"):
        sync_alias_orders(wrong, conn, log=quiet)
    invalid = {"code": 3, "message": "Missing parameter: input.Size", "details": []}
    account.before = lambda _: account.partner.reply(400, invalid)
    with pytest.raises(PermanentPartnerError, match=r"gave 400 \(Missing parameter: input.Size\)$"):
        sync_alias_orders(connected, conn, log=quiet)
    account.before = lambda _: account.partner.reply(503, {"code": 14, "message": "unavailable"})
    with pytest.raises(TransientPartnerError, match=r"gave 503 \(unavailable\)"):
        sync_alias_orders(connected, conn, log=quiet)
    assert set(stored(conn)) == {"a"}


def test_bad_orders_are_quarantined_and_links_that_open_are_cut(
    account: Account, connected: Settings, conn: psycopg.Connection
) -> None:
    signed = "https://assets/label.pdf?Signature=CANARY-signature"
    customs = {"commercial_invoice_url": signed, "declared_customs_value_cents": 22000}
    account.lists["/orders"] = [
        order("a", label_url=signed, customs_declaration=customs, status="ORDER_STATUS_NEW_ONE"),
        order("b", price_cents="220.00"),
        order("c", purchase_order_number=None),
        order("d", sold_at="yesterday"),
        order("e", price_cents_after_take=-1),
        "no object",
    ]
    assert sync(connected, conn) == [1, 0, 5]
    kept = stored(conn)["a"]
    assert kept["label_url"] == "https://assets/label.pdf"
    assert kept["customs_declaration"] == {**customs, "commercial_invoice_url": kept["label_url"]}
    fields = conn.execute("select field from integration.rejected_rows order by rejected_id")
    assert {field for (field,) in fields.fetchall()} == {
        None, "price_cents", "purchase_order_number", "sold_at", "price_cents_after_take",
    }  # fmt: skip


def test_listings_single_orders_and_the_test_of_the_token(
    account: Account, connected: Settings, conn: psycopg.Connection
) -> None:
    listing = {"id": "l-1", "status": "LISTING_STATUS_ACTIVE", "price_cents": "22000", "size": "10"}
    account.lists = {"/orders": [order("a")], "/listings": [listing, {"id": "l-2"}]}
    assert counts(sync_alias_listings(connected, conn, log=quiet)) == [1, 0, 1]
    kept = conn.execute("select listing_id, payload from raw_alias.listings").fetchall()
    assert kept == [("l-1", listing)]
    with open_alias(connected) as client:
        assert client.test()
        assert client.order(order_id="a") == order("a")
        with pytest.raises(PermanentPartnerError, match=r"gave 404 \(not found\)"):
            client.order(order_id="a/b")
