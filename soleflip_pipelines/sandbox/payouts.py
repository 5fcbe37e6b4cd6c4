"""What the marketplace deducts from a sale: the adjustments of an order and its payout.

Knows levels, minimum fees, labels by era and penalties; money is Decimal in the order's currency.
What is paid otherwise than the schedule says is planted in `payout_gaps`.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")
PROCESSING_RATE = Decimal("0.03")
_PENALTY_RATE, _PENALTY_MINIMUM = Decimal("0.15"), Decimal("15.00")
MINIMUM_FEE = {"EUR": Decimal("5.00"), "GBP": Decimal("4.50"), "USD": Decimal("5.00")}
SHIPPING = {"EUR": "6.00", "GBP": "5.40", "USD": "4.00"}
# Until when a label cost less and the least fee in euros was another one.
_OLD_UNTIL = date(2023, 7, 31)
OLD_MINIMUM, _OLD_SHIPPING = Decimal("9.00"), "5.16"
LEVEL_RATES = ("0.09", "0.085", "0.08", "0.075", "0.07")
_SALES_FOR_LEVEL = (0, 12, 40, 200, 800)


@dataclass(frozen=True)
class Adjustment:
    """A line of a payout: negative amounts are deducted, `percentage` is a fraction as text.

    A line without a label is in the total alone: the marketplace does not show it.
    """

    label: str
    amount: Decimal
    percentage: str


@dataclass(frozen=True)
class Payout:
    """What an order pays: the lines, and by how much they differ from the schedule, by reason.

    `paid_in` is a currency and the units of it for one of the order's, where they are not the same;
    an amount of it is no line's. What is missing is not stated anywhere.
    """

    lines: tuple[Adjustment, ...]
    gaps: tuple[tuple[str, Decimal], ...] = ()
    paid_in: str = ""
    is_missing: bool = False


def money(value: Decimal) -> Decimal:
    """Round to cents, half away from zero."""
    return value.quantize(CENT, ROUND_HALF_UP)


class FeeSchedule:
    """The account's transaction rate by calendar quarter, from what it sold the quarter before."""

    def __init__(self, orders: int, first_day: date, until: date) -> None:
        self._first_day = first_day
        self._until = until
        self._orders = orders
        # A change of the labels in the middle of the history, as the marketplace has made them.
        self._new_labels_from = date(first_day.year + 1, 7, 1)
        self._newest_labels_from = date(first_day.year + 2, 4, 1)

    def rate(self, day: date) -> Decimal:
        """The transaction rate of the quarter the day lies in; the same all through a quarter."""
        start = date(day.year, (day.month - 1) // 3 * 3 + 1, 1)
        progress = max(0.0, (start - self._first_day).days / (self._until - self._first_day).days)
        winter = 1.6 if start.month == 1 else 1.0
        sold = self._orders / 12 * (0.65 + 0.7 * progress) * winter * (0.0 if progress == 0 else 1)
        level = sum(sold >= floor for floor in _SALES_FOR_LEVEL) - 1
        # Quick and successful shipping is rewarded in some quarters, never below the best level.
        bonus = Decimal("0.005") * ((start.year * 4 + start.month // 3) % 3)
        return max(Decimal(LEVEL_RATES[level]) - bonus, Decimal(LEVEL_RATES[-1]))

    def payout(self, price: Decimal, currency: str, day: date, rng: random.Random) -> Payout:
        """What a sale that goes through pays; now and then the label is free."""
        rate = self.rate(day)
        is_early = currency == "EUR" and day <= _OLD_UNTIL
        least = OLD_MINIMUM if is_early else MINIMUM_FEE[currency]
        fee = max(money(price * rate), least)
        shipping = Decimal(_OLD_SHIPPING if is_early else SHIPPING[currency])
        lines = [
            Adjustment(self.fee_label(day, rate, fee == least), -fee, share_text(rate)),
            Adjustment("Payment Proc. (3%)", -money(price * PROCESSING_RATE), "0.03"),
        ]
        is_free = rng.random() >= 0.97
        if not is_free:
            lines.append(Adjustment("Shipping", -shipping, "0"))
            if day < self._new_labels_from and rng.random() < 0.12:
                lines.append(Adjustment("InPersonDropOff", shipping, "0"))
                is_free = True
        return Payout(tuple(lines), (("shipping", shipping),) if is_free else ())

    def fee_label(self, day: date, rate: Decimal, is_minimum: bool) -> str:
        """How the transaction fee is called on that day."""
        if day < self._new_labels_from:
            return "MinTransactionFee" if is_minimum else "Transaction Fee"
        if is_minimum:
            return "Minimum Transaction Fee"
        percent = f"{rate * 100:.1f}"
        if day < self._newest_labels_from:
            return f"Transaction Fee ({percent.removesuffix('.0')}%)"
        return f"Transaction Fee ({percent}%)"


def share_text(rate: Decimal) -> str:
    """A rate as the marketplace writes it."""
    return f"{rate.normalize():f}"


def penalty(price: Decimal) -> Adjustment:
    """What a sale that the seller did not ship costs."""
    amount = max(money(price * _PENALTY_RATE), _PENALTY_MINIMUM)
    return Adjustment("Seller Penalty (15%)", -amount, "0.15")
