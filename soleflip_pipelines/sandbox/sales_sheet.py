"""The hand-kept sheet of past sales: orders a second time, some with their unit and postage.

Chooses which orders stand on it and which unit each names; the file itself is `supplier_files`.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from soleflip_pipelines.sandbox.costing import Unit
from soleflip_pipelines.sandbox.payouts import Adjustment
from soleflip_pipelines.sandbox.purchases import takes_unit
from soleflip_pipelines.sandbox.supplier_files import Row, write_number
from soleflip_pipelines.sandbox.trade import Sale, SaleKey

_CHANCE, _LINK_CHANCE = 0.4, 0.9
_MOST_ROWS = 5_000
_NAMES = {"stockx": "StockX", "ebay": "eBay", "alias": "Alias"}
_POSTAGE = ("4.19", "5.49", "6.19", "7.69")
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

    def pick(
        self, sales: Iterable[Sale], units: Sequence[Unit], orders_of_many: frozenset[str]
    ) -> tuple[list[Sale], dict[SaleKey, Unit]]:
        """Put some sales of a variant on the sheet.

        Args:
            sales: of one variant, on every marketplace.
            units: of the variant.
            orders_of_many: orders of several lines, which a row of the sheet could not tell apart.

        Returns:
            The sales with what the sheet adds to them, and the units that it names.
        """
        links: dict[SaleKey, Unit] = {}
        noted: list[Sale] = []
        for sale in sales:
            is_wanted = takes_unit(sale) and sale.sold_on < self._last_day
            is_wanted = is_wanted and sale.order_number not in orders_of_many
            if not is_wanted or self._rng.random() >= self._chance:
                noted.append(sale)
                continue
            unit = self._unit_for(sale, units, links)
            if unit is not None:
                links[sale.key] = unit
            postage = Decimal(self._rng.choice(_POSTAGE)) if sale.platform == "ebay" else Decimal(0)
            noted.append(_with_sheet(replace(sale, outbound=postage)))
            self.rows.append(self._row(noted[-1], unit))
        return noted, links

    def _unit_for(
        self, sale: Sale, units: Sequence[Unit], links: dict[SaleKey, Unit]
    ) -> Unit | None:
        free = [
            unit
            for unit in units
            if unit.lot.unit_ref
            and unit.lot.available_on <= sale.sold_on
            and all(unit is not taken for taken in links.values())
        ]
        # What nobody can recognise cannot give its unit back to the right article either.
        is_linkable = sale.quantity == 1 and (sale.is_recognisable or sale.status != "RETURNED")
        if not free or not is_linkable or self._rng.random() >= _LINK_CHANCE:
            return None
        return self._rng.choice(free)

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
            "platform": _NAMES[sale.platform],
            "order_number": sale.order_number,
            "unit_ref": unit.lot.unit_ref or "" if unit else "",
            "sold_on": sale.sold_on.strftime("%d.%m.%Y"),
            "product_name": sale.product.title if sale.is_recognisable else "Paar ohne Etikett",
            "style_code": (sale.is_recognisable and sale.product.style_code) or "N/A",
            "size": sale.variant.size.value if sale.is_recognisable else "",
            "sale_price": write_number(sale.price, "comma"),
            "currency_code": sale.currency,
            "fees_total": write_number(fees, "comma"),
            "shipping_paid": write_number(sale.outbound, "comma") if sale.outbound else "",
            "payout_total": write_number(sale.price - fees, "comma"),
        }


def _with_sheet(sale: Sale) -> Sale:
    """A sale that has the sheet as a door too; where no other tells its fees, the sheet does."""
    sale = replace(sale, doors=(*sale.doors, "sheet"))
    if "api" in sale.doors:
        return sale
    fees = sum((line.amount for line in sale.adjustments), Decimal(0))
    return replace(sale, adjustments=(Adjustment("Fees", fees, "0"),), payout_in="list")
