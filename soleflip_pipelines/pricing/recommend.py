"""What to ask for one unit: a price to sell faster, a price to earn more, and what each earns.

What belongs here is the decision with its guard rails and reasons. It is pure: the service brings
the observations and writes the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from soleflip_pipelines.pricing.confidence import Confidence, confidence
from soleflip_pipelines.pricing.fees import FeeRule, Vat, break_even, cents, net_proceeds
from soleflip_pipelines.pricing.reference import (
    EVIDENCE_DAYS,
    Market,
    Reference,
    Sale,
    reference_price,
)

FASTER = Decimal("0.97")
MORE = Decimal("1.02")
LADDER = (Decimal("1.02"), Decimal("0.99"), Decimal("0.96"), Decimal("0.92"))
_SANE = (Decimal("0.5"), Decimal("3"))
_TICK = Decimal(1)
_ENOUGH_EVIDENCE = 2


@dataclass(frozen=True)
class VariantView:
    """What is known of a variant: reference price, confidence and evidence, without any cost.

    `market` is None when it is missing or too old to use; `evidence_count` counts bid, ask and
    own sale within 180 days.
    """

    market: Market | None
    reference: Reference | None
    confidence: Confidence
    own_sales: int
    evidence_count: int


@dataclass(frozen=True)
class Outcome:
    """What a sale at one price brings; profit and ratios None where the cost is unknown."""

    payout: Decimal
    vat_due: Decimal
    profit: Decimal | None
    roi_percentage: Decimal | None
    profit_margin: Decimal | None


@dataclass(frozen=True)
class Recommendation:
    """Prices in whole currency units, None where evidence or floor forbid one, and reasons."""

    reference_price: Decimal | None = None
    break_even_price: Decimal | None = None
    sell_faster: Decimal | None = None
    earn_more: Decimal | None = None
    at_sell_faster: Outcome | None = None
    at_earn_more: Outcome | None = None
    is_floor_applied: bool = False
    reasons: tuple[str, ...] = field(default=())

    @property
    def reason(self) -> str:
        """The reasons as one text."""
        return "; ".join(self.reasons) or "priced"


def view_variant(
    variant_id: str,
    sales: Sequence[Sale],
    market: Market | None,
    prior: float | None,
    today: date,
    now: datetime,
) -> VariantView:
    """Judge a variant once for all units of it.

    Args:
        variant_id: the product and size.
        sales: own sales of the product in all sizes.
        market: the latest look at the order book, however old.
        prior: retail price times brand multiplier, where known.
        today: the Berlin business day.
        now: moment of the recommendation, with timezone.
    """
    known = [s for s in sales if 0 <= (today - s.sold_on).days <= EVIDENCE_DAYS and s.price > 0]
    own_sales = sum(s.variant_id == variant_id for s in known)
    usable = market.usable(now) if market is not None else None
    sides = (usable.lowest_ask, usable.highest_bid) if usable is not None else ()
    return VariantView(
        usable,
        reference_price(variant_id, known, usable, prior, today, now),
        confidence(variant_id, known, usable, today, now),
        own_sales,
        sum(side is not None for side in sides) + (own_sales > 0),
    )


def recommend(
    view: VariantView, fees: FeeRule | None, vat: Vat, cost: Decimal | None
) -> Recommendation:
    """Price one unit.

    To sell faster: 0.97 of the reference, below the lowest ask and the vendor's own figure. To
    earn more: 1.02 of it. A standing bid above either is taken instead. Neither lies below break
    even: a fast price that would is withheld, the other is raised to it and says so. Without
    two of bid, ask and own sale there is no price at all.

    Args:
        view: from `view_variant`.
        fees: rule of the marketplace today; without it no price can be judged and none is given.
        vat: regime of this unit.
        cost: landed cost on the VAT basis of the regime, in the currency of the prices.
    """
    if view.reference is None or view.evidence_count < _ENOUGH_EVIDENCE:
        found = f"{view.evidence_count} of bid, ask and own sale in {EVIDENCE_DAYS} days"
        return Recommendation(reasons=(f"too little evidence: {found}",))
    if fees is None:
        return Recommendation(reasons=("no fee rule for this marketplace today",))
    reference = cents(Decimal(repr(view.reference.price)))
    priced_cost = cost if cost is not None and cost > 0 else None
    floor = break_even(priced_cost, fees, vat) if priced_cost is not None else None
    reasons = [] if priced_cost is not None else ["no cost known: floor, ROI and profit missing"]
    top, raised = _earn_more(reference, view.market, floor)
    sell_faster = _sell_faster(reference, view.market, floor)
    withheld = sell_faster is None
    if raised:
        reasons.append("raised to break even: the market pays less than cost and fees")
    if withheld:
        reasons.append("cannot sell fast above break even")
    earn_more = top if _sane(top, reference) else None
    if earn_more is None:
        reasons.append("break even is out of the market's reach: no price from 0.5 to 3 times")
    if sell_faster is not None and not _sane(sell_faster, reference):
        sell_faster = None
        reasons.append("order book contradicts the reference: no fast price")
    if sell_faster is not None and earn_more is not None:
        sell_faster = min(sell_faster, earn_more)

    def outcome(price: Decimal | None) -> Outcome | None:
        return None if price is None else judge(price, fees, vat, priced_cost)

    return Recommendation(
        reference,
        floor,
        sell_faster,
        earn_more,
        outcome(sell_faster),
        outcome(earn_more),
        raised or withheld,
        tuple(reasons),
    )


def judge(price: Decimal, fees: FeeRule, vat: Vat, cost: Decimal | None) -> Outcome:
    """What a sale at this price brings. Ratios in per cent with two decimals."""
    payout, due = fees.payout(price), vat.due(price)
    if cost is None:
        return Outcome(payout, due, None, None, None)
    profit = net_proceeds(price, fees, vat) - cost
    revenue = price - due
    return Outcome(
        payout,
        due,
        profit,
        cents(100 * profit / cost) if cost > 0 else None,
        cents(100 * profit / revenue) if revenue > 0 else None,
    )


def ladder(reference: Decimal, floor: Decimal | None) -> list[Decimal]:
    """Asks for four weeks, from 1.02 down to 0.92 of the reference, none below the floor."""
    lowest = _whole_up(floor) if floor is not None else Decimal(0)
    return [max(_whole_down(reference * step), lowest) for step in LADDER]


def _earn_more(
    reference: Decimal, market: Market | None, floor: Decimal | None
) -> tuple[Decimal, bool]:
    price = _whole_down(reference * MORE)
    if market is not None and market.highest_bid is not None:
        price = max(price, _whole_down(market.highest_bid))
    if floor is not None and price < floor:
        return _whole_up(floor), True
    return price, False


def _sell_faster(
    reference: Decimal, market: Market | None, floor: Decimal | None
) -> Decimal | None:
    price = reference * FASTER
    if market is not None:
        if market.lowest_ask is not None:
            price = min(price, market.lowest_ask - _TICK)
        vendor = market.vendor_sell_faster
        if vendor is not None and vendor > (floor or 0):
            price = min(price, vendor)
        if market.highest_bid is not None:
            price = max(price, market.highest_bid)
    price = _whole_down(price)
    return None if floor is not None and price < floor else price


def _sane(price: Decimal, reference: Decimal) -> bool:
    return _SANE[0] * reference <= price <= _SANE[1] * reference


def _whole_down(price: Decimal) -> Decimal:
    return price.quantize(Decimal(1), rounding=ROUND_FLOOR)


def _whole_up(price: Decimal) -> Decimal:
    return price.quantize(Decimal(1), rounding=ROUND_CEILING)
