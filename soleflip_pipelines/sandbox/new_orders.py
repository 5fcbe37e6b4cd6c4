"""New StockX orders for a business in which time passes: one day's sales, and their truth.

Sells what waits in stock, first in, first out, and now and then something that was sold before.
"""

from __future__ import annotations

import random
import sqlite3
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from decimal import Decimal

from soleflip_pipelines.sandbox import storage
from soleflip_pipelines.sandbox.books import iso
from soleflip_pipelines.sandbox.codes import order_number, stable_uuid, stream
from soleflip_pipelines.sandbox.costing import fee_kind
from soleflip_pipelines.sandbox.demand import HISTORY_DAYS, sale_moment
from soleflip_pipelines.sandbox.payouts import FeeSchedule, Payout

_FROM_STOCK = 0.85
# The last days sell more than the average one of the history.
_GROWTH = 1.3


@dataclass(frozen=True)
class _Article:
    product_position: int
    variant_id: str
    unit: sqlite3.Row | None


class Shop:
    """Makes the orders of single days in the two files of a business."""

    def __init__(self, business: sqlite3.Connection, truth: sqlite3.Connection) -> None:
        self._business = business
        self._truth = truth
        # Of the generation, not of today: the truth counts on, the business' day moves on.
        meta = dict(truth.execute("select key, value from meta"))
        meta["orders"] = business.execute("select value from meta where key = 'orders'").fetchone()[
            0
        ]
        self._seed, orders = int(meta["seed"]), int(meta["orders"])
        until = date.fromisoformat(meta["until"])
        self._a_day = orders / HISTORY_DAYS * _GROWTH
        self._fees = FeeSchedule(orders, until - timedelta(days=HISTORY_DAYS), until)

    def open(self, day: date) -> int:
        """Sell for one (Berlin) day and return how many orders that made."""
        rng = stream(self._seed, f"new orders {day}")
        count = int(self._a_day) + (rng.random() < self._a_day % 1)
        moments = sorted(sale_moment(day, rng).astimezone(UTC) for _ in range(count))
        made = 0
        for moment in moments:
            article = self._article(rng)
            if article is not None:
                self._sell(article, day, iso(moment), int(moment.timestamp()), rng)
                made += 1
        if made:
            self._count(made)
        return made

    def _article(self, rng: random.Random) -> _Article | None:
        """What sells next; nothing where the next unit of an article is one that nobody knows."""
        waiting = self._truth.execute(
            "select variant_id, min(queue_no) from unit "
            "where queue_no is not null group by variant_id order by variant_id"
        ).fetchall()
        if waiting and rng.random() < _FROM_STOCK:
            variant_id = rng.choice(waiting)["variant_id"]
        else:
            last = self._business.execute("select max(position) from sold_order").fetchone()[0]
            if not last:
                return None
            position = rng.randrange(1, last + 1)
            variant_id = self._business.execute(
                "select variant_id from sold_order where position = ?", (position,)
            ).fetchone()[0]
        held = self._truth.execute(
            "select * from unit where variant_id = ? and status <> 'sold' "
            "order by queue_no is null, queue_no",
            (variant_id,),
        ).fetchall()
        unit = held[0] if held else None
        if unit is not None and unit["queue_no"] is None:
            return None
        product = self._business.execute(
            "select product_position from variant where variant_id = ?", (variant_id,)
        ).fetchone()
        return _Article(product[0], variant_id, unit)

    def _sell(
        self, article: _Article, day: date, created_at: str, second: int, rng: random.Random
    ) -> None:
        product = self._business.execute(
            "select * from product where position = ?", (article.product_position,)
        ).fetchone()
        price = Decimal(max(12, round(product["going_price"] * rng.lognormvariate(0.0, 0.07))))
        payout = self._fees.payout(price, "EUR", day, rng)
        position = self._business.execute("select max(position) from sold_order").fetchone()[0]
        number = order_number(position + 1, second, is_flex=False)
        self._business.execute(
            "insert into sold_order values (?, null, ?, ?, ?, ?, 'EUR', 'CREATED', ?, ?, "
            "'STANDARD', ?, 'none', '')",
            (
                position + 1, number, article.product_position, article.variant_id, str(price),
                created_at, created_at,
                storage.pack((a.label, str(a.amount), a.percentage) for a in payout.lines),
            ),
        )  # fmt: skip
        self._list(article, number, str(price), created_at)
        self._note(article, product["product_id"], number, price, day, created_at, payout)

    def _list(self, article: _Article, number: str, price: str, created_at: str) -> None:
        """The order's listing; one that was still open for the article ends."""
        self._business.execute(
            "update listing set status = 'CANCELED', amount = null, updated_at = ? where rowid = "
            "(select min(rowid) from listing where variant_id = ? and status = 'ACTIVE')",
            (created_at, article.variant_id),
        )
        self._business.execute(
            "insert into listing values (?, ?, ?, 'MATCHED', ?, 'EUR', ?, ?, ?, 'STANDARD')",
            (stable_uuid(0, "order listing", number), article.product_position,
             article.variant_id, price, created_at, created_at, number),
        )  # fmt: skip

    def _note(
        self, article: _Article, product_id: str, number: str, price: Decimal, day: date,
        created_at: str, payout: Payout,
    ) -> None:  # fmt: skip
        fees = dict.fromkeys(("transaction", "processing", "shipping", "other"), Decimal("0.00"))
        for line in payout.lines:
            fees[fee_kind(line.label)] -= line.amount
        self._truth.executemany(
            "insert into payout_gap values ('stockx', ?, '1', ?, ?)",
            ((number, reason, str(amount)) for reason, amount in payout.gaps),
        )
        unit = article.unit
        self._truth.execute(
            "insert into sold_order values (?, 'open', 1, ?, ?, 'EUR', ?, ?, ?, ?, ?, '0.00', "
            "null, ?, ?, ?, ?, '0.00', null, ?, 'stockx', '1', 1, 'api', '0.00', ?, ?, ?)",
            (
                number, day.isoformat(), f"{price:.2f}", f"{price:.2f}",
                *(str(amount) for amount in fees.values()),
                unit["line_key"] if unit else None, unit["unit_no"] if unit else None,
                "fifo" if unit else None, unit["cost"] if unit else None,
                "estimated" if unit else "no_cost", created_at, product_id, article.variant_id,
            ),
        )  # fmt: skip
        if unit is not None:
            self._truth.execute(
                "update unit set status = 'sold', order_number = ?, queue_no = null, "
                "lost_on = null where line_key = ? and unit_no = ?",
                (number, unit["line_key"], unit["unit_no"]),
            )
            self._truth.execute(
                "insert into taking values (?, ?, 'stockx', ?, '1', ?, null)",
                (unit["line_key"], unit["unit_no"], number, day.isoformat()),
            )

    def _count(self, made: int) -> None:
        self._truth.execute(
            "update meta set value = cast(value + ? as text) "
            "where key in ('orders', 'order_lines')",
            (made,),
        )
