"""Lets time pass in a generated business: open orders move on, are paid and leave the active list.

Changes the served file and the truth alike; makes no new orders.
"""

from __future__ import annotations

import sqlite3
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from soleflip_pipelines.sandbox import storage
from soleflip_pipelines.sandbox.costing import sale_status
from soleflip_pipelines.sandbox.orders import PAID_LATE, PROGRESS
from soleflip_pipelines.sandbox.trade import CLOSED
from soleflip_pipelines.settings import BERLIN

_FEES = ("transaction_fee", "processing_fee", "shipping_fee", "other_fee")


def advance(folder: Path, days: int) -> int:
    """Let days pass and return how many orders changed their status.

    An order follows its usual way by age; after that, and whatever held it up, it is completed, or
    cancelled if the buyer's card failed. Asks and bids become those of the new day.
    """
    business = sqlite3.connect(folder / storage.BUSINESS, isolation_level=None)
    truth = sqlite3.connect(folder / storage.TRUTH, isolation_level=None)
    business.row_factory = truth.row_factory = sqlite3.Row
    try:
        business.execute("begin")
        truth.execute("begin")
        today = _move_today(business, days)
        moved = _move_orders(business, truth, today)
        _move_to_history(business)
        business.execute("commit")
        truth.execute("commit")
    finally:
        business.close()
        truth.close()
    return moved


def _move_today(business: sqlite3.Connection, days: int) -> date:
    row = business.execute("select value from meta where key = 'until'").fetchone()
    today = date.fromisoformat(row["value"]) + timedelta(days=days)
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
        sold_on = datetime.fromisoformat(row["created_at"]).astimezone(BERLIN).date()
        status = _next_status(row["status"], (today - sold_on).days)
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
        "select * from sold_order where order_number = ?", (order_number,)
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
        "where order_number = ?",
        (status, payout, profit, state, order_number),
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
