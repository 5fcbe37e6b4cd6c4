"""The Alias orders of one product: shoes sold in US dollars to buyers of GOAT.

Further bought units of the products that StockX sells; amounts are US cents, as Alias has them.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

from soleflip_pipelines.sandbox.catalogue import Product, Variant
from soleflip_pipelines.sandbox.codes import stable_uuid, stream
from soleflip_pipelines.sandbox.demand import Calendar, PricePath, sale_days, sale_moment
from soleflip_pipelines.sandbox.payouts import Adjustment, money
from soleflip_pipelines.sandbox.rates import ReferenceRates
from soleflip_pipelines.sandbox.trade import Sale
from soleflip_pipelines.settings import BERLIN

# Only shoes with a code and a US size go there: so many of them that it is a twentieth of all.
_SHARE = 0.068
_COMMISSION, _SELLER_FEE = Decimal("0.095"), Decimal("5.00")
_GAP_SHARE = 0.04
CLOSED = ("ORDER_STATUS_COMPLETED", "ORDER_STATUS_CANCELED")
# An order's usual way by its age in days, from 1: status and fulfilment.
PROGRESS = (
    ("ORDER_STATUS_CONFIRMED", ""),
    ("ORDER_STATUS_LABEL_GENERATED", ""),
    ("ORDER_STATUS_IN_TRANSIT", "FULFILLMENT_STATUS_SELLER_SHIPPED"),
    ("ORDER_STATUS_IN_TRANSIT", "FULFILLMENT_STATUS_IN_TRANSIT"),
    ("ORDER_STATUS_IN_TRANSIT", "FULFILLMENT_STATUS_IN_TRANSIT"),
)
COMPLETED = ("ORDER_STATUS_COMPLETED", "FULFILLMENT_STATUS_DELIVERED")
_CANCELED = ("ORDER_STATUS_CANCELED", "")


@dataclass(frozen=True)
class AliasOrder:
    """An order of one pair; `price` and `after_take` are US dollars."""

    order_id: str
    sale: Sale
    status: str
    fulfilment: str
    price: Decimal
    after_take: Decimal


def is_carried(product: Product) -> bool:
    """Whether Alias deals in it: a shoe with a code, in US sizes."""
    first = product.variants[0].size.default_type
    return product.style_code is not None and product.sizing == "shoe" and str(first)[:2] == "us"


def us_size(value: str) -> float:
    """A US size as Alias has it: the number alone, without the mark of women or children."""
    return float(value.rstrip("WCYK"))


class AliasMaker:
    """Makes orders; every order number is used once."""

    def __init__(
        self, rng: random.Random, calendar: Calendar, rates: ReferenceRates, seed: int
    ) -> None:
        self._rng = rng
        self._gaps = stream(seed, "alias gaps")
        self._calendar = calendar
        self._rates = rates
        self._seed = seed
        self._end = calendar.date(calendar.days)
        self._made = 0

    def orders(self, product: Product, path: PricePath, stockx_count: int) -> Iterator[AliasOrder]:
        """Yield a share of the number of the product's StockX orders, oldest day first."""
        if not is_carried(product):
            return
        count = sum(self._rng.random() < _SHARE for _ in range(stockx_count))
        weights = [variant.size.weight for variant in product.variants]
        for day in sale_days(product, self._calendar, count, self._rng):
            variant = self._rng.choices(product.variants, weights)[0]
            if not self._made:
                day = self._calendar.days - 2
            yield self._order(product, variant, path.at(day), day)

    def _order(self, product: Product, variant: Variant, going_eur: float, day: int) -> AliasOrder:
        rng = self._rng
        self._made += 1
        sold = sale_moment(self._calendar.date(day), rng).astimezone(UTC).replace(microsecond=0)
        sold_on = sold.astimezone(BERLIN).date()
        status, fulfilment, updated = self._state(sold, (self._end - sold_on).days)
        dollars = float(self._rates.on(sold_on, "USD")) * going_eur * rng.lognormvariate(0.02, 0.07)
        price = Decimal(max(20, round(dollars)))
        after_take = price - money(price * _COMMISSION) - _SELLER_FEE
        ours = {COMPLETED[0]: "COMPLETED", _CANCELED[0]: "CANCELED"}.get(status, "CREATED")
        gaps: tuple[tuple[str, Decimal], ...] = ()
        if ours == "COMPLETED" and self._gaps.random() < _GAP_SHARE:
            # Alias states what is left and no reason why it is less.
            gaps = (("unexplained", Decimal("-3.00")),)
            after_take += gaps[0][1]
        year = self._end.year - 1
        has_report = ours == "COMPLETED" and sold_on.year == year
        # 48271 is prime and no factor of the modulus, so no number comes twice.
        number = str(100_000_000 + self._made * 48_271 % 899_999_963)
        sale = Sale(
            index=self._made,
            order_number=number,
            product=product,
            variant=variant,
            price=price,
            amount_text=str(price),
            currency="USD",
            status=ours,
            ordered_at=sold,
            sold_on=sold_on,
            updated_at=updated,
            updated_on=updated.astimezone(BERLIN).date(),
            adjustments=(Adjustment("Transaction Fee", after_take - price, "0.095"),),
            payout_in="list",
            platform="alias",
            doors=("api", "report") if has_report else ("api",),
            gaps=gaps,
        )
        order_id = stable_uuid(self._seed, "alias order", self._made)
        return AliasOrder(order_id, sale, status, fulfilment, price, after_take)

    def _state(self, sold: datetime, age_days: int) -> tuple[str, str, datetime]:
        """Status, fulfilment and the moment of the last change."""
        rng = self._rng
        is_cancelled = rng.random() < 0.045 or self._made == 2
        latest = datetime.combine(self._end, time(), BERLIN).astimezone(UTC) - timedelta(minutes=5)
        days = rng.uniform(0.1, 1.5) if is_cancelled else rng.uniform(6.0, 14.0)
        ended = (sold + timedelta(days=days)).replace(microsecond=0)
        if is_cancelled and ended < latest:
            return *_CANCELED, ended
        if age_days > len(PROGRESS):
            return *COMPLETED, max(sold, min(ended, latest))
        return *PROGRESS[age_days - 1], max(sold, min(sold + timedelta(days=age_days - 1), latest))
