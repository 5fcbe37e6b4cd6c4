"""The purchases behind the sales of one product: who sold what, when, how many and for how much.

Lots are planned so that most sales find a unit; some products were bought before the books began
and have none, and a few rows are so garbled that nobody can know their units.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from soleflip_pipelines.sandbox.catalogue import Product, Variant
from soleflip_pipelines.sandbox.demand import Calendar, PricePath
from soleflip_pipelines.sandbox.lexicon import read_table
from soleflip_pipelines.sandbox.payouts import CENT
from soleflip_pipelines.sandbox.rates import ReferenceRates
from soleflip_pipelines.sandbox.supplier_files import load_layouts
from soleflip_pipelines.sandbox.trade import Lot, Sale, Supplier

_EPOCH = date(2015, 1, 5)
_TAKES_NO_UNIT = frozenset(("CANCELED", "AUTHFAILED", "DIDNOTSHIP", "CCAUTHORIZATIONFAILED"))
_UNBOOKED_CHANCE = 0.055
_FLAW_CHANCE = 0.012
_LATE_CHANCE = 0.012
_FLAWS = ("price_text", "date_text", "no_reference", "no_quantity", "no_price", "no_article")
_ENDINGS = (Decimal("0.00"), Decimal("0.95"), Decimal("0.99"), Decimal("0.50"))


def takes_unit(sale: Sale) -> bool:
    """Whether the sale takes a unit out of stock, for good or until it is returned."""
    return sale.status not in _TAKES_NO_UNIT


def load_suppliers() -> tuple[Supplier, ...]:
    """The suppliers of the data file."""
    return tuple(
        Supplier(
            name=row["name"],
            prefix=row["prefix"],
            currency=row["currency"],
            vat_rate=Decimal(row["vat_rate"]),
            vat_scheme=row["vat_scheme"],
            price_share=float(row["price_share"]),
            weight=float(row["weight"]),
            layout=row["layout"],
            transit_days=int(row["transit_days"]),
            order_rhythm=int(row["order_rhythm"]),
        )
        for row in read_table("suppliers.csv")
    )


class PurchaseMaker:
    """Plans lots; references and line numbers are running, so lots of one day share a reference."""

    def __init__(self, rng: random.Random, calendar: Calendar, rates: ReferenceRates) -> None:
        self._rng = rng
        self._calendar = calendar
        self._rates = rates
        self._end = calendar.date(calendar.days)
        self.suppliers = load_suppliers()
        self._weights = [s.weight for s in self.suppliers]
        self._lines: dict[str, int] = defaultdict(int)
        self._units = 0

    def lots(self, product: Product, path: PricePath, sales: Iterable[Sale]) -> Iterator[Lot]:
        """Yield the lots that feed the sales of a product; none for a product not in the books."""
        if self._rng.random() < _UNBOOKED_CHANCE:
            return
        by_variant: dict[str, list[Sale]] = defaultdict(list)
        for sale in sales:
            if takes_unit(sale):
                by_variant[sale.variant.variant_id] += [sale] * sale.quantity
        for variant in product.variants:
            yield from self._feed(product, variant, path, by_variant[variant.variant_id])

    def stock_lots(self, product: Product, path: PricePath) -> Iterator[Lot]:
        """Yield one to three recent lots of a product that has not sold yet, some on their way."""
        count = self._rng.choice((1, 1, 2))
        for variant in self._rng.sample(product.variants, min(count, len(product.variants))):
            day = self._end - timedelta(days=self._rng.randrange(2, 240))
            yield self._lot(product, variant, path, day, None, self._quantity(1))

    def _feed(
        self, product: Product, variant: Variant, path: PricePath, sales: Sequence[Sale]
    ) -> Iterator[Lot]:
        position = 0
        while position < len(sales):
            quantity = max(self._quantity(len(sales)), sales[position].quantity)
            first = sales[position].sold_on
            lead = timedelta(days=round(min(160.0, 4 + self._rng.lognormvariate(2.9, 0.8))))
            yield self._lot(product, variant, path, first - lead, first, quantity)
            position += quantity
        if sales and self._rng.random() < 0.028:
            day = self._end - timedelta(days=self._rng.randrange(1, 7))
            yield self._lot(product, variant, path, day, None, self._quantity(1))

    def _quantity(self, sales: int) -> int:
        draw = self._rng.random()
        if sales > 8 and draw < 0.5:
            return min(24, 2 + int(self._rng.expovariate(6 / sales)))
        return 1 if draw < 0.945 else 2 if draw < 0.985 else 3

    def _days(self, supplier: Supplier, day: date, wanted: date | None) -> tuple[date, date | None]:
        """Purchase and receipt: the supplier's ordering day before, and some days of transit."""
        bought = day - timedelta(days=(day - _EPOCH).days % supplier.order_rhythm)
        arrived = bought + timedelta(days=supplier.transit_days + self._rng.randrange(4))
        if wanted is not None:
            late = self._rng.random() < _LATE_CHANCE
            arrived = wanted + timedelta(days=9) if late else min(arrived, wanted)
        return bought, arrived if arrived < self._end else None

    def _lot(
        self,
        product: Product,
        variant: Variant,
        path: PricePath,
        day: date,
        wanted: date | None,
        quantity: int,
    ) -> Lot:
        rng = self._rng
        supplier = rng.choices(self.suppliers, self._weights)[0]
        bought, received = self._days(supplier, day, wanted)
        reference = f"{supplier.prefix}-{100_000 + (bought - _EPOCH).days * 13}"
        self._lines[reference] += 1
        unit_ref = None
        if quantity == 1 and rng.random() < 0.45:
            self._units += 1
            unit_ref = f"U-{self._units:06d}"
        offset = max(0, (bought - self._calendar.first_day).days)
        price = self._price(supplier, path.at(offset), bought)
        has_cashback = rng.random() < 0.12
        return Lot(
            product=product,
            variant=variant,
            supplier=supplier,
            reference=reference,
            line_no=self._lines[reference],
            unit_ref=unit_ref,
            purchased_on=bought,
            received_on=received,
            quantity=quantity,
            unit_price=price,
            shipping_total=Decimal(rng.choice(("0", "0", "0", "3.99", "4.95", "6.90"))),
            cashback_total=(
                (price * quantity * Decimal("0.03")).quantize(CENT, ROUND_HALF_UP)
                if has_cashback
                else Decimal(0)
            ),
            location=self._location(supplier),
            flaw=rng.choice(_FLAWS) if rng.random() < _FLAW_CHANCE else None,
        )

    def _location(self, supplier: Supplier) -> str:
        """Where a line is put; some papers tell the place on two lines."""
        place = self._rng.choice(("Regal A1", "Regal A2", "Regal B1", "Lager Köln", "Home"))
        quirks = load_layouts()["layouts"][supplier.layout]["quirks"]
        is_long = "line_breaks" in quirks and self._rng.random() < 0.15
        return f'{place}\n"oben links"' if is_long else place

    def _price(self, supplier: Supplier, going_eur: float, day: date) -> Decimal:
        """A shop price in the supplier's currency, with the endings that shops like."""
        local = going_eur * float(self._rates.on(day, supplier.currency))
        share = supplier.price_share * self._rng.lognormvariate(0.0, 0.14)
        whole = max(6, round(local * share))
        return Decimal(whole) - 1 + self._rng.choice(_ENDINGS)
