"""The hand-kept sheet of past sales: marketplace orders a second time, some with their unit.

Chooses which orders stand on it and which unit each names; the file itself is `supplier_files`.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

from soleflip_pipelines.sandbox.costing import Unit
from soleflip_pipelines.sandbox.purchases import takes_unit
from soleflip_pipelines.sandbox.supplier_files import Row, write_number
from soleflip_pipelines.sandbox.trade import Sale

_CHANCE, _LINK_CHANCE = 0.4, 0.9
_MOST_ROWS = 5_000
_FLAWS: tuple[Row, ...] = (
    {"order_number": ""},
    {"sold_on": "bald"},
    {"sale_price": "tbd"},
)


class SheetMaker:
    """Picks orders of the first half of the history for the sheet and units for some of them."""

    def __init__(self, rng: random.Random, first_day: date, orders: int) -> None:
        self._rng = rng
        self._last_day = first_day + timedelta(days=500)
        self._chance = min(_CHANCE, _MOST_ROWS / max(orders, 1) * 2.5)
        self.rows: list[Row] = []
        self.flawed: list[tuple[str, Row]] = []

    def pick(self, sales: Sequence[Sale], units: Sequence[Unit]) -> dict[str, Unit]:
        """Put some sales of a variant on the sheet; return the units that it names by order."""
        links: dict[str, Unit] = {}
        for sale in sales:
            is_wanted = takes_unit(sale) and sale.sold_on < self._last_day
            if not is_wanted or self._rng.random() >= self._chance:
                continue
            free = [
                unit
                for unit in units
                if unit.lot.unit_ref
                and unit.lot.available_on <= sale.sold_on
                and all(unit is not taken for taken in links.values())
            ]
            unit = self._rng.choice(free) if free and self._rng.random() < _LINK_CHANCE else None
            if unit is not None:
                links[sale.order_number] = unit
            self.rows.append(self._row(sale, unit))
        return links

    def add_flaws(self) -> None:
        """Copy a few rows with something irreparable in each; nothing on an empty sheet."""
        sound = list(self.rows)
        for flaw in _FLAWS[: len(sound) // 10]:
            row = self._rng.choice(sound) | {"unit_ref": ""} | flaw
            self.rows.insert(self._rng.randrange(len(self.rows)), row)
            self.flawed.append((next(iter(flaw)), row))

    def _row(self, sale: Sale, unit: Unit | None) -> Row:
        fees = -sum((line.amount for line in sale.adjustments), Decimal(0))
        return {
            "platform": "StockX",
            "order_number": sale.order_number,
            "unit_ref": unit.lot.unit_ref or "" if unit else "",
            "sold_on": sale.sold_on.strftime("%d.%m.%Y"),
            "product_name": sale.product.title,
            "style_code": sale.product.style_code or "N/A",
            "size": sale.variant.size.value,
            "sale_price": write_number(sale.price, "comma"),
            "currency_code": sale.currency,
            "fees_total": write_number(fees, "comma"),
            "shipping_paid": "",
            "payout_total": write_number(sale.price - fees, "comma"),
        }
