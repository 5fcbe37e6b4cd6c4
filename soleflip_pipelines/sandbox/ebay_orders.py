"""The eBay orders of one product: lines, labels, prices, fees, cancellations and refunds.

Further bought units of the products that StockX sells; how an order looks on the wire is in
`ebay_payloads`, which units it takes in `costing`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_DOWN, Decimal

from soleflip_pipelines.sandbox.catalogue import Product, Variant
from soleflip_pipelines.sandbox.codes import stable_number
from soleflip_pipelines.sandbox.demand import Calendar, PricePath, sale_days, sale_moment
from soleflip_pipelines.sandbox.payouts import CENT, Adjustment, money
from soleflip_pipelines.sandbox.trade import Sale
from soleflip_pipelines.settings import BERLIN

# Only what has a code goes there: so many of it that it is eight in a hundred of all.
_SHARE = 0.088
# The interface shows the last two years, the report the first eighteen months of the history.
API_DAYS, REPORT_DAYS = 730, 548
_MARGIN_DAYS = 4
_FEE_RATE, _FEE_FIXED = Decimal("0.11"), Decimal("0.35")
_DELIVERY = ("0.00", "0.00", "4.99", "5.49", "6.90")
_ENDINGS = (Decimal("0.00"), Decimal("0.90"), Decimal("0.99"), Decimal("0.50"))
_FATES = ("CANCELED", "RETURNED", "PARTLY", "COMPLETED")
_FATE_WEIGHTS = (4.0, 5.0, 3.0, 88.0)
# Days after the sale in which it comes to its end, and what eBay says of it then.
_ENDS_AFTER = {"CANCELED": (0.1, 1.8), "RETURNED": (6, 19), "PARTLY": (5, 15), "COMPLETED": (1, 3)}
_TITLE_LENGTH = 80
_ASPECT = "EU-Schuhgröße"


@dataclass(frozen=True)
class EbayLine:
    """A line of an order; amounts are EUR, `cost` of all its pieces without delivery."""

    sale: Sale
    item_id: str
    sku: str | None
    title: str
    aspect: tuple[str, str] | None
    cost: Decimal
    delivery: Decimal
    refund: Decimal


@dataclass(frozen=True)
class EbayOrder:
    """An order with eBay's own words for its state; `fee` is EUR and of the whole order."""

    order_id: str
    created_at: datetime
    modified_at: datetime
    fulfilment: str
    payment: str
    cancel: str
    fee: Decimal
    lines: tuple[EbayLine, ...]


def split(total: Decimal, weights: list[Decimal]) -> list[Decimal]:
    """Shares of an amount by weight in whole cents; what is left goes to the largest remainders."""
    whole = sum(weights)
    exact = [total * weight / whole for weight in weights]
    shares = [share.quantize(CENT, ROUND_DOWN) for share in exact]
    by_rest = sorted(range(len(weights)), key=lambda i: (shares[i] - exact[i], i))
    for i in by_rest[: int((total - sum(shares)) / CENT)]:
        shares[i] += CENT
    return shares


def order_id(index: int, day_number: int) -> str:
    """The number of the index-th order; unique by index, not sorted by it."""
    # The modulus is prime, so the digits after the first two are a permutation of the index.
    digits = f"{index * 6_180_339_887 % 9_999_999_967:010d}"
    return f"{10 + day_number // 100 % 18:02d}-{digits[:5]}-{digits[5:]}"


