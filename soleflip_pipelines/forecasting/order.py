"""Which ARIMA a series asks for: weekday season, differencing and the order (p, q).

Pure statistics on arrays. The order is picked once a series by conditional sum of squares, which
is a tenth of the work of fitting every candidate by likelihood and finds equally good forecasts.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from soleflip_pipelines.forecasting.models import SEASON
from soleflip_pipelines.forecasting.series import FloatArray

_MAX_ORDER = 2
_MAX_TERMS = 3
_SEASON_WEEKS = 8
_KPSS_CRITICAL_5_PERCENT = 0.463
_ACF_CRITICAL_90_PERCENT = 1.645
_ROOT_MARGIN = 1.005


@dataclass(frozen=True)
class Candidate:
    """An order (p, d, q) with the coefficients and AICc that conditional sum of squares found."""

    order: tuple[int, int, int]
    ar: FloatArray
    ma: FloatArray
    aicc: float


def has_weekly_season(y: FloatArray) -> bool:
    """Whether the lag-7 autocorrelation is positive and significant at 90 % (Bartlett)."""
    if len(y) < 4 * SEASON:
        return False
    centred = y - y.mean()
    power = float(centred @ centred)
    if power <= 1e-12 * len(y):
        return False
    acf = np.array([centred[k:] @ centred[:-k] for k in range(1, SEASON + 1)]) / power
    limit = _ACF_CRITICAL_90_PERCENT * np.sqrt((1 + 2 * np.sum(acf[:-1] ** 2)) / len(y))
    return bool(acf[-1] > limit)


def weekday_factors(y: FloatArray) -> FloatArray:
    """Seven additive factors that sum to 0, for the position (index mod 7) in the series.

    Means over the last eight weeks, so that an old habit does not live on.
    """
    days = min(len(y) // SEASON, _SEASON_WEEKS) * SEASON
    recent = y[-days:]
    position = (np.arange(len(y))[-days:]) % SEASON
    means = np.array([recent[position == k].mean() for k in range(SEASON)])
    return np.asarray(means - means.mean(), dtype=np.float64)


def kpss_statistic(y: FloatArray) -> float:
    """KPSS statistic of level stationarity, Bartlett window of trunc(3 sqrt(n) / 13) lags."""
    n = len(y)
    residual = y - y.mean()
    lags = int(3 * np.sqrt(n) / 13)
    variance = float(residual @ residual)
    for lag in range(1, lags + 1):
        weight = 1 - lag / (lags + 1)
        variance += 2 * weight * float(residual[lag:] @ residual[:-lag])
    if variance <= 1e-12 * n:
        return 0.0
    return float(np.sum(np.cumsum(residual) ** 2) / (n * variance))


def difference_order(y: FloatArray) -> int:
    """0 when the level looks stationary (KPSS at 5 %), else 1."""
    return int(kpss_statistic(y) > _KPSS_CRITICAL_5_PERCENT)


def inside_unit_circle(coefficients: FloatArray) -> bool:
    """Whether 1 - c1 z - c2 z2 … has all roots clearly outside the unit circle."""
    if len(coefficients) == 0:
        return True
    if not np.isfinite(coefficients).all():
        return False
    roots = np.roots(np.concatenate([-coefficients[::-1], [1.0]]))
    return bool(len(roots) == 0 or np.abs(roots).min() > _ROOT_MARGIN)


def rank_orders(y: FloatArray) -> list[Candidate]:
    """All orders that fit, best AICc first; the plain mean or random walk is always among them.

    Args:
        y: the deseasonalised history, without NaN.
    """
    d = difference_order(y)
    w = np.diff(y) if d else y - y.mean()
    found = [
        candidate
        for p, q in product(range(_MAX_ORDER + 1), repeat=2)
        if p + q <= _MAX_TERMS and (candidate := _fit_css(w, (p, d, q), constant=1 - d)) is not None
    ]
    return sorted(found, key=lambda c: (c.aicc, c.order))


def residuals(w: FloatArray, ar: FloatArray, ma: FloatArray) -> FloatArray:
    """Shocks of a centred ARMA series, those before its start taken as 0."""
    from scipy.signal import lfilter  # heavy: only when a model is fitted

    return np.asarray(lfilter(np.r_[1.0, -ar], np.r_[1.0, ma], w), dtype=np.float64)


def _fit_css(w: FloatArray, order: tuple[int, int, int], constant: int) -> Candidate | None:
    p, _, q = order
    n = len(w)
    parameters = p + q + constant + 1
    if n <= parameters + 2:
        return None
    coefficients = _minimise(w, p, q)
    ar, ma = coefficients[:p], coefficients[p:]
    if not (inside_unit_circle(ar) and inside_unit_circle(-ma)):
        return None
    squares = float(np.sum(residuals(w, ar, ma) ** 2))
    aic = n * np.log(max(squares / n, 1e-12)) + 2 * parameters
    correction = 2 * parameters * (parameters + 1) / (n - parameters - 1)
    return Candidate(order, ar, ma, float(aic + correction))


def _minimise(w: FloatArray, p: int, q: int) -> FloatArray:
    if p + q == 0:
        return np.zeros(0)
    from scipy.optimize import least_squares

    def bounded(coefficients: FloatArray) -> FloatArray:
        # An explosive filter overflows; the clip keeps the optimiser's step finite.
        with np.errstate(over="ignore", invalid="ignore"):
            shocks = residuals(w, coefficients[:p], coefficients[p:])
            return np.clip(np.nan_to_num(shocks, nan=1e6), -1e6, 1e6)

    start = np.full(p + q, 0.1)
    answer = least_squares(bounded, start, method="lm", max_nfev=60 * (p + q))
    return np.asarray(answer.x, dtype=np.float64)
