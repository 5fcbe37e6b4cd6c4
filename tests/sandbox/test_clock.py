"""Time that passes in a business: orders move on, and the truth with them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from soleflip_pipelines.sandbox import storage
from soleflip_pipelines.sandbox.clock import advance
from tests.sandbox.conftest import KEYS, make_business, refresh, serving

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
        moved = client.post("/_sandbox/advance", json={"days": 20}).json()["orders_moved"]
        assert moved == len(active) > 0
        assert numbers("active") == {}
        later = numbers("history")
    assert set(later) == set(active) | set(history)
    assert all(later[number] == at for number, at in history.items())
    assert all(later[number] > at for number, at in active.items())
    assert _positions(folder) == list(range(1, 301))


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
        for row in truth.execute("select * from sold_order where is_sale"):
            assert row["state"] in ("no_cost", "reconciled")
            if row["cost"] is not None:
                profit = Decimal(row["net_payout"]) - Decimal(row["cost"])
                assert Decimal(row["net_profit"]) == profit
    assert rows[0] == rows[1]
