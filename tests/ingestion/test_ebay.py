"""eBay's orders into raw: through faults, shifting pages, late changes and kills, each once."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from soleflip_pipelines.clients import ebay as ebay_client
from soleflip_pipelines.clients.errors import (
    PermanentPartnerError,
    TransientPartnerError,
)
from soleflip_pipelines.ingestion.ebay import sync_ebay_orders
from soleflip_pipelines.ingestion.ebay_windows import WINDOW, planned_windows
from soleflip_pipelines.ingestion.periods import Period
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.connection import connect
from soleflip_pipelines.warehouse.loader import BatchResult, read_cursor

pytestmark = [pytest.mark.integration, pytest.mark.api, pytest.mark.usefixtures("no_waiting")]

NOW = datetime(2026, 6, 30, tzinfo=UTC)
DAY = timedelta(days=1)
ORDERS = "/sell/fulfillment/v1/order"
FILTER = re.compile(r"(creationdate|lastmodifieddate):\[(\S+?)\.\.(\S*)\]")


def at(days_ago: float) -> str:
    return (NOW - timedelta(days=days_ago)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def euro(value: str) -> dict[str, str]:
    return {"value": value, "currency": "EUR"}


def line(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "lineItemId": f"line-{number}",
        "title": "Demo shoe",
        "quantity": 1,
        "lineItemCost": euro("150.00"),
        "deliveryCost": {"shippingCost": euro("5.00")},
        "refunds": [],
        **fields,
    }


def order(name: str, days_ago: float, **fields: Any) -> dict[str, Any]:
    return {
        "orderId": name,
        "creationDate": at(days_ago),
        "lastModifiedDate": at(days_ago),
        "orderFulfillmentStatus": "FULFILLED",
        "orderPaymentStatus": "PAID",
        "cancelStatus": {"cancelState": "NONE_REQUESTED", "cancelRequests": []},
        "totalMarketplaceFee": euro("15.95"),
        "lineItems": [line(1)],
        **fields,
    }


class Account:
    """A seller's account on the scripted server, in the order of creation, newest first."""

    def __init__(self, partner: Any) -> None:
        self.partner = partner
        self.orders: list[Any] = []
        self.details: dict[str, Any] = {}
        self.logins = 0
        self.before: Callable[[Any], Any] = lambda _: None
        partner.answer = self.answer

    def answer(self, call: Any) -> Any:
        reply = self.partner.reply
        if call.path == ebay_client.TOKEN_PATH:
            self.logins += 1
            body = {"access_token": f"CANARY-access-{self.logins}", "expires_in": 7200}
            return reply(body=body)
        said = self.before(call)
        if said is not None:
            return said
        if call.headers.get("authorization") != f"Bearer CANARY-access-{self.logins}":
            return reply(401, error(1001, "Invalid access token"))
        if call.path != ORDERS:
            found = self.details.get(call.path.removeprefix(f"{ORDERS}/"))
            return reply(body=found) if found else reply(404, error(32100, "Invalid order ID"))
        return reply(body=self.page(call.query))

    def page(self, query: dict[str, str]) -> dict[str, Any]:
        field, start, end = FILTER.fullmatch(query["filter"]).groups()  # type: ignore[union-attr]
        name = {"creationdate": "creationDate", "lastmodifieddate": "lastModifiedDate"}[field]
        found = [o for o in self.orders if start <= str(o.get(name, start)) <= (end or "9")]
        offset, limit = int(query["offset"]), int(query["limit"])
        page = {"total": len(found), "orders": found[offset : offset + limit]}
        return {**page, "next": "more"} if offset + limit < len(found) else page

    def windows(self) -> list[tuple[str, ...]]:
        """Field, start and end of the calls since the last look, one per first page."""
        found = [
            FILTER.fullmatch(call.query["filter"]).groups()  # type: ignore[union-attr]
            for call in self.partner.calls
            if call.path == ORDERS and call.query["offset"] == "0"
        ]
        self.partner.calls.clear()
        return found


def error(number: int, message: str) -> dict[str, Any]:
    return {"errors": [{"errorId": number, "domain": "API_FULFILLMENT", "message": message}]}


@pytest.fixture
def account(partner: Any) -> Account:
    return Account(partner)


@pytest.fixture
def connected(partner_settings: Settings, partner: Any) -> Settings:
    values = {
        "ebay_api_url": partner.url,
        "ebay_client_id": SecretStr("client"),
        "ebay_client_secret": SecretStr("CANARY-client-secret"),
        "ebay_refresh_token": SecretStr("CANARY-refresh-token"),
    }
    return partner_settings.model_copy(update=values)


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(ebay_client, "PAGE_SIZE", 3)
    return 3


