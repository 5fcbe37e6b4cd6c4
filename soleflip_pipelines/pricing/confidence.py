"""How sure the market makes us of a reference price: a score from 0 to 1 and its label.

The score estimates the chance that the next sale of the same variant lands within 10 % of the
reference; the weights are a starting point until they are fitted on own history.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from statistics import median
from typing import Literal

from soleflip_pipelines.pricing.reference import FRESH_HOURS, Market, Sale

Label = Literal["high", "medium", "low"]

_HIGH, _MEDIUM = 0.70, 0.45
_MAD_TO_SD = 1.4826
_FEWEST_FOR_SCATTER = 3


@dataclass(frozen=True)
class Confidence:
    """Score and label with the counts they rest on; `volatility` is a robust sd of log prices."""

    score: float
    label: Label
    variant_sales_30d: int
    product_sales_30d: int
    last_sale_days: int | None
    volatility: float | None


def confidence(
    variant_id: str,
    sales: Sequence[Sale],
    market: Market | None,
    today: date,
    now: datetime,
) -> Confidence:
    """Score the evidence behind a variant's reference price.

    Args:
        variant_id: the product and size.
        sales: own sales of the product in all sizes within 180 days.
        market: the usable observation of the order book, if any.
        today: the Berlin business day.
        now: moment of the recommendation.

    Returns:
        `low` whatever the score when the order book is missing or older than 24 hours.
    """
    past = [s for s in sales if s.sold_on <= today]
    own = [s for s in past if s.variant_id == variant_id]
    recent = [s for s in past if (today - s.sold_on).days <= 30]
    own_recent = [s for s in recent if s.variant_id == variant_id]
    last = min(((today - s.sold_on).days for s in own), default=None)
    volatility = _scatter(own) if len(own) >= _FEWEST_FOR_SCATTER else _scatter(past)
    spread = market.spread if market is not None else None
    score = (
        0.30 * min(1.0, len(own_recent) / 10)
        + 0.20 * min(1.0, len(recent) / 50)
        + 0.20 * (1 - min(1.0, (1.0 if spread is None else spread) / 0.30))
        + 0.20 * (1 - min(1.0, (1.0 if volatility is None else volatility) / 0.15))
        + 0.10 * (0.0 if last is None else math.exp(-last / 14))
    )
    stale = market is None or market.age_hours(now) > FRESH_HOURS
    return Confidence(score, _label(score, stale), len(own_recent), len(recent), last, volatility)


def _label(score: float, stale: bool) -> Label:
    if stale or score < _MEDIUM:
        return "low"
    return "high" if score >= _HIGH else "medium"


def _scatter(sales: Sequence[Sale]) -> float | None:
    if len(sales) < _FEWEST_FOR_SCATTER:
        return None
    logs = [math.log(s.price) for s in sales]
    middle = median(logs)
    return _MAD_TO_SD * median(abs(x - middle) for x in logs)
