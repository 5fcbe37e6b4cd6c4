"""Lets time pass in a generated business: open orders move on and are paid, new ones come in.

Changes the served file and the truth alike; the new orders themselves are made in `new_orders`.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from soleflip_pipelines.sandbox import storage
from soleflip_pipelines.sandbox.alias_orders import CLOSED as ALIAS_CLOSED
from soleflip_pipelines.sandbox.alias_orders import COMPLETED as ALIAS_COMPLETED
from soleflip_pipelines.sandbox.alias_orders import PROGRESS as ALIAS_PROGRESS
from soleflip_pipelines.sandbox.costing import sale_status
from soleflip_pipelines.sandbox.new_orders import Shop
from soleflip_pipelines.sandbox.orders import PAID_LATE, PROGRESS
from soleflip_pipelines.sandbox.trade import CLOSED
from soleflip_pipelines.settings import BERLIN

_FEES = ("transaction_fee", "processing_fee", "shipping_fee", "other_fee")
_EBAY_SENT_AFTER = 3


@dataclass(frozen=True)
class Passed:
    """What happened meanwhile: changes of an order's state, and new orders."""

    moved: int
    new: int


def advance(folder: Path, days: int) -> Passed:
    """Let days pass, one after the other.

    An order follows its usual way by age; after that, and whatever held it up, it is completed, or
    cancelled if the buyer's card failed. StockX sells on. Asks and bids become those of the new
    day.
    """
    business = sqlite3.connect(folder / storage.BUSINESS, isolation_level=None)
    truth = sqlite3.connect(folder / storage.TRUTH, isolation_level=None)
    business.row_factory = truth.row_factory = sqlite3.Row
    try:
        business.execute("begin")
        truth.execute("begin")
        shop = Shop(business, truth)
        moved = new = 0
        for _ in range(days):
            today = _move_today(business)
            moved += _move_orders(business, truth, today)
            moved += _move_ebay(business, truth, today) + _move_alias(business, truth, today)
            new += shop.open(today - timedelta(days=1))
            _move_to_history(business)
        business.execute("commit")
        truth.execute("commit")
    finally:
        business.close()
        truth.close()
    return Passed(moved, new)


def _move_today(business: sqlite3.Connection) -> date:
    row = business.execute("select value from meta where key = 'until'").fetchone()
    today = date.fromisoformat(row["value"]) + timedelta(days=1)
    storage.write_meta(business, {"until": today.isoformat()})
    return today


def _next_status(status: str, age_days: int) -> str:
    if age_days <= len(PROGRESS):
        return PROGRESS[age_days - 1] if status in PROGRESS else status
    return "CANCELED" if status == "CCAUTHORIZATIONFAILED" else "COMPLETED"


def _move_orders(business: sqlite3.Connection, truth: sqlite3.Connection, today: date) -> int:
    moved = 0
    rows = business.execute("select * from sold_order where history_position is null").fetchall()
    for row in rows:
        status = _next_status(row["status"], _age(row["created_at"], today))
        if status == row["status"]:
            continue
        moved += 1
        place = row["payout_in"]
        if status == "CANCELED":
            place = "detail"
        elif status == "COMPLETED" or status in PAID_LATE:
            place = "list" if place == "none" else place
        business.execute(
            "update sold_order set status = ?, updated_at = ?, payout_in = ? where position = ?",
            (status, f"{today - timedelta(days=1)}T18:00:00.000Z", place, row["position"]),
        )
        if status in CLOSED:
            business.execute(
                "update listing set status = ? where order_number = ?",
                (status, row["order_number"]),
            )
        _tell_truth(truth, row["order_number"], status, is_seen=place != "none")
    return moved


def _tell_truth(
    truth: sqlite3.Connection, order_number: str, raw_status: str, *, is_seen: bool
) -> None:
    row = truth.execute(
        "select * from sold_order where order_number = ? and platform = 'stockx'", (order_number,)
    ).fetchone()
    status = sale_status(raw_status)
    payout, profit, state = row["net_payout"], row["net_profit"], row["state"]
    if row["is_sale"] and is_seen:
        payout = str(Decimal(row["gross"]) - sum(Decimal(row[fee]) for fee in _FEES))
        if row["cost"] is not None:
            profit = str(Decimal(payout) - Decimal(row["cost"]))
            state = "reconciled" if status == "completed" else "payout_seen"
    truth.execute(
        "update sold_order set status = ?, net_payout = ?, net_profit = ?, state = ? "
        "where order_number = ? and platform = 'stockx'",
        (status, payout, profit, state, order_number),
    )


def _move_ebay(business: sqlite3.Connection, truth: sqlite3.Connection, today: date) -> int:
    """Send what was paid some days ago."""
    rows = business.execute(
        "select order_id, created_at from ebay_order "
        "where fulfilment <> 'FULFILLED' and payment = 'PAID'"
    ).fetchall()
    due = [row["order_id"] for row in rows if _age(row["created_at"], today) >= _EBAY_SENT_AFTER]
    for number in due:
        business.execute(
            "update ebay_order set fulfilment = 'FULFILLED', modified_at = ? where order_id = ?",
            (f"{today - timedelta(days=1)}T18:00:00.000Z", number),
        )
        _complete(truth, number)
    return len(due)


def _move_alias(business: sqlite3.Connection, truth: sqlite3.Connection, today: date) -> int:
    """Bring open orders as far as their age; after that they are completed."""
    moved = 0
    rows = business.execute(
        "select * from alias_order where status not in (?, ?)", ALIAS_CLOSED
    ).fetchall()
    for row in rows:
        age = _age(row["sold_at"], today)
        state = ALIAS_PROGRESS[age - 1] if age <= len(ALIAS_PROGRESS) else ALIAS_COMPLETED
        if state == (row["status"], row["fulfilment"]):
            continue
        moved += 1
        business.execute(
            "update alias_order set status = ?, fulfilment = ?, updated_at = ? where order_id = ?",
            (*state, f"{today - timedelta(days=1)}T18:00:00Z", row["order_id"]),
        )
        if state == ALIAS_COMPLETED:
            _complete(truth, row["purchase_order_number"])
    return moved


def _age(moment: str, today: date) -> int:
    return (today - datetime.fromisoformat(moment).astimezone(BERLIN).date()).days


def _complete(truth: sqlite3.Connection, order_number: str) -> None:
    """Note that an order whose fees were told from the start has come to its end."""
    truth.execute(
        "update sold_order set status = 'completed', "
        "state = iif(state = 'payout_seen', 'reconciled', state) "
        "where order_number = ? and platform <> 'stockx'",
        (order_number,),
    )


def _move_to_history(business: sqlite3.Connection) -> None:
    """Give closed orders their place: positions stay in order of creation, without gaps."""
    closed = "status in ('COMPLETED', 'CANCELED') and history_position is null"
    first = business.execute(f"select min(position) from sold_order where {closed}").fetchone()[0]
    if first is None:
        return
    rows = business.execute(
        "select position from sold_order where position >= ? and (history_position is not null "
        f"or {closed}) order by position",
        (first,),
    ).fetchall()
    before = business.execute(
        "select max(history_position) from sold_order where position < ?", (first,)
    ).fetchone()[0]
    positions = [row["position"] for row in rows]
    business.execute("update sold_order set history_position = null where position >= ?", (first,))
    business.executemany(
        "update sold_order set history_position = ? where position = ?",
        [((before or 0) + place, position) for place, position in enumerate(positions, 1)],
    )
