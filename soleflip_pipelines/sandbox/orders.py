"""The orders of one product: size, price, currency, moment, status and payout of each sale.

Which units they sell is decided in `purchases` and `costing`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from soleflip_pipelines.sandbox.catalogue import Product, Variant
from soleflip_pipelines.sandbox.codes import order_number
from soleflip_pipelines.sandbox.demand import Calendar, PricePath, sale_days, sale_moment
from soleflip_pipelines.sandbox.payout_gaps import GapMaker
from soleflip_pipelines.sandbox.payouts import FeeSchedule, Payout, penalty
from soleflip_pipelines.sandbox.rates import ReferenceRates
from soleflip_pipelines.sandbox.trade import Sale
from soleflip_pipelines.settings import BERLIN

_CURRENCIES, _CURRENCY_WEIGHTS = ("EUR", "GBP", "USD"), (85, 8, 7)
# An order's usual way: the active status it has reached by its age in days, from 1.
PROGRESS = (
    "CREATED", "CREATED", "SHIPPED", "SHIPPED", "RECEIVED", "AUTHENTICATING", "AUTHENTICATED",
    "PAYOUTPENDING", "PAYOUTCOMPLETED", "PAYOUTCOMPLETED",
)  # fmt: skip
PAID_LATE = frozenset(("AUTHENTICATED", "PAYOUTPENDING", "PAYOUTCOMPLETED", "PAYOUTFAILED"))
_ENDINGS = ("CANCELED", "AUTHFAILED", "DIDNOTSHIP", "RETURNED", "COMPLETED")
_ENDING_WEIGHTS = (4.2, 1.6, 1.6, 2.2, 90.4)
_RARE_OPEN = ("SUSPENDED", "PAYOUTFAILED", "DONOTSHIP", "SYSTEMFULFILLED")


class OrderMaker:
    """Makes sales; every order number is used once."""

    def __init__(
        self, rng: random.Random, calendar: Calendar, fees: FeeSchedule, rates: ReferenceRates,
        gaps: GapMaker,
    ) -> None:  # fmt: skip
        self._rng = rng
        self._calendar = calendar
        self._fees = fees
        self._rates = rates
        self._gaps = gaps
        self._end = calendar.date(calendar.days)
        self._made = 0

    def sales(self, product: Product, path: PricePath, count: int) -> Iterator[Sale]:
        """Yield `count` sales of a product, oldest day first."""
        weights = [variant.size.weight for variant in product.variants]
        for day in sale_days(product, self._calendar, count, self._rng):
            variant = self._rng.choices(product.variants, weights)[0]
            fit = 1.0 + 0.06 * (self._rng.random() - 0.5) * min(len(product.variants), 6)
            price_eur = path.at(day) * fit * self._rng.lognormvariate(0.0, 0.07)
            yield self._sale(product, variant, self._calendar.date(day), price_eur)

    def _sale(self, product: Product, variant: Variant, day: date, price_eur: float) -> Sale:
        rng = self._rng
        ordered = sale_moment(day, rng)
        ordered_at = ordered.astimezone(UTC)
        currency = rng.choices(_CURRENCIES, _CURRENCY_WEIGHTS)[0]
        price = Decimal(max(12, round(price_eur * float(self._rates.on(day, currency)))))
        status = self._status((self._end - day).days)
        updated_at = self._updated_at(ordered_at, status)
        is_flex = rng.random() < 0.03
        is_plain = rng.random() < 0.97
        payout = self._payout(status, price, currency, day)
        place = self._payout_place(status)
        self._made += 1
        return Sale(
            index=self._made,
            order_number=order_number(self._made, int(ordered_at.timestamp()), is_flex=is_flex),
            product=product,
            variant=variant,
            price=price,
            amount_text=str(price) if is_plain else f"{price}.0000",
            currency=currency,
            status=status,
            ordered_at=ordered_at,
            sold_on=ordered_at.astimezone(BERLIN).date(),
            updated_at=updated_at,
            updated_on=updated_at.astimezone(BERLIN).date(),
            adjustments=payout.lines,
            payout_in="none" if payout.is_missing else place,
            gaps=payout.gaps,
            paid_in=payout.paid_in,
            inventory_type="FLEX" if is_flex else "STANDARD",
        )

    def _status(self, age_days: int) -> str:
        draw = self._rng.random()
        ending = self._rng.choices(_ENDINGS, _ENDING_WEIGHTS)[0]
        if age_days <= len(PROGRESS):
            if draw < 0.02 and age_days > 2:
                return "CANCELED"
            if draw < 0.03:
                return "CCAUTHORIZATIONFAILED"
            return "PENDING" if draw < 0.05 and age_days <= 2 else PROGRESS[age_days - 1]
        if age_days <= 45 and draw < 0.05:
            return self._rng.choice(_RARE_OPEN)
        return ending

    def _updated_at(self, ordered_at: datetime, status: str) -> datetime:
        low, high = {
            "COMPLETED": (2.0, 8.0),
            "RETURNED": (9.0, 24.0),
            "CANCELED": (0.1, 3.0),
            "DIDNOTSHIP": (4.0, 9.0),
            "AUTHFAILED": (4.0, 10.0),
        }.get(status, (0.0, 1.0))
        latest = datetime.combine(self._end, time(), BERLIN).astimezone(UTC) - timedelta(minutes=5)
        after = timedelta(days=self._rng.triangular(low, high))
        moment = max(ordered_at, min(ordered_at + after, latest))
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)

    def _payout(self, status: str, price: Decimal, currency: str, day: date) -> Payout:
        if status == "DIDNOTSHIP":
            line = penalty(price)
            return Payout((line,), (("penalty", line.amount),))
        if status in ("CANCELED", "AUTHFAILED", "CCAUTHORIZATIONFAILED"):
            return Payout(())
        payout = self._fees.payout(price, currency, day, self._rng)
        return self._gaps.plant(payout, price, currency, day) if status == "COMPLETED" else payout

    def _payout_place(self, status: str) -> str:
        if status in ("CANCELED", "AUTHFAILED", "DIDNOTSHIP"):
            return "detail"
        if status in ("COMPLETED", "RETURNED") or status in PAID_LATE:
            return "list" if self._rng.random() < 0.75 else "detail"
        return "none"
