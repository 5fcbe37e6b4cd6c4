"""The reference price: what the next unit of a product and size is expected to sell for.

What belongs here is weighing observations (own sales, ask and bid, retail) against each other.
All prices here are floats in one currency; rounding and fees come later, in `recommend`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from statistics import median

FRESH_HOURS = 24.0
USABLE_DAYS = 7.0
EVIDENCE_DAYS = 180
_RECENT_DAYS, _RECENT_SALES = 60, 5
_SMOOTHING = 0.3
_PRODUCT_DAYS, _PREMIUM_DAYS = (14, 60), 90
_SHRINKAGE = 5.0
_FEW_SALES = 2.0
_DECAY_FROM_DAYS, _HALF_LIFE_DAYS = 14.0, 30.0
_WIDE_SPREAD = 0.25
_ASK_HAIRCUT = 0.97
_PRIOR_WEIGHT = 0.25
# Asks of this size are placeholders of sellers who do not want to sell.
_SENTINEL_ASK = 99_999


@dataclass(frozen=True)
class Market:
    """One look at a variant's order book. Absent sides are None; the vendor's figures too."""

    observed_at: datetime
    lowest_ask: Decimal | None
    highest_bid: Decimal | None
    vendor_sell_faster: Decimal | None = None
    vendor_earn_more: Decimal | None = None

    def age_hours(self, now: datetime) -> float:
        """Hours since the observation, never negative."""
        return max(0.0, (now - self.observed_at).total_seconds() / 3600)

    def usable(self, now: datetime) -> Market | None:
        """The same without placeholder prices; None if it is older than a week or empty."""
        if self.age_hours(now) > USABLE_DAYS * 24:
            return None
        ask = self.lowest_ask if self.lowest_ask and 0 < self.lowest_ask < _SENTINEL_ASK else None
        bid = self.highest_bid if self.highest_bid and self.highest_bid > 0 else None
        if ask is None and bid is None:
            return None
        return Market(self.observed_at, ask, bid, self.vendor_sell_faster, self.vendor_earn_more)

    @property
    def spread(self) -> float | None:
        """(ask - bid) / midpoint, not below 0; None unless both sides are there."""
        if not self.lowest_ask or not self.highest_bid:
            return None
        ask, bid = float(self.lowest_ask), float(self.highest_bid)
        return max(0.0, (ask - bid) / ((ask + bid) / 2))


@dataclass(frozen=True)
class Sale:
    """One own sale of the product: when (Berlin day), which variant, at what price."""

    sold_on: date
    variant_id: str
    price: float


@dataclass(frozen=True)
class Part:
    """One estimate of the price and its weight in the reference."""

    price: float
    weight: float


@dataclass(frozen=True)
class Reference:
    """The weighted geometric mean of its parts."""

    price: float
    parts: Mapping[str, Part]


def reference_price(
    variant_id: str,
    sales: Sequence[Sale],
    market: Market | None,
    prior: float | None,
    today: date,
    now: datetime,
) -> Reference | None:
    """Combine what is known of a variant into one price; None if nothing is.

    Own sales count three ways: the median of the last five of this size within 60 days, their
    exponentially weighted level, and the product's price over all sizes times this size's premium.
    Each weighs n / (n + 2), and half of that for every 30 days after the first two weeks. The
    order book weighs 1 on its first day, then half of that for each week: midpoint of ask and bid
    if they are within 25 %, else 0.97 of the ask, else the bid. Retail times the brand's
    multiplier fills in, with at most a quarter, what is missing to a weight of 1.

    Args:
        variant_id: the product and size.
        sales: own sales of the product in all sizes within 180 days, any order.
        market: an observation that has passed `Market.usable`.
        prior: retail price times brand multiplier, where both are known.
        today: the Berlin business day.
        now: moment of the recommendation, for the age of the market.
    """
    past = sorted((s for s in sales if s.sold_on <= today), key=lambda s: (s.sold_on, s.price))
    own = [s for s in past if s.variant_id == variant_id]
    parts: dict[str, Part] = {}
    recent = [s for s in own if (today - s.sold_on).days <= _RECENT_DAYS][-_RECENT_SALES:]
    if recent:
        parts["last_sales"] = _part(median(s.price for s in recent), recent, today)
    if own:
        parts["level"] = _part(_smoothed([s.price for s in own]), own, today)
    if (product := _product_part(own, past, today)) is not None:
        parts["product"] = product
    if market is not None:
        age_days = market.age_hours(now) / 24
        weight = 0.5 ** (max(0.0, age_days - FRESH_HOURS / 24) / USABLE_DAYS)
        parts["market"] = Part(market_price(market), weight)
    missing = max(0.0, 1.0 - sum(p.weight for p in parts.values()))
    if prior is not None and prior > 0 and missing > 0:
        parts["prior"] = Part(prior, _PRIOR_WEIGHT * missing)
    total = sum(p.weight for p in parts.values())
    if total <= 0:
        return None
    log_price = sum(p.weight * math.log(p.price) for p in parts.values()) / total
    return Reference(math.exp(log_price), parts)


def market_price(market: Market) -> float:
    """One price from the order book, which must have at least one side."""
    ask, bid = market.lowest_ask, market.highest_bid
    if ask is None:
        if bid is None:
            raise ValueError("an order book without ask and bid has no price")
        return float(bid)
    spread = market.spread
    if bid is not None and spread is not None and spread <= _WIDE_SPREAD:
        return float(ask + bid) / 2
    return float(ask) * _ASK_HAIRCUT


def _part(price: float, sales: Sequence[Sale], today: date) -> Part:
    age = (today - sales[-1].sold_on).days
    fresh = 0.5 ** (max(0.0, age - _DECAY_FROM_DAYS) / _HALF_LIFE_DAYS)
    return Part(price, fresh * len(sales) / (len(sales) + _FEW_SALES))


def _smoothed(prices: Sequence[float]) -> float:
    level = prices[0]
    for price in prices[1:]:
        level += _SMOOTHING * (price - level)
    return level


def _product_part(own: Sequence[Sale], past: Sequence[Sale], today: date) -> Part | None:
    """The product's recent median over all sizes times the size's premium over 90 days.

    Only where other sizes sold too: the own size alone has had its say.
    """
    for days in _PRODUCT_DAYS:
        recent = [s for s in past if (today - s.sold_on).days <= days]
        if len(recent) > len([s for s in own if (today - s.sold_on).days <= days]):
            break
    else:
        return None
    quarter = [s for s in past if (today - s.sold_on).days <= _PREMIUM_DAYS]
    same = [s.price for s in own if (today - s.sold_on).days <= _PREMIUM_DAYS]
    premium = 0.0
    if same:
        raw = math.log(median(same) / median(s.price for s in quarter))
        premium = raw * len(same) / (len(same) + _SHRINKAGE)
    return _part(median(s.price for s in recent) * math.exp(premium), recent, today)
