"""What sells when, in which size, for how much: the demand side of the generated business.

Calendars, life cycles, the long tail and price paths; what a sale costs and pays is elsewhere.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from itertools import accumulate

from soleflip_pipelines.sandbox.catalogue import Product
from soleflip_pipelines.sandbox.codes import stream
from soleflip_pipelines.settings import BERLIN

HISTORY_DAYS = 3 * 365 + 1
# Monday first; Friday is the strongest day, Sunday the weakest.
_WEEKDAY = (0.14, 0.14, 0.145, 0.15, 0.175, 0.145, 0.105)
_BUSY_MONTHS = {11: 1.9, 12: 2.0, 1: 1.8}
# Sales by week after release, as a share of release week.
_LIFE = (1.0, 0.56, 0.37, 0.29, 0.23, 0.20, 0.17, 0.14, 0.12)
_HOUR_WEIGHTS = (4, 4, 3, 2, 1, 1, 1, 2, 3, 4, 4, 4, 4, 4, 5, 5, 5, 6, 7, 8, 8, 7, 6, 5)
# Share of products by how often they sell; the rest share a heavy tail.
_SOLD_ONCE, _SOLD_TWICE = 0.667, 0.228
_MEAN_COUNT = 1106 / 681


class Calendar:
    """The selling days before `until` and how busy each is; day 0 is the first."""

    def __init__(self, seed: int, until: date) -> None:
        self.first_day = until - timedelta(days=HISTORY_DAYS)
        self.days = HISTORY_DAYS
        rng = stream(seed, "calendar")
        mood = 0.0
        self.weights: list[float] = []
        for offset in range(HISTORY_DAYS):
            day = self.first_day + timedelta(days=offset)
            mood = 0.7 * mood + rng.gauss(0.0, 0.22)
            season = _BUSY_MONTHS.get(day.month, 1.0)
            growth = 0.65 + 0.7 * offset / HISTORY_DAYS
            self.weights.append(_WEEKDAY[day.weekday()] * season * growth * math.exp(mood))

    def date(self, offset: int) -> date:
        """The date of a day number."""
        return self.first_day + timedelta(days=offset)


def sale_counts(seed: int, products: int, orders: int) -> list[int]:
    """How often each product sells; the counts are 1 or more and add up to `orders`."""
    rng = stream(seed, "counts")
    scale = orders / products / _MEAN_COUNT
    draws = [rng.random() for _ in range(products)]
    weights = [
        1.0 if d < _SOLD_ONCE else 2.0 if d < _SOLD_ONCE + _SOLD_TWICE else 0.0 for d in draws
    ]
    tail = [i for i, w in enumerate(weights) if not w]
    left = orders / scale - sum(weights) - 3.0 * len(tail)
    extras = [min(20.0, rng.paretovariate(0.9)) for _ in tail]
    for i, extra in zip(tail, extras, strict=True):
        weights[i] = 3.0 + max(0.0, left) * extra / sum(extras)
    counts = [max(1, round(w * scale)) for w in weights]
    # What rounding left over is settled where one more or less changes the shape least.
    best = sorted(range(products), key=lambda i: -weights[i])
    missing, step = orders - sum(counts), 0
    while missing:
        i = best[step % products]
        step += 1
        if missing > 0 or counts[i] > 1:
            counts[i] += 1 if missing > 0 else -1
            missing += -1 if missing > 0 else 1
    return counts


def sale_days(product: Product, calendar: Calendar, count: int, rng: random.Random) -> list[int]:
    """Draw `count` selling days (sorted, with repeats) by calendar and life cycle."""
    release = (product.released_on - calendar.first_day).days
    if product.is_evergreen:
        weights: Sequence[float] = calendar.weights
        start = 0
    else:
        start = max(0, min(release, calendar.days - 8))
        weights = [
            w * (_LIFE[week] if (week := offset // 7) < len(_LIFE) else 0.06)
            for offset, w in enumerate(calendar.weights[start:])
        ]
    cumulative = list(accumulate(weights))
    return sorted(
        start + d for d in rng.choices(range(len(weights)), cum_weights=cumulative, k=count)
    )


def sale_moment(day: date, rng: random.Random) -> datetime:
    """A moment of a Berlin day, busier in the evening, as an aware datetime in Berlin."""
    hour = rng.choices(range(24), _HOUR_WEIGHTS)[0]
    clock = time(hour, rng.randrange(60), rng.randrange(60), rng.randrange(1000) * 1000)
    return datetime.combine(day, clock, BERLIN)


class PricePath:
    """A product's going price by week: dear at release, then flat with a mean-reverting walk."""

    def __init__(self, product: Product, calendar: Calendar, rng: random.Random) -> None:
        self._release = (product.released_on - calendar.first_day).days
        self._base = product.retail * product.level
        drift = 0.0
        self._weeks: list[float] = []
        for _ in range(calendar.days // 7 + 2):
            drift = 0.93 * drift + rng.gauss(0.0, 0.05)
            self._weeks.append(drift)

    def at(self, day: int) -> float:
        """The going price in EUR on a day number."""
        age = day - self._release
        launch = 1.0 + 0.09 * math.exp(-max(age, 0) / 10)
        return self._base * launch * math.exp(self._weeks[min(day // 7, len(self._weeks) - 1)])
