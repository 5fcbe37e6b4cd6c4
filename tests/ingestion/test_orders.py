"""StockX orders into raw: nothing lost, nothing doubled, nothing asked for twice."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import psycopg
import pytest

from soleflip_pipelines.clients.errors import QuotaExhausted, TransientPartnerError
from soleflip_pipelines.ingestion import chunks, stockx, stockx_windows
from soleflip_pipelines.ingestion.periods import BadPeriod, Period
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
        self.before_history: Callable[[Any], None] = lambda _: None
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
            self.before_history(call)
            # The days named are left out: nobody documents that they are included.
            since, until = call.query.get("fromDate", ""), call.query.get("toDate", "~")
            found = [o for o in self.past if since < _created(o) < until]
            return reply(body=self.page(found, int(call.query["pageSize"])))
        detail = self.details.get(call.path.removeprefix("/v2/selling/orders/"))
        return reply(body=detail) if detail else reply(404, {"message": "Resource not found"})

    def page(self, orders: list[Any], size: int = 100) -> dict[str, Any]:
        count, shown = len(orders), orders[:size]
        return {"count": count, "pageNumber": 1, "hasNextPage": False, "orders": shown}

    def asked(self, part: str) -> list[str]:
        """The calls since the last look whose path contains this."""
        found = [call.path for call in self.partner.calls if part in call.path]
        self.partner.calls.clear()
        return found

    def windows(self) -> list[str]:
        """The stretches of the history read since the last look, as `from..to`."""
        found = [
            f"{call.query.get('fromDate', '')}..{call.query.get('toDate', '')}"
            for call in self.partner.calls
            if call.path.endswith("/history") and call.query["pageSize"] != "1"
        ]
        self.partner.calls.clear()
        return found


def _created(item: Any) -> str:
    return str(item.get("createdAt", "9"))[:10] if isinstance(item, dict) else "9"


@pytest.fixture
def account(partner: Any) -> Account:
    return Account(partner)


@pytest.fixture
def long_history(partner: Any, monkeypatch: pytest.MonkeyPatch) -> Account:
    """Two orders on the border of each month since 2024, and more than one window can take."""
    monkeypatch.setattr(stockx_windows, "REST_ORDERS", 6)
    account = Account(partner)
    months = [f"{year}-{month:02d}" for year in (2024, 2025, 2026) for month in range(1, 13)]
    moments = [
        f"{month}-{day}" for month in months[:30] for day in ("01T00:00:00Z", "28T23:59:59Z")
    ]
    account.past = [
        order(f"N{at}", "COMPLETED", createdAt=at, payout={"totalPayout": "90"})
        for at in reversed(moments)
    ]
    return account


def counts(results: list[BatchResult]) -> list[int]:
    names = ("read", "inserted", "updated", "unchanged", "rejected")
    return [sum(getattr(result, name) for result in results) for name in names]


def statuses(conn: psycopg.Connection) -> dict[str, str]:
    rows = conn.execute("select order_number, payload ->> 'status' from raw_stockx.orders")
    return dict(rows.fetchall())


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
    account.details = {"A": order("A", "COMPLETED", updatedAt="2026-06-20T10:00:00Z", **old)}
    account.asked("")
    assert sync(partner_settings, conn) == ([0, 0, 0, 0, 0], [1, 0, 1, 0, 0])
    assert account.partner.calls[-1].path == "/v2/selling/orders/A"
    history = next(call for call in account.partner.calls if call.path.endswith("/history"))
    assert history.query["fromDate"] == "2026-03-02"
    assert sync(partner_settings, conn) == ([0, 0, 0, 0, 0], [0, 0, 0, 0, 0])


def test_an_order_that_moves_while_it_is_read_is_seen_twice_not_never(
    account: Account, partner_settings: Settings, conn: psycopg.Connection
) -> None:
    account.active = [order("A", "SHIPPED"), order("B", "SHIPPED")]

    def move(_: Any) -> None:
        if len(account.active) == 2:
            account.past.append(order(account.active.pop(0)["orderNumber"], "COMPLETED"))

    account.before_history = move
    stockx.sync_orders(partner_settings, conn, log=quiet)
    assert statuses(conn) == {"A": "COMPLETED", "B": "SHIPPED"}
    ledger = conn.execute(
        "select rows_declared, rows_read, rows_duplicate from integration.import_batches"
        " order by batch_id limit 1"
    ).fetchone()
    assert ledger == (3, 3, 1)


def test_an_order_that_goes_back_in_status_is_taken_as_it_is(
    account: Account, partner_settings: Settings, conn: psycopg.Connection
) -> None:
    account.active, account.details = [order("A", "RECEIVED")], {"A": order("A", "RECEIVED")}
    sync(partner_settings, conn)
    account.active, account.details = [order("A", "SHIPPED")], {"A": order("A", "SHIPPED")}
    assert sync(partner_settings, conn) == ([1, 0, 1, 0, 0], [1, 0, 1, 0, 0])
    assert sync(partner_settings, conn) == ([1, 0, 0, 1, 0], [0, 0, 0, 0, 0])


def test_a_first_import_that_is_stopped_goes_on_where_it_was(
    long_history: Account, partner_settings: Settings, conn: psycopg.Connection
) -> None:
    def die_in_2025(call: Any) -> None:
        is_reached = call.query.get("fromDate", "").startswith("2025-03")
        long_history.broken = {call.path: 503} if is_reached else {}

    long_history.before_history = die_in_2025
    with pytest.raises(TransientPartnerError):
        stockx.sync_orders(partner_settings, conn, log=quiet)
    assert long_history.windows()[:5] == [
        "2026-03-02..", "2025-12-31..2026-04-01", "2025-09-30..2026-01-01",
        "2025-06-30..2025-10-01", "2025-03-31..2025-07-01",
    ]  # fmt: skip
    known = len(statuses(conn))
    assert 0 < known < len(long_history.past)
    long_history.before_history, long_history.broken = lambda _: None, {}
    stockx.sync_orders(partner_settings, conn, log=quiet)
    assert long_history.windows() == [
        "2026-03-02..", "2024-12-31..2025-04-01", "2024-09-30..2025-01-01",
        "2024-06-30..2024-10-01", "2024-03-31..2024-07-01", "..2024-04-01",
    ]  # fmt: skip
    assert sorted(statuses(conn)) == sorted(o["orderNumber"] for o in long_history.past)
    stockx.sync_orders(partner_settings, conn, log=quiet)
    assert long_history.windows() == ["2026-03-02.."]


def test_the_whole_history_is_read_again_after_a_week_or_when_asked_for(
    long_history: Account, partner_settings: Settings, conn: psycopg.Connection
) -> None:
    stockx.sync_orders(partner_settings, conn, log=quiet)
    whole = long_history.windows()
    returned = {"status": "RETURNED", "updatedAt": "2026-06-25T10:00:00Z"}
    long_history.past[-1] = {**long_history.past[-1], **returned}
    stockx.sync_orders(partner_settings, conn, log=quiet)
    assert "RETURNED" not in statuses(conn).values()
    conn.execute(
        "update integration.sync_state set cursor = jsonb_set(cursor, '{read_at}',"
        " to_jsonb(now() - interval '8 days')) where cursor ? 'first'"
    )
    long_history.windows()
    results = stockx.sync_orders(partner_settings, conn, log=quiet)
    assert long_history.windows() == whole
    assert counts(results)[1:3] == [0, 1]
    assert "RETURNED" in statuses(conn).values()
    results = stockx.sync_orders(partner_settings, conn, log=quiet, full_read=True)
    assert long_history.windows() == whole
    assert counts(results)[1:3] == [0, 0]


def test_a_period_is_read_again_by_quarters(
    long_history: Account, partner_settings: Settings, conn: psycopg.Connection
) -> None:
    period = Period.parse("2024-11-15", "2025-02-10")
    results = stockx.sync_orders(partner_settings, conn, log=quiet, period=period)
    asked = ["2026-03-02..", "2024-12-31..2025-02-11", "2024-11-14..2025-01-01"]
    assert long_history.windows() == asked
    ledger = conn.execute(
        "select window_from::text, window_to::text from integration.import_batches order by 1"
    ).fetchall()
    assert ledger[0] == ("2024-11-14 00:00:00+00", "2025-01-02 00:00:00+00")
    assert counts(results)[1] == len(statuses(conn)) > 0


@pytest.mark.parametrize(
    ("first", "last", "reason"),
    [
        ("2025-13-01", None, "'2025-13-01' is no day"),
        ("2025-02-02", "2025-01-01", "ends .* before"),
    ],
)
def test_a_period_that_is_none_is_told(first: str, last: str | None, reason: str) -> None:
    with pytest.raises(BadPeriod, match=reason):
        Period.parse(first, last)


def test_a_stretch_that_does_not_hold_still_stays_open_and_comes_first_next_time(
    long_history: Account, partner_settings: Settings, conn: psycopg.Connection
) -> None:
    lines: list[str] = []

    def lose_one(call: Any) -> None:
        if call.query.get("fromDate") == "2025-06-30":
            long_history.page = lambda orders, size=100: {  # type: ignore[method-assign]
                **Account.page(long_history, orders, size), "count": len(orders) + 1,
            }  # fmt: skip
        else:
            long_history.page = partial(Account.page, long_history)  # type: ignore[method-assign]

    long_history.before_history = lose_one
    stockx.sync_orders(partner_settings, conn, log=lines.append)
    assert any("kept changing over 3 readings" in line for line in lines)
    assert sorted(statuses(conn)) == sorted(o["orderNumber"] for o in long_history.past)
    long_history.windows()
    long_history.before_history = lambda _: None
    long_history.page = partial(Account.page, long_history)  # type: ignore[method-assign]
    stockx.sync_orders(partner_settings, conn, log=quiet)
    assert long_history.windows() == ["2026-03-02..", "2025-06-30..2025-10-01"]
    stockx.sync_orders(partner_settings, conn, log=quiet)
    assert long_history.windows() == ["2026-03-02.."]


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
        order("E", "COMPLETED", amount="-150.00"),
    ]
    results = stockx.sync_orders(partner_settings, conn, log=quiet)
    assert counts(results) == [7, 1, 0, 0, 6]
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
        ("past orders, page 1, item 7", "bad_value", "amount"),
    ]
    reason = "select reason from integration.rejected_rows where raw_row like '%-150.00%'"
    assert conn.execute(reason).fetchone() == ("amount is no amount above zero",)


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
    scant = partner_settings.model_copy(update={"stockx_daily_quota": 8})
    stockx.sync_orders(scant, conn, log=quiet)
    with pytest.raises(QuotaExhausted, match=r"the 8 calls of this UTC day .* 00:00 UTC"):
        stockx.sync_order_details(scant, conn, log=quiet)
    assert conn.execute("select call_count from integration.quota_use").fetchone() == (8,)
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
