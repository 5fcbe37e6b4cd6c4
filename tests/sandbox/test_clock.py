"""Time that passes in a business: orders move on, and the truth with them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from soleflip_pipelines.sandbox import storage
from soleflip_pipelines.sandbox.clock import advance
from tests.sandbox.conftest import KEYS, UNTIL, make_business, refresh, serving

pytestmark = pytest.mark.api


def _positions(folder: Path) -> list[int]:
    served = storage.open_read_only(folder / storage.BUSINESS)
    rows = served.execute(
        "select history_position from sold_order where history_position is not null "
        "order by created_at, order_number"
    )
    return [row[0] for row in rows]


def test_orders_leave_the_active_list_for_the_history(tmp_path: Path) -> None:
    folder = make_business(tmp_path, 300)
    with serving(folder) as client:
        token = refresh(client).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}", "x-api-key": KEYS.api_key}

        def numbers(part: str) -> dict[str, str]:
            found: dict[str, str] = {}
            page, more = 0, True
            while more:
                page += 1
                path = f"/stockx/v2/selling/orders/{part}?pageSize=100&pageNumber={page}"
                body = client.get(path, headers=headers).json()
                found |= {o["orderNumber"]: o["updatedAt"] for o in body["orders"]}
                more = body["hasNextPage"]
            return found

        active, history = numbers("active"), numbers("history")
        assert client.post("/_sandbox/advance", json={"days": 0}).status_code == 400
        passed = client.post("/_sandbox/advance", json={"days": 20}).json()
        assert passed["orders_moved"] >= len(active) > 0
        assert passed["orders_new"] > 0
        active_then, later = numbers("active"), numbers("history")
    assert set(active_then).isdisjoint(active)
    assert set(later) >= set(active) | set(history)
    assert len(later) + len(active_then) == 300 + passed["orders_new"]
    assert all(later[number] == at for number, at in history.items())
    assert all(later[number] > at for number, at in active.items())
    assert _positions(folder) == list(range(1, len(later) + 1))


def test_the_truth_moves_along_by_single_days(tmp_path: Path) -> None:
    """Day by day or in one step, the same orders come to the same figures."""
    once, daily = make_business(tmp_path / "a", 300), make_business(tmp_path / "b", 300)
    advance(once, 15)
    for _ in range(15):
        advance(daily, 1)
        assert _positions(daily) == list(range(1, len(_positions(daily)) + 1))
    rows = []
    for folder in (once, daily):
        truth = storage.open_read_only(folder / storage.TRUTH)
        rows.append([tuple(r) for r in truth.execute("select * from sold_order order by 1")])
        odd = "reason in ('unexplained', 'missing payout', 'currency')"
        old = (
            f"is_sale and sold_on < '{UNTIL}' and sources <> 'report' and order_number not in"
            f" (select order_number from payout_gap where {odd})"
        )
        for row in truth.execute(f"select * from sold_order where {old}"):
            assert row["state"] in ("no_cost", "reconciled")
            if row["cost"] is not None:
                names = ("cost", "vat_due", "outbound_cost", "penalty")
                costs = sum(Decimal(row[name]) for name in names)
                assert Decimal(row["net_profit"]) == Decimal(row["net_payout"]) - costs
    assert rows[0] == rows[1]


def test_new_orders_sell_what_waits_first_in_first_out(tmp_path: Path) -> None:
    folder = make_business(tmp_path, 300)
    truth = storage.open_read_only(folder / storage.TRUTH)

    def waiting() -> dict[str, list[tuple[str, int]]]:
        queues: dict[str, list[tuple[str, int]]] = {}
        for row in truth.execute(
            "select * from unit where queue_no is not null order by variant_id, queue_no"
        ):
            queues.setdefault(row["variant_id"], []).append((row["line_key"], row["unit_no"]))
        return queues

    before = waiting()
    made = advance(folder, 60).new
    new = truth.execute(
        "select * from sold_order where sold_on >= ? order by ordered_at", (str(UNTIL),)
    ).fetchall()
    assert len(new) == made > 10
    for row in new:
        queue = before.get(row["variant_id"], [])
        assert (row["line_key"] is None) == (not queue)
        if queue:
            assert (row["line_key"], row["unit_no"]) == queue.pop(0)
    assert {key: queue for key, queue in before.items() if queue} == waiting()
    served = storage.open_read_only(folder / storage.BUSINESS)
    numbers = {row[0] for row in served.execute("select order_number from sold_order")}
    assert numbers == {
        row[0]
        for row in truth.execute("select order_number from sold_order where platform = 'stockx'")
    }
    meta = storage.read_meta(folder / storage.TRUTH) or {}
    assert (int(meta["orders"]), len(numbers)) == (300 + made, 300 + made)


def test_ebay_and_alias_move_on_too(tmp_path: Path) -> None:
    folder = make_business(tmp_path, 300)
    served = storage.open_read_only(folder / storage.BUSINESS)
    truth = storage.open_read_only(folder / storage.TRUTH)
    unsent = "select count(*) from ebay_order where fulfilment = 'NOT_STARTED' and payment = 'PAID'"
    on_its_way = (
        "select count(*) from alias_order "
        "where status not in ('ORDER_STATUS_COMPLETED', 'ORDER_STATUS_CANCELED')"
    )
    assert served.execute(unsent).fetchone()[0] > 0
    assert served.execute(on_its_way).fetchone()[0] > 0
    advance(folder, 12)
    assert served.execute(unsent).fetchone()[0] == 0
    assert served.execute(on_its_way).fetchone()[0] == 0
    open_ones = "select count(*) from sold_order where platform <> 'stockx' and status = 'open'"
    assert truth.execute(open_ones).fetchone()[0] == 0
