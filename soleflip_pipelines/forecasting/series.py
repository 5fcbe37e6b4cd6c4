"""Daily unit series built from sales: which series exist and how a day without a sale counts.

What belongs here is the step from "so many units of this brand and category sold on this day" to
equally spaced arrays. Models, errors and database access do not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Level = Literal["total", "brand", "category"]

HISTORY_DAYS = 730
MIN_UNITS_A_YEAR = 30
TOTAL_KEY = "all"
_SPIKE_FACTOR = 10.0


@dataclass(frozen=True)
class DailySales:
    """Units sold on one Berlin day of one brand and category; None where the label is unknown."""

    sold_on: date
    brand: str | None
    category: str | None
    units: int


@dataclass(frozen=True)
class Series:
    """Units a day from `start` on, one value a day without gaps; a day without a sale is 0."""

    level: Level
    key: str
    start: date
    units: FloatArray

    @property
    def last_day(self) -> date:
        """The last day that the series covers."""
        return self.start + timedelta(days=len(self.units) - 1)


def build_series(sales: Iterable[DailySales], through: date) -> list[Series]:
    """The total and every brand and category that sells enough, ordered by level and name.

    A series starts with its own first sale within the last 730 days and ends on `through`, the
    last complete day; later sales are left out. A brand or category with fewer than 30 units in
    the last 365 days gets no series: its forecast would be noise.

    Args:
        sales: any number of rows, in any order; rows of one day and label are added up.
        through: the last day to train on.
    """
    first_day = through - timedelta(days=HISTORY_DAYS - 1)
    counts: dict[tuple[Level, str], dict[date, int]] = defaultdict(lambda: defaultdict(int))
    for sale in sales:
        if not first_day <= sale.sold_on <= through:
            continue
        counts["total", TOTAL_KEY][sale.sold_on] += sale.units
        if sale.brand:
            counts["brand", sale.brand][sale.sold_on] += sale.units
        if sale.category:
            counts["category", sale.category][sale.sold_on] += sale.units
    made = [_fill(level, key, days, through) for (level, key), days in sorted(counts.items())]
    return [s for s in made if s.level == "total" or s.units[-365:].sum() >= MIN_UNITS_A_YEAR]


def _fill(level: Level, key: str, days: dict[date, int], through: date) -> Series:
    start = min(days)
    units = np.zeros((through - start).days + 1)
    for day, count in days.items():
        units[(day - start).days] = count
    return Series(level, key, start, units)


def tame(units: FloatArray) -> tuple[FloatArray, int]:
    """A copy that models can learn from: gaps filled, absurd days cut down.

    NaN or infinite days become the median of the others. A day of more than ten times the 99th
    percentile of the selling days (and more than 10 units) is an error or a one-off: it is cut
    to that limit, lest one day decide the forecast.

    Returns:
        the copy and the number of days that were filled or cut.
    """
    values = np.array(units, dtype=np.float64)
    known = np.isfinite(values)
    if not known.any():
        return np.zeros_like(values), len(values)
    values[~known] = np.median(values[known])
    selling = np.sort(values[values > 0])
    if len(selling) < 2:
        return values, int((~known).sum())
    # The largest day must not set its own limit, so it stays out of the percentile.
    limit = max(10.0, _SPIKE_FACTOR * float(np.percentile(selling[:-1], 99)))
    cut = values > limit
    values[cut] = limit
    return values, int((~known).sum() + cut.sum())
