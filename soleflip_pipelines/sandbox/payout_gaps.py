"""Payouts that are not what the schedule says, each with its reason: planted to be found.

Every kind takes its turn, so that few orders show many of them; what a sale pays without any of
this is in `payouts`.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from soleflip_pipelines.sandbox.payouts import (
    CENT,
    LEVEL_RATES,
    OLD_MINIMUM,
    Adjustment,
    FeeSchedule,
    Payout,
    money,
    share_text,
)
from soleflip_pipelines.sandbox.rates import ReferenceRates

_SHARE = 0.05
# The sheet and last year's report tell older payouts, too: only a young one can be missing.
_UNTOLD_DAYS = 100
_ODD_RATE = Decimal("0.11")


@dataclass(frozen=True)
class _Sold:
    price: Decimal
    currency: str
    day: date
    payout: Payout


class GapMaker:
    """Changes the payout of some completed sales of StockX."""

    def __init__(
        self, rng: random.Random, fees: FeeSchedule, rates: ReferenceRates, until: date
    ) -> None:
        self._rng = rng
        self._fees = fees
        self._rates = rates
        self._untold_from = until - timedelta(days=_UNTOLD_DAYS)
        self._report_year = until.year - 1
        self._kinds: list[Callable[[_Sold], Payout | None]] = [
            self._level, self._promotion, self._unexplained, self._shipping, self._missing,
            self._double, self._rounding, self._minimum, self._penalty, self._currency,
            self._refund, self._odd_fee,
        ]  # fmt: skip

    def plant(self, payout: Payout, price: Decimal, currency: str, day: date) -> Payout:
        """The payout, or in a few cases another one."""
        if self._rng.random() >= _SHARE:
            return payout
        sold = _Sold(price, currency, day, payout)
        for place, kind in enumerate(self._kinds):
            changed = kind(sold)
            if changed is not None:
                self._kinds.append(self._kinds.pop(place))
                return changed
        return payout

    def _more(self, sold: _Sold, reason: str, line: Adjustment) -> Payout:
        return Payout((*sold.payout.lines, line), (*sold.payout.gaps, (reason, line.amount)))

    def _instead(self, sold: _Sold, reason: str, place: int, line: Adjustment) -> Payout | None:
        lines = list(sold.payout.lines)
        gap = line.amount - lines[place].amount
        lines[place] = line
        return Payout(tuple(lines), (*sold.payout.gaps, (reason, gap))) if gap else None

    def _level(self, sold: _Sold) -> Payout | None:
        now = self._fees.rate(sold.day)
        rate = Decimal(self._rng.choice([r for r in LEVEL_RATES if Decimal(r) != now]))
        fee = money(sold.price * rate)
        if fee <= OLD_MINIMUM or -sold.payout.lines[0].amount <= OLD_MINIMUM:
            return None
        label = self._fees.fee_label(sold.day, rate, False)
        return self._instead(sold, "level change", 0, Adjustment(label, -fee, share_text(rate)))

    def _minimum(self, sold: _Sold) -> Payout | None:
        """The least fee of an earlier schedule."""
        first = sold.payout.lines[0]
        if sold.currency != "EUR" or -first.amount >= Decimal("8.00"):
            return None
        label = self._fees.fee_label(sold.day, Decimal(first.percentage), True)
        return self._instead(
            sold, "minimum fee", 0, Adjustment(label, Decimal("-8.00"), first.percentage)
        )

    def _odd_fee(self, sold: _Sold) -> Payout | None:
        fee = money(sold.price * _ODD_RATE)
        if fee <= OLD_MINIMUM:
            return None
        first = replace(sold.payout.lines[0], label="Transaction Fee", amount=-fee)
        return self._instead(sold, "unexplained", 0, first)

    def _double(self, sold: _Sold) -> Payout:
        return self._more(sold, "double charge", sold.payout.lines[1])

    def _shipping(self, sold: _Sold) -> Payout | None:
        if sold.payout.gaps:
            return None
        line = sold.payout.lines[-1]
        surcharge = Decimal(self._rng.choice(("2.50", "4.50")))
        return self._instead(sold, "shipping", -1, replace(line, amount=line.amount - surcharge))

    def _promotion(self, sold: _Sold) -> Payout:
        bonus = Decimal(self._rng.choice(("2.00", "3.50", "5.00")))
        return self._more(sold, "promotion", Adjustment("Seller Promotion", bonus, "0"))

    def _penalty(self, sold: _Sold) -> Payout:
        line = Adjustment("Late Shipment Penalty", Decimal("-7.50"), "0")
        return self._more(sold, "penalty", line)

    def _refund(self, sold: _Sold) -> Payout:
        amount = -money(sold.price * Decimal("0.1"))
        return self._more(sold, "refund", Adjustment("Buyer Refund", amount, "0"))

    def _rounding(self, sold: _Sold) -> Payout:
        return self._more(
            sold, "rounding", Adjustment("", self._rng.choice((CENT, -CENT, -2 * CENT)), "0")
        )

    def _unexplained(self, sold: _Sold) -> Payout:
        amount = Decimal(self._rng.randrange(100, 990)) / 100
        return self._more(sold, "unexplained", Adjustment("", -amount, "0"))

    def _is_told_once(self, sold: _Sold) -> bool:
        return sold.day > self._untold_from and sold.day.year != self._report_year

    def _missing(self, sold: _Sold) -> Payout | None:
        if not self._is_told_once(sold):
            return None
        more = sum((gap for _, gap in sold.payout.gaps), Decimal(0))
        expected = pays(sold.price, sold.payout.lines) - more
        if not expected:
            return None
        return replace(sold.payout, gaps=(("missing payout", -expected),), is_missing=True)

    def _currency(self, sold: _Sold) -> Payout | None:
        """Paid in another currency, at the marketplace's own rate of exchange."""
        if sold.payout.gaps or not self._is_told_once(sold):
            return None
        other = "EUR" if sold.currency != "EUR" else "GBP"
        theirs, ours = (self._rates.on(sold.day, code) for code in (other, sold.currency))
        worse = (theirs / ours * Decimal("0.985")).quantize(Decimal("0.000001"))
        expected = pays(sold.price, sold.payout.lines)
        gap = money(money(expected * worse) * ours / theirs) - expected
        if not gap:
            return None
        return replace(sold.payout, gaps=(("currency", gap),), paid_in=f"{other} {worse}")


def pays(price: Decimal, lines: tuple[Adjustment, ...]) -> Decimal:
    """A price less what is deducted."""
    return price + sum((line.amount for line in lines), Decimal(0))