def quiet(_: str) -> None:
    """A log that nobody reads."""


def sync(settings: Settings, conn: psycopg.Connection, log: Any = quiet) -> list[int]:
    return counts(sync_ebay_orders(settings, conn, log=log))


def counts(results: list[BatchResult]) -> list[int]:
    names = ("inserted", "updated", "rejected")
    return [sum(getattr(result, name) for result in results) for name in names]


def stored(conn: psycopg.Connection) -> dict[str, Any]:
    return dict(conn.execute("select order_id, payload from raw_ebay.orders").fetchall())


def cursor_of(conn: psycopg.Connection) -> dict[str, Any]:
    return read_cursor(conn, "raw_ebay.orders") or {}


def test_the_first_run_goes_through_two_years_and_the_next_one_reads_what_changed(
    account: Account, connected: Settings, conn: psycopg.Connection
) -> None:
    account.orders = [order(f"o-{days}", days) for days in (2, 89, 90, 180, 400, 729)]
    assert sync(connected, conn) == [6, 0, 0]
    windows = account.windows()
    assert [field for field, _, _ in windows] == ["creationdate"] * 9 + ["lastmodifieddate"]
    assert windows[0][1] == "2024-06-30T01:00:00.000Z"
    assert [end for _, _, end in windows[:8]] == [start for _, start, _ in windows[1:9]]
    assert windows[8][2] == windows[9][2] == ""
    changed = order("o-400", 400, lastModifiedDate=at(0.5), orderPaymentStatus="FULLY_REFUNDED")
    account.orders[4] = changed
    assert sync(connected, conn) == [0, 1, 0]
    assert account.windows() == [("lastmodifieddate", at(1), "")]
    assert cursor_of(conn)["modified_to"] == NOW.isoformat()
    assert stored(conn)["o-400"] == changed
    assert sync(connected, conn) == [0, 0, 0]


def test_a_change_is_seen_however_long_nobody_looked(
    account: Account, connected: Settings, conn: psycopg.Connection
) -> None:
    account.orders = [order("a", 300)]
    sync(connected, conn)
    account.windows()
    account.orders = [order("a", 300, lastModifiedDate="2026-07-03T00:00:00.000Z")]
    moved = connected.model_copy(update={"as_of": date(2026, 7, 5)})
    assert sync(moved, conn) == [0, 1, 0]
    assert account.windows() == [("lastmodifieddate", at(1), "")]
    assert cursor_of(conn)["modified_to"] == "2026-07-03T00:00:00+00:00"
    account.orders = [order("a", 300, lastModifiedDate="2026-09-01T00:00:00.000Z")]
    much_later = connected.model_copy(update={"as_of": date(2027, 1, 20)})
    assert sync(much_later, conn) == [0, 1, 0]
    assert [field for field, _, _ in account.windows()] == ["creationdate"] * 9 + [
        "lastmodifieddate"
    ]


def test_a_period_or_everything_is_read_again_on_request(
    account: Account, connected: Settings, conn: psycopg.Connection
) -> None:
    account.orders = [order("a", 3), order("b", 33), order("c", 333)]
    sync(connected, conn)
    cursor = cursor_of(conn)
    # Changes that eBay did not date.
    account.orders = [order(item["orderId"], days, newField=1) for item, days in zip(
        account.orders, (3, 33, 333), strict=True
    )]  # fmt: skip
    account.windows()
    day = (NOW - 33 * DAY).date()
    again = sync_ebay_orders(connected, conn, log=quiet, period=Period(day, day))
    assert counts(again) == [0, 1, 0]
    assert account.windows() == [("creationdate", at(33), at(32))]
    assert cursor_of(conn) == cursor
    too_old = Period(None, (NOW - 800 * DAY).date())
    assert sync_ebay_orders(connected, conn, log=quiet, period=too_old) == []
    assert counts(sync_ebay_orders(connected, conn, log=quiet, full_read=True)) == [0, 2, 0]
    assert len(account.windows()) == 10
    declared = conn.execute(
        "select count(*) from integration.import_batches where rows_declared <> rows_read"
    )
    assert declared.fetchone() == (0,)


