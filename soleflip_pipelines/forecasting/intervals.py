"""80 % intervals for units: negative-binomial quantiles, widened or narrowed by past errors.

What belongs here is the step from mean and standard deviation of a window's total to a range. The
mean and the raw standard deviation come from the models.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

COVERAGE = 0.80
_NORMAL_90_PERCENT = 1.2815515655446004
_FEWEST_ERRORS = 10
_ALMOST_NOTHING = 1e-6
_SCALE_RANGE = (0.5, 3.0)


def calibration_scale(standardised_errors: Sequence[float]) -> float:
    """The factor on standard deviations that would have given 80 % coverage (split conformal).

    Args:
        standardised_errors: (actual - mean) / sd of past window totals.

    Returns:
        1 with fewer than ten errors; always within 0.5 to 3.
    """
    sizes = np.sort(np.abs([e for e in standardised_errors if np.isfinite(e)]))
    if len(sizes) < _FEWEST_ERRORS:
        return 1.0
    rank = min(int(np.ceil((len(sizes) + 1) * COVERAGE)), len(sizes))
    return float(np.clip(sizes[rank - 1] / _NORMAL_90_PERCENT, *_SCALE_RANGE))


def count_interval(mean: float, sd: float) -> tuple[float, float]:
    """Central 80 % interval of a count with this mean and standard deviation.

    Negative binomial where the variance exceeds the mean, else Poisson: sales cannot scatter less
    than by chance. With a mean of (almost) 0 the upper end is the normal one. The mean lies inside.
    """
    if mean <= _ALMOST_NOTHING:
        return 0.0, max(mean, _NORMAL_90_PERCENT * sd)
    from scipy import stats  # 1 s to import

    tail = (1 - COVERAGE) / 2
    variance = sd * sd
    if variance > mean * 1.0001:
        size = mean * mean / (variance - mean)
        law = stats.nbinom(size, size / (size + mean))
    else:
        law = stats.poisson(mean)
    low, high = float(law.ppf(tail)), float(law.ppf(1 - tail))
    return min(low, mean), max(high, mean)
