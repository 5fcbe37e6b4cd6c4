"""The forecasting models: each maps a history of units a day to a path with its error covariance.

What belongs here is the two baselines and the form that every model answers in. ARIMA, which is
longer, has its own module; choosing between models is `selection`'s business.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from soleflip_pipelines.forecasting.series import FloatArray

SEASON = 7
MEAN_DAYS = 28

SEASONAL_NAIVE = "seasonal_naive"
MEAN_28 = "mean_28"
ARIMA = "arima"


@dataclass(frozen=True)
class Path:
    """Expected units of the coming days (never negative) and the covariance of their errors.

    `mean` has one value a day from the day after the history on; `covariance` is square over the
    same days, in units squared, so that the error of any window's total follows from it.
    """

    model: str
    params: str
    mean: FloatArray
    covariance: FloatArray

    def total(self, start: int, stop: int) -> tuple[float, float]:
        """Mean and standard deviation of the units sold in days [start, stop) of the path."""
        variance = float(self.covariance[start:stop, start:stop].sum())
        return float(self.mean[start:stop].sum()), max(variance, 0.0) ** 0.5


def psi_covariance(psi: FloatArray, sigma2: float) -> FloatArray:
    """Covariance of the forecast errors of a linear model with these moving-average weights.

    The error of step h is sum(psi[j] * e[h - j]) over past shocks e of variance `sigma2`.
    """
    steps = len(psi)
    lags = np.arange(steps)[:, None] - np.arange(steps)[None, :]
    lower = np.where(lags >= 0, psi[np.clip(lags, 0, None)], 0.0)
    return np.asarray(sigma2 * lower @ lower.T, dtype=np.float64)


def seasonal_naive(units: FloatArray, steps: int) -> Path:
    """Each coming day repeats the same weekday of the last week.

    With less than a week of history the mean of what there is, or 0 without any.
    """
    if len(units) < SEASON:
        return _flat(units, steps, SEASONAL_NAIVE)
    mean = np.resize(units[-SEASON:], steps)
    differences = units[SEASON:] - units[:-SEASON]
    sigma2 = float(np.mean(differences**2)) if len(differences) else float(np.var(units))
    psi = np.where(np.arange(steps) % SEASON == 0, 1.0, 0.0)
    return Path(
        SEASONAL_NAIVE, f"season={SEASON}", np.maximum(mean, 0.0), psi_covariance(psi, sigma2)
    )


def mean_28(units: FloatArray, steps: int) -> Path:
    """Each coming day is the mean of the last 28 days."""
    return _flat(units, steps, MEAN_28)


def _flat(units: FloatArray, steps: int, model: str) -> Path:
    recent = units[-MEAN_DAYS:]
    count = max(len(recent), 1)
    level = float(recent.mean()) if len(recent) else 0.0
    sigma2 = float(np.var(recent, ddof=1)) if len(recent) > 1 else max(level, 0.0)
    covariance = sigma2 * (np.eye(steps) + 1.0 / count)
    return Path(model, f"days={len(recent)}", np.full(steps, max(level, 0.0)), covariance)