def test_an_older_version_never_replaces_a_newer_one(
    account: Account, connected: Settings, conn: psycopg.Connection
) -> None:
    newer = order("a", 3, lastModifiedDate=at(0.2), orderPaymentStatus="FULLY_REFUNDED")
    account.orders = [newer]
    sync(connected, conn)
    account.orders = [order("a", 3, lastModifiedDate=at(0.4))]
    assert sync(connected, conn) == [0, 0, 0]
    assert stored(conn) == {"a": newer}


def test_a_day_far_ahead_does_not_hide_what_comes_before_it(
    account: Account, connected: Settings, conn: psycopg.Connection
) -> None:
    account.orders = [order("a", 5, lastModifiedDate="2099-01-01T00:00:00.000Z")]
    sync(connected, conn)
    account.orders.append(order("b", 0.2))
    assert sync(connected, conn) == [1, 0, 0]


def test_a_cancelled_order_is_kept_with_its_requests_and_does_not_flip(
    account: Account, connected: Settings, conn: psycopg.Connection
) -> None:
    state = {"cancelState": "CANCELED", "cancelRequests": []}
    told = {**state, "cancelRequests": [{"cancelReason": "OUT_OF_STOCK"}]}
    account.orders = [order("a", 0.5, cancelStatus=state), order("gone", 0.5, cancelStatus=state)]
    account.details = {"a": order("a", 0.5, cancelStatus=told)}
    assert sync(connected, conn) == [2, 0, 0]
    assert stored(conn)["a"]["cancelStatus"] == told
    assert sync(connected, conn) == [0, 0, 0]


def test_a_detail_that_fails_today_is_asked_for_tomorrow(
    account: Account, connected: Settings, conn: psycopg.Connection
) -> None:
    state = {"cancelState": "CANCEL_PENDING"}
    account.orders = [order("a", 50, cancelStatus=state), order("b", 50)]
    account.before = lambda call: (
        account.partner.reply(500, error(30500, "System error"))
        if call.path.endswith("/a")
        else None
    )
    lines: list[str] = []
    assert sync(connected, conn, lines.append) == [2, 0, 0]
    assert any("eBay order a is kept as the list gives it" in text for text in lines)
    account.before = lambda _: None
    account.details = {"a": order("a", 50, cancelStatus={**state, "cancelRequests": [{}]})}
    assert sync(connected, conn) == [0, 1, 0]
    assert "left" not in cursor_of(conn)


def test_lines_refunds_and_bad_orders(
    account: Account, connected: Settings, conn: psycopg.Connection
) -> None:
    refund = {"refundId": "1", "amount": euro("20.00")}
    two = order("two", 3, lineItems=[line(1, quantity=2, refunds=[refund]), line(2)], newField=[1])
    bad: dict[str, dict[str, Any]] = {
        "no lines": {"lineItems": []},
        "no amount": {"lineItems": [line(1), line(2, lineItemCost={"value": "many"})]},
        "below zero": {"lineItems": [line(1, lineItemCost=euro("-150.00"))]},
        "for nothing": {"lineItems": [line(1), line(2, lineItemCost=euro("0.00"))]},
        "no pieces": {"lineItems": [line(1, quantity=0)]},
        "bad refund": {"lineItems": [line(1, refunds=[{"amount": euro("n/a")}])]},
        "no refund": {"lineItems": [line(1, refunds=["all"])]},
        "bad fee": {"totalMarketplaceFee": "15"},
        "bad date": {"lastModifiedDate": "yesterday"},
    }
    nameless = {"creationDate": at(3), "lastModifiedDate": at(3)}
    account.orders = [two, nameless]
    account.orders += [order(name, 3, **fields) for name, fields in bad.items()]
    assert sync(connected, conn)[0] == 1
    assert stored(conn) == {"two": two}
    fields = conn.execute("select field from integration.rejected_rows order by 1").fetchall()
    assert [field for (field,) in fields] == [
        "lastModifiedDate", "lineItems", "lineItems.lineItemCost",
        *["lineItems.lineItemCost.value"] * 2, "lineItems.quantity", "lineItems.refunds",
        "lineItems.refunds.amount", "orderId", "totalMarketplaceFee",
    ]  # fmt: skip


def test_equal_times_on_page_borders_lose_nothing(
    account: Account, connected: Settings, conn: psycopg.Connection, small_pages: int
) -> None:
    account.orders = [order(f"o-{number}", 7) for number in range(10)]
    lines: list[str] = []
    assert sync(connected, conn, lines.append) == [10, 0, 0]
    assert not [text for text in lines if "kept changing" in text]
    duplicates = conn.execute("select sum(rows_duplicate) from integration.import_batches")
    assert duplicates.fetchone() == (0,)


