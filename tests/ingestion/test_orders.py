"""StockX orders into raw: nothing lost, nothing doubled, nothing asked for twice."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from soleflip_pipelines.clients.errors import QuotaExhausted, TransientPartnerError
from soleflip_pipelines.ingestion import chunks, stockx
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.loader import BatchResult, read_cursor

pytestmark = [pytest.mark.integration, pytest.mark.api, pytest.mark.usefixtures("no_waiting")]

SIGNED = "https://assets/label.png?Expires=1&Signature=CANARY-signature"


def order(number: str, status: str, **fields: Any) -> dict[str, Any]:
    return {
        "orderNumber": number,
        "status": status,
        "amount": "100",
        "currencyCode": "EUR",
        "createdAt": "2026-06-01T10:00:00.000Z",
        "updatedAt": "2026-06-01T10:00:00.000Z",
        "product": {"productId": "p-1"},
        "variant": {"variantId": "v-1"},
        **fields,
    }


class Account:
    """A seller's account on the scripted server."""

    def __init__(self, partner: Any) -> None:
        self.partner = partner
        self.active: list[Any] = []
        self.past: list[Any] = []
        self.details: dict[str, Any] = {}
        self.broken: dict[str, int] = {}
        partner.answer = self.answer

    def answer(self, call: Any) -> Any:
        reply = self.partner.reply
        if call.path == "/auth/oauth/token":
            return reply(body={"access_token": "CANARY-access", "expires_in": 43_200})
        if call.path in self.broken:
            return reply(self.broken[call.path], {"message": "broken"})
        if call.path == "/v2/selling/orders/active":
            return reply(body=self.page(self.active))
        if call.path == "/v2/selling/orders/history":
            since = call.query.get("fromDate", "")
            return reply(body=self.page([o for o in self.past if _created(o) >= since]))
        detail = self.details.get(call.path.removeprefix("/v2/selling/orders/"))
        return reply(body=detail) if detail else reply(404, {"message": "Resource not found"})

    def page(self, orders: list[Any]) -> dict[str, Any]:
        return {"count": len(orders), "pageNumber": 1, "hasNextPage": False, "orders": orders}

    def asked(self, part: str) -> list[str]:
        """The calls since the last look whose path contains this."""
        found = [call.path for call in self.partner.calls if part in call.path]
        self.partner.calls.clear()
        return found


def _created(item: Any) -> str:
    return str(item.get("createdAt", "9"))[:10] if isinstance(item, dict) else "9"


@pytest.fixture
def account(partner: Any) -> Account:
    return Account(partner)


def counts(results: list[BatchResult]) -> list[int]:
    names = ("read", "inserted", "updated", "unchanged", "rejected")
    return [sum(getattr(result, name) for result in results) for name in names]


def quiet(_: str) -> None:
    """A log that nobody reads."""


def sync(settings: Settings, conn: psycopg.Connection) -> tuple[list[int], list[int]]:
    orders = stockx.sync_orders(settings, conn, log=quiet)
    return counts(orders), counts(stockx.sync_order_details(settings, conn, log=quiet))


def test_a_second_run_changes_nothing_and_asks_for_no_detail(
    account: Account, partner_settings: Settings, conn: psycopg.Connection
) -> None:
    paid = {"totalPayout": "90", "salePrice": "100", "adjustments": []}
    account.active = [order("A", "SHIPPED")]
    account.past = [order("B", "COMPLETED", payout=paid), order("C", "COMPLETED")]
    account.details = {
        "A": order("A", "SHIPPED", payout=paid, shipment={"shippingLabelUrl": SIGNED}),
        "C": order("C", "COMPLETED", payout=paid),
    }
    assert sync(partner_settings, conn) == ([3, 3, 0, 0, 0], [2, 2, 0, 0, 0])
    assert account.asked("/orders/A") + account.asked("/orders/B") == ["/v2/selling/orders/A"]
    assert sync(partner_settings, conn) == ([3, 0, 0, 3, 0], [0, 0, 0, 0, 0])
    label = conn.execute(
        "select payload #>> '{shipment,shippingLabelUrl}' from raw_stockx.order_details"
        " where order_number = 'A'"
    ).fetchone()
    assert label == ("https://assets/label.png",)


def test_an_open_order_that_moved_on_is_asked_for_again(
    account: Account, partner_settings: Settings, conn: psycopg.Connection
) -> None:
    account.active, account.details = [order("A", "SHIPPED")], {"A": order("A", "SHIPPED")}
    sync(partner_settings, conn)
    moved = order("A", "PAYOUTPENDING", updatedAt="2026-06-02T10:00:00.000Z")
    account.active, account.details = [moved], {"A": moved}
    assert sync(partner_settings, conn) == ([1, 0, 1, 0, 0], [1, 0, 1, 0, 0])


def test_an_order_that_left_both_lists_is_asked_for_by_number(
    account: Account, partner_settings: Settings, conn: psycopg.Connection
) -> None:
    old = {"createdAt": "2025-01-01T10:00:00.000Z"}
    account.active, account.details = [order("A", "SHIPPED", **old)], {"A": order("A", "SHIPPED")}
    sync(partner_settings, conn)
    account.active = []
    account.past = [order("A", "COMPLETED", **old)]
    account.details = {"A": order("A", "COMPLETED", updatedAt="2026-06-20T10:00:00Z", **old)}
    account.asked("")
    assert sync(partner_settings, conn) == ([0, 0, 0, 0, 0], [1, 0, 1, 0, 0])
    assert account.partner.calls[-1].path == "/v2/selling/orders/A"
    history = next(call for call in account.partner.calls if call.path.endswith("/history"))
    assert history.query["fromDate"] == "2026-03-02"
    assert sync(partner_settings, conn) == ([0, 0, 0, 0, 0], [0, 0, 0, 0, 0])


