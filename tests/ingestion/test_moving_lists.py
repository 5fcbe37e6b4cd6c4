"""StockX's lists under any changes between their pages: one clean reading more makes raw whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from soleflip_pipelines.clients import stockx as stockx_client
from soleflip_pipelines.ingestion import stockx, stockx_orders
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.connection import connect
from tests.ingestion.test_orders import Account, counts, order, quiet, sync

pytestmark = [pytest.mark.integration, pytest.mark.api, pytest.mark.usefixtures("no_waiting")]

CHANGES = ("come", "go", "go from past", "on", "back", "change", "swap")
changes = st.tuples(st.sampled_from(CHANGES), st.integers(0, 9), st.integers(0, 9))


class MovingAccount(Account):
    """An account whose lists change between the pages, by a plan of changes before each page."""

    def __init__(self, partner: Any) -> None:
        super().__init__(partner)
        self.plan: list[list[tuple[str, int, int]]] = []
        self.made = 0
        self.now = datetime(2026, 6, 2, tzinfo=UTC)

    def add(self, orders: list[Any], status: str, place: int = 0) -> None:
        self.made += 1
        self.put(orders, order(f"N{self.made}", status), place)

    def put(self, orders: list[Any], item: dict[str, Any], place: int) -> None:
        """An order in a list as of now; what StockX says of it by number is the same."""
        self.now += timedelta(seconds=1)
        moment = self.now.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        self.details[item["orderNumber"]] = now = {**item, "updatedAt": moment}
        orders.insert(place % (len(orders) + 1), now)

    def change(self, kind: str, at: int, to: int) -> None:
        """An order comes, goes, moves on or back, or changes; or one goes while another comes."""
        if kind == "come":
            self.add(self.active, "CREATED")
            return
        orders, others = (self.past, self.active) if kind == "back" else (self.active, self.past)
        if kind == "go from past":
            orders = self.past
        if not orders:
            return
        item = orders.pop(at % len(orders))
        if kind in ("on", "back"):
            self.put(others, {**item, "status": "SHIPPED" if kind == "back" else "COMPLETED"}, to)
        elif kind == "change":
            self.put(orders, {**item, "status": "RECEIVED"}, to)
        elif kind == "swap":
            self.add(orders, "CREATED", to)

    def answer(self, call: Any) -> Any:
        if "pageNumber" not in call.query or call.query["pageSize"] == "1":
            return super().answer(call)
        for change in self.plan.pop(0) if self.plan else ():
            self.change(*change)
        orders = self.active if call.path.endswith("/active") else self.past
        number, size = int(call.query["pageNumber"]), int(call.query["pageSize"])
        page = {"count": len(orders), "pageNumber": number, "pageSize": size}
        shown = orders[(number - 1) * size : number * size]
        is_last = number * size >= len(orders)
        return self.partner.reply(body={**page, "hasNextPage": not is_last, "orders": shown})


def listed(account: Account) -> dict[str, Any]:
    return {item["orderNumber"]: item for item in [*account.active, *account.past]}


def stored(conn: psycopg.Connection) -> dict[str, Any]:
    return dict(conn.execute("select order_number, payload from raw_stockx.orders").fetchall())


@given(
    active=st.integers(0, 8),
    past=st.integers(0, 8),
    plans=st.lists(st.lists(st.lists(changes, max_size=3), max_size=6), min_size=1, max_size=2),
)
@hypothesis_settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_lists_under_any_schedule_of_changes_are_whole_after_one_reading_more(
    partner: Any,
    partner_settings: Settings,
    conn: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
    active: int,
    past: int,
    plans: list[list[list[tuple[str, int, int]]]],
) -> None:
    """Each plan is a reading; an order that left both lists is known as it is by its number."""
    monkeypatch.setattr(stockx_client, "PAGE_SIZE", 3)
    conn.rollback()
    with connect(partner_settings, role=None) as owner:
        for table in ("raw_stockx.orders", "raw_stockx.order_details", "integration.sync_state"):
            owner.execute(f"delete from {table}".encode())
    account = MovingAccount(partner)
    for number in range(active + past):
        account.add(account.active if number < active else account.past, "SHIPPED")
    for plan in [*plans, []]:
        account.plan = list(plan)
        results = stockx.sync_orders(partner_settings, conn, log=quiet)
        assert all(r.read == sum(counts([r])[1:]) + r.duplicate for r in results)
    stockx.sync_order_details(partner_settings, conn, log=quiet)
    truth, found = listed(account), stored(conn)
    assert {number: found.get(number) for number in truth} == truth
    assert set(found) <= set(account.details)
    gone = {number for number in found if number not in truth}
    is_open = {n for n in gone if found[n]["status"] not in stockx_orders.FINAL_STATUSES}
    details = dict(
        conn.execute("select order_number, payload from raw_stockx.order_details").fetchall()
    )
    assert {n: details.get(n) for n in is_open} == {n: account.details[n] for n in is_open}


def test_a_row_that_no_count_misses_is_read_by_the_next_run(
    partner: Any,
    partner_settings: Settings,
    conn: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stockx_client, "PAGE_SIZE", 3)
    account = MovingAccount(partner)
    for _ in range(6):
        account.add(account.active, "SHIPPED")
    # Before the second page one row goes from the first, and another comes at the end.
    account.plan = [[], [("swap", 0, 5)]]
    skipped = account.active[3]["orderNumber"]
    sync(partner_settings, conn)
    assert set(listed(account)) - set(stored(conn)) == {skipped}
    ledger = "select rows_declared, rows_read from integration.import_batches order by batch_id"
    assert conn.execute(ledger).fetchone() == (6, 6)
    sync(partner_settings, conn)
    assert listed(account).items() <= stored(conn).items()