def test_a_change_of_the_very_moment_of_a_reading_is_seen_by_the_next_one(
    account: Account, connected: Settings, conn: psycopg.Connection, small_pages: int
) -> None:
    """Both ends of a window are within it: what is as old as the newest known may be news."""
    for days_ago in range(5, 0, -1):
        day = (NOW - days_ago * DAY).date()
        sync(connected.model_copy(update={"as_of": day}), conn)
        assert stored(conn) == {o["orderId"]: o for o in account.orders}
        # Some at the moment of the reading before, some at that of the next one.
        for number in range(3):
            for late in (0, 1):
                name = f"{number}-{late}"
                changed = order(name, 20, lastModifiedDate=at(days_ago - late), seen=days_ago)
                account.orders = [o for o in account.orders if o["orderId"] != name] + [changed]


@pytest.mark.parametrize("arrives", [False, True], ids=["one leaves", "one leaves, another comes"])
def test_pages_that_shift_while_they_are_read_lose_nothing(
    account: Account,
    connected: Settings,
    conn: psycopg.Connection,
    small_pages: int,
    arrives: bool,
) -> None:
    """An order that changes leaves the window before the last and turns up in the last one."""
    account.orders = [order(f"o-{number}", 100 + number / 100) for number in range(8)]
    moved: list[Any] = []

    def move(call: Any) -> None:
        if call.query.get("offset", "0") != "0" and not moved:
            moved.append(account.orders.pop(0))
            account.orders.append(order("o-0", 1))
            if arrives:
                account.orders.append(order("late", 100.5))

    account.before = move
    assert sync(connected, conn) == [8 + arrives, 1, 0]
    names = {f"o-{number}" for number in range(8)} | ({"late"} if arrives else set())
    assert set(stored(conn)) == names
    assert stored(conn)["o-0"]["lastModifiedDate"] == at(1)


def test_a_list_that_never_holds_still_keeps_the_cursor(
    account: Account, connected: Settings, conn: psycopg.Connection, small_pages: int
) -> None:
    account.orders = [order(f"o-{number:02}", 1) for number in range(20)]

    def move(call: Any) -> None:
        if call.query.get("offset") == "2":
            account.orders.pop(0)

    account.before = move
    lines: list[str] = []
    assert sync(connected, conn, lines.append)[0] >= 16
    assert any("kept changing over 3 readings" in text for text in lines)
    assert "created_to" in cursor_of(conn)
    account.before = lambda _: None
    sync(connected, conn)
    assert "created_to" not in cursor_of(conn)
    assert set(stored(conn)) >= {item["orderId"] for item in account.orders}


def test_pages_that_repeat_end(
    account: Account, connected: Settings, conn: psycopg.Connection, small_pages: int
) -> None:
    original = account.page

    def endless(query: dict[str, str]) -> dict[str, Any]:
        return {**original({**query, "offset": "0"}), "next": "more"}

    account.orders = [order(f"o-{number}", 7) for number in range(5)]
    account.page = endless  # type: ignore[method-assign]
    lines: list[str] = []
    assert sync(connected, conn, lines.append) == [3, 0, 0]
    assert len([text for text in lines if "kept changing" in text]) == 1
    assert len(account.partner.calls) < 50