class EbayMaker:
    """Makes orders; every order number is used once."""

    def __init__(self, rng: random.Random, calendar: Calendar) -> None:
        self._rng = rng
        self._calendar = calendar
        self._end = calendar.date(calendar.days)
        self._made = 0
        self._unseen = list(_FATES)

    def orders(self, product: Product, path: PricePath, stockx_count: int) -> Iterator[EbayOrder]:
        """Yield a share of the number of the product's StockX orders, oldest day first."""
        if product.style_code is None:
            return
        count = sum(self._rng.random() < _SHARE for _ in range(stockx_count))
        for day in sale_days(product, self._calendar, count, self._rng):
            if not self._made:
                day = self._calendar.days - 1
            age = self._calendar.days - day
            if abs(age - API_DAYS) <= _MARGIN_DAYS:
                # A reader's two years need not begin in the same hour as this business' ones.
                day += 3 * _MARGIN_DAYS
            yield self._order(product, path, day)

    def _order(self, product: Product, path: PricePath, day: int) -> EbayOrder:
        rng = self._rng
        self._made += 1
        is_shown = self._calendar.days - day < API_DAYS
        created = sale_moment(self._calendar.date(day), rng).astimezone(UTC)
        # What no interface tells any more was a plain sale; what is young has not come so far.
        fate = rng.choices(_FATES, _FATE_WEIGHTS)[0] if is_shown else "COMPLETED"
        if is_shown and self._unseen and self._calendar.days - day > _ENDS_AFTER["RETURNED"][1]:
            # However few there are, each fate is among them.
            fate = self._unseen.pop()
        modified = self._moment_of(created, fate)
        if modified is None and fate != "COMPLETED":
            fate, modified = "COMPLETED", self._moment_of(created, "COMPLETED")
        if modified is None:
            fate = "CREATED"
        number = order_id(self._made, day)
        lines = self._lines(product, path, day)
        costs = [line.cost for line in lines]
        total = sum((line.cost + line.delivery for line in lines), Decimal(0))
        is_sale = fate in ("COMPLETED", "PARTLY", "CREATED")
        fee = money(total * _FEE_RATE + _FEE_FIXED) if is_sale else Decimal("0.00")
        doors = (("api",) if is_shown else ()) + (
            ("report",) if is_sale and day < REPORT_DAYS else ()
        )
        made = []
        for place, (line, share) in enumerate(zip(lines, split(fee, costs), strict=True), 1):
            refund = money(line.cost * Decimal("0.15")) if fate == "PARTLY" and place == 1 else None
            sale = replace(
                line.sale,
                order_number=number,
                order_line=str(10_000_000_000_000 + self._made * 10 + place),
                status="COMPLETED" if fate == "PARTLY" else fate,
                # A report tells the day alone.
                ordered_at=created if is_shown else _midnight(line.sale.sold_on),
                updated_at=modified or created,
                updated_on=max(
                    (modified or created).astimezone(BERLIN).date(),
                    line.sale.sold_on + timedelta(days=1),
                ),
                adjustments=_adjustments(share, refund),
                payout_in="list" if is_shown else "none",
                gaps=(("refund", -refund),) if refund else (),
                doors=doors,
            )
            made.append(replace(line, sale=sale, refund=refund or Decimal("0.00")))
        return EbayOrder(
            number, created, modified or created, *_words(fate), fee=fee, lines=tuple(made)
        )

    def _moment_of(self, created: datetime, fate: str) -> datetime | None:
        """When the order came to its end, or None if that lies ahead."""
        low, high = _ENDS_AFTER[fate]
        ended = created + timedelta(days=self._rng.uniform(low, high))
        latest = datetime.combine(self._end, time(), BERLIN).astimezone(UTC) - timedelta(minutes=5)
        return ended.replace(microsecond=0) if ended < latest else None

    def _lines(self, product: Product, path: PricePath, day: int) -> list[EbayLine]:
        rng = self._rng
        is_double = len(product.variants) > 1 and rng.random() < 0.06
        weights = [variant.size.weight for variant in product.variants]
        variants = rng.choices(product.variants, weights, k=2 if is_double else 1)
        if is_double and variants[0] is variants[1]:
            variants.pop()
        quantity = 2 if len(variants) == 1 and rng.random() < 0.03 else 1
        lines: list[EbayLine] = []
        for variant in variants:
            price = self._price(path.at(day))
            while any(line.cost == price for line in lines):
                price += 1
            delivery = Decimal("0.00") if lines else Decimal(rng.choice(_DELIVERY))
            lines.append(self._line(product, variant, day, price * quantity, delivery, quantity))
        return lines

    def _price(self, going_eur: float) -> Decimal:
        whole = max(12, round(going_eur * 1.07 * self._rng.lognormvariate(0.0, 0.08)))
        return Decimal(whole) + self._rng.choice(_ENDINGS)

    def _line(
        self, product: Product, variant: Variant, day: int, cost: Decimal, delivery: Decimal,
        quantity: int,
    ) -> EbayLine:  # fmt: skip
        sku, title, aspect = self._words(product, variant)
        sold_on = self._calendar.date(day)
        sale = Sale(
            index=self._made,
            order_number="",
            product=product,
            variant=variant,
            price=cost + delivery,
            amount_text=str(cost + delivery),
            currency="EUR",
            status="",
            ordered_at=_midnight(sold_on),
            sold_on=sold_on,
            updated_at=_midnight(sold_on),
            updated_on=sold_on,
            adjustments=(),
            payout_in="none",
            platform="ebay",
            quantity=quantity,
            is_recognisable=sku is not None or str(product.style_code) in title,
        )
        item = "1" + stable_number(11, "item", product.product_id, day // 90)
        return EbayLine(sale, item, sku, title, aspect, cost, delivery, Decimal(0))

    def _words(
        self, product: Product, variant: Variant
    ) -> tuple[str | None, str, tuple[str, str] | None]:
        """Custom label, title and size as this seller writes them; some tell nothing."""
        rng = self._rng
        aspect = _aspect(product, variant, prefers_eu=rng.random() < 0.7)
        draw, code = rng.random(), str(product.style_code)
        if draw < 0.05:
            word = "Sneaker" if product.sizing == "shoe" else "Artikel"
            return None, f"{word} neu mit Rechnung, schneller Versand", aspect
        if draw < 0.15:
            name = product.title[: _TITLE_LENGTH - len(code) - 5].strip()
            return None, f"{name} {code} NEU", aspect
        size = variant.size
        is_us = size.default_type is not None and size.default_type.startswith("us")
        label = code
        if aspect is not None:
            mark = "US" if is_us else ""
            label += rng.choice((f"-{mark}{size.value}", f"_{size.value}", f" {mark} {size.value}"))
        # A label with a size needs no aspect; where the size is a phrase, the aspect has it.
        is_told = size.default_type is not None and rng.random() < 0.4
        title = f"{product.title[: _TITLE_LENGTH - 8].strip()} NEU OVP"
        return " ".join(label.split()), title, None if is_told else aspect


def _aspect(product: Product, variant: Variant, *, prefers_eu: bool) -> tuple[str, str] | None:
    """The size as a variation of the item; None for what comes in one size."""
    size = variant.size
    if len(product.variants) == 1:
        return None
    eu = size.conversions.get("eu")
    others = (other.size.conversions.get("eu") for other in product.variants)
    if eu and (size.default_type == "eu" or (prefers_eu and list(others).count(eu) == 1)):
        return _ASPECT, eu
    return ("US-Schuhgröße", size.value) if size.default_type else ("Größe", size.value)


def _adjustments(fee: Decimal, refund: Decimal | None) -> tuple[Adjustment, ...]:
    lines = [Adjustment("Transaction Fee", -fee, "0.11")]
    if refund:
        lines.append(Adjustment("Refund", -refund, "0"))
    return tuple(lines)


def _words(fate: str) -> tuple[str, str, str]:
    """EBay's words for the fulfilment, the payment and the cancellation."""
    return {
        "CANCELED": ("NOT_STARTED", "FULLY_REFUNDED", "CANCELED"),
        "RETURNED": ("FULFILLED", "FULLY_REFUNDED", "NONE_REQUESTED"),
        "PARTLY": ("FULFILLED", "PARTIALLY_REFUNDED", "NONE_REQUESTED"),
        "COMPLETED": ("FULFILLED", "PAID", "NONE_REQUESTED"),
        "CREATED": ("NOT_STARTED", "PAID", "NONE_REQUESTED"),
    }[fate]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), BERLIN).astimezone(UTC)