def test_bad_orders_are_quarantined_and_unknown_fields_kept(
    account: Account, partner_settings: Settings, conn: psycopg.Connection
) -> None:
    nameless = order("X", "COMPLETED")
    del nameless["orderNumber"]
    account.past = [
        order("A", "A NEW STATUS", newField={"deep": [1]}),
        nameless,
        order("B", "COMPLETED", amount="lots"),
        order("C", "COMPLETED", createdAt="yesterday"),
        order("D", "COMPLETED", createdAt=None),
        "no object",
    ]
    results = stockx.sync_orders(partner_settings, conn, log=quiet)
    assert counts(results) == [6, 1, 0, 0, 5]
    kept = conn.execute("select payload -> 'newField' from raw_stockx.orders").fetchall()
    assert kept == [({"deep": [1]},)]
    rejected = conn.execute(
        "select position, reason_code, field from integration.rejected_rows order by position"
    ).fetchall()
    assert rejected == [
        ("past orders, page 1, item 2", "missing_value", "orderNumber"),
        ("past orders, page 1, item 3", "bad_value", "amount"),
        ("past orders, page 1, item 4", "bad_value", "createdAt"),
        ("past orders, page 1, item 5", "missing_value", "createdAt"),
        ("past orders, page 1, item 6", "not_an_object", None),
    ]


def test_a_dead_marketplace_keeps_what_is_known_and_the_next_run_heals(
    account: Account, partner_settings: Settings, conn: psycopg.Connection
) -> None:
    account.active, account.details = [order("A", "SHIPPED")], {"A": order("A", "SHIPPED")}
    account.broken = {"/v2/selling/orders/history": 503}
    with pytest.raises(TransientPartnerError, match=r"gave 503 \(broken\)"):
        stockx.sync_orders(partner_settings, conn, log=quiet)
    assert conn.execute("select count(*) from raw_stockx.orders").fetchone() == (0,)
    assert read_cursor(conn, "raw_stockx.orders") is None
    account.broken = {}
    assert sync(partner_settings, conn) == ([1, 1, 0, 0, 0], [1, 1, 0, 0, 0])


def test_one_document_that_fails_does_not_hold_up_the_others(
    account: Account, partner_settings: Settings, conn: psycopg.Connection
) -> None:
    names = [f"{letter}-1" for letter in "ABCDE"]
    account.active = [order(name, "SHIPPED") for name in names]
    account.details = {name: order(name, "SHIPPED") for name in names if name != "D-1"}
    account.broken = {"/v2/selling/orders/B-1": 500}
    lines: list[str] = []
    stockx.sync_orders(partner_settings, conn, log=quiet)
    results = stockx.sync_order_details(partner_settings, conn, log=lines.append)
    assert counts(results) == [4, 3, 0, 0, 1]
    assert any("left for the next run" in line and "B-1" in line for line in lines)
    account.broken = {}
    again = stockx.sync_order_details(partner_settings, conn, log=quiet)
    assert counts(again) == [2, 1, 0, 0, 1]


def test_several_failures_in_a_row_stop_and_keep_the_finished_chunks(
    account: Account,
    partner_settings: Settings,
    conn: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chunks, "CHUNK_KEYS", 2)
    names = [f"N{number}" for number in range(8)]
    account.active = [order(name, "SHIPPED") for name in names]
    account.details = {name: order(name, "SHIPPED") for name in names}
    account.broken = {f"/v2/selling/orders/{name}": 500 for name in names[3:]}
    stockx.sync_orders(partner_settings, conn, log=quiet)
    with pytest.raises(TransientPartnerError):
        stockx.sync_order_details(partner_settings, conn, log=quiet)
    assert conn.execute("select count(*) from raw_stockx.order_details").fetchone() == (3,)


def test_a_spent_quota_says_when_it_resets_and_keeps_what_was_read(
    account: Account, partner_settings: Settings, conn: psycopg.Connection
) -> None:
    account.active = [order(f"N{number}", "SHIPPED") for number in range(9)]
    account.details = {f"N{number}": order(f"N{number}", "SHIPPED") for number in range(9)}
    scant = partner_settings.model_copy(update={"stockx_daily_quota": 6})
    stockx.sync_orders(scant, conn, log=quiet)
    with pytest.raises(QuotaExhausted, match=r"the 6 calls of this UTC day .* 00:00 UTC"):
        stockx.sync_order_details(scant, conn, log=quiet)
    assert conn.execute("select call_count from integration.quota_use").fetchone() == (6,)
    assert conn.execute("select count(*) from raw_stockx.order_details").fetchone() == (4,)


def test_no_secret_reaches_a_table_or_a_log(
    account: Account, partner_settings: Settings, conn: psycopg.Connection
) -> None:
    lines: list[str] = []
    account.active, account.details = [order("A", "SHIPPED")], {"A": order("A", "SHIPPED")}
    stockx.sync_orders(partner_settings, conn, log=lines.append)
    stockx.sync_order_details(partner_settings, conn, log=lines.append)
    tables = conn.execute(
        "select format('select count(*) from %I.%I t where t::text like ''%%CANARY%%''',"
        " table_schema, table_name) from information_schema.tables"
        " where table_schema in ('raw_stockx', 'integration') order by 1"
    ).fetchall()
    hits = [conn.execute(query).fetchone() for (query,) in tables]
    assert len(hits) > 5
    assert set(hits) == {(0,)}
    assert "CANARY" not in "".join(lines)