FAULTS: dict[str, Callable[[Any], Any]] = {
    "429": lambda reply: reply(429, error(2001, "Too many"), {"Retry-After": "0"}),
    "500": lambda reply: reply(500, error(30500, "System error")),
    "504 page": lambda reply: reply(504, b"<html>", {"Content-Type": "text/html"}),
    "invalid JSON": lambda reply: reply(200, b'{"total": 3, "orders": ['),
    "wrong envelope": lambda reply: reply(200, {"ok": True}),
    "empty before the end": lambda reply: reply(200, {"total": 3, "orders": []}),
    "cut": lambda reply: reply(200, {"total": 1, "orders": [{}]}, fault="short"),
    "reset": lambda reply: reply(200, {"total": 1, "orders": [{}]}, fault="reset"),
    "401": lambda reply: reply(401, error(1001, "Invalid access token")),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_passing_fault_costs_nothing(
    account: Account, connected: Settings, conn: psycopg.Connection, small_pages: int, kind: str
) -> None:
    account.orders = [order(f"o-{number}", 7) for number in range(5)]
    fault = FAULTS[kind](account.partner.reply)
    said: list[int] = []

    def once(call: Any) -> Any:
        if call.query.get("offset") == "2" and not said:
            said.append(1)
            return fault
        return None

    account.before = once
    assert sync(connected, conn) == [5, 0, 0]
    assert said
    assert account.logins == (2 if kind == "401" else 1)


def test_a_lasting_fault_is_one_sentence_and_the_next_run_heals(
    account: Account, connected: Settings, conn: psycopg.Connection
) -> None:
    account.orders = [order("old", 500), order("new", 5)]
    late = planned_windows({}, NOW)
    starts = [window.start for window in late]

    def fail(call: Any) -> Any:
        is_late = starts[5].strftime("%Y-%m-%d") in call.query.get("filter", "").split("..")[0]
        return account.partner.reply(500, error(30500, "System error")) if is_late else None

    account.before = fail
    with pytest.raises(TransientPartnerError, match=r"^eBay: GET \S+ gave 500 \(30500: System err"):
        sync_ebay_orders(connected, conn, log=quiet)
    assert set(stored(conn)) == {"old"}
    account.before = lambda _: None
    account.windows()
    assert sync(connected, conn) == [1, 0, 0]
    assert account.windows()[0][1] == starts[5].strftime("%Y-%m-%dT%H:%M:%S.000Z")


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (400, error(30830, "Time range too long"), r"gave 400 \(30830: Time range too long\)$"),
        (403, error(1100, "Access denied"), r"Access denied\): the login .* `soleflip connect eb"),
        (401, error(1001, "Invalid access token"), r"Invalid access token\): the login does not"),
    ],
)
def test_a_refusal_says_what_to_do(
    account: Account,
    connected: Settings,
    conn: psycopg.Connection,
    status: int,
    body: Any,
    said: str,
) -> None:
    account.before = lambda _: account.partner.reply(status, body)
    with pytest.raises(PermanentPartnerError, match=said) as caught:
        sync_ebay_orders(connected, conn, log=quiet)
    assert "CANARY" not in str(caught.value)
    assert account.logins == (2 if status == 401 else 1)
    assert cursor_of(conn) == {}


def _run(settings: Settings) -> None:
    with connect(settings, role="loader") as conn:
        sync_ebay_orders(settings, conn, log=quiet)


def test_a_kill_in_the_middle_of_the_first_run_costs_one_window(
    account: Account, connected: Settings, conn: psycopg.Connection
) -> None:
    account.orders = [order(f"o-{days}", days) for days in range(1, 700, 30)]
    starts = [
        window.start.strftime("%Y-%m-%dT%H:%M:%S.000Z") for window in planned_windows({}, NOW)
    ]
    reached: list[str] = []

    def hold(call: Any) -> None:
        if starts[4] in call.query.get("filter", "").split("..")[0]:
            reached.append(starts[4])
            threading.Event().wait()  # it never answers

    account.before = hold
    child = multiprocessing.get_context("spawn").Process(target=_run, args=(connected,))
    child.start()
    while not reached:
        time.sleep(0.02)
    os.kill(child.pid or 0, signal.SIGKILL)
    child.join()
    account.before = lambda _: None
    before = set(stored(conn))
    assert 0 < len(before) < len(account.orders)
    account.windows()
    assert sync(connected, conn)[1:] == [0, 0]
    assert account.windows()[0][1] == starts[4]
    assert len(stored(conn)) == len(account.orders)
    ledger = conn.execute("select sum(rows_inserted) from integration.import_batches").fetchone()
    assert ledger == (len(account.orders),)


def test_calls_are_counted_and_no_secret_is_stored(
    account: Account, connected: Settings, conn: psycopg.Connection
) -> None:
    account.orders = [order("a", 5)]
    lines: list[str] = []
    sync(connected, conn, lines.append)
    used = conn.execute("select partner, call_count from integration.quota_use").fetchall()
    assert used == [("ebay", 10)]
    for table in ("raw_ebay.orders", "integration.import_batches", "integration.sync_state"):
        query = f"select count(*) from {table} t where t::text like '%CANARY%'"
        assert conn.execute(query).fetchone() == (0,)
    assert "CANARY" not in "".join(lines)


def test_a_window_is_never_longer_than_a_quarter() -> None:
    begun = NOW - timedelta(days=6)
    cursor = {"full_read_at": begun.isoformat(), "modified_to": (NOW - 400 * DAY).isoformat()}
    windows = list(planned_windows(cursor, NOW))
    assert [window.end is None for window in windows] == [False] * 4 + [True]
    assert all(w.end - w.start == WINDOW for w in windows if w.end)
    assert windows[0].start == NOW - 401 * DAY
