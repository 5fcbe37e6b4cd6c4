"""ARIMA by exact likelihood (statsmodels), with additive weekdays taken off where they exist.

What belongs here is estimating one order and projecting it; the order comes from `order`. Any
history gives a path: what cannot be estimated falls back, in steps, to the plain mean.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from soleflip_pipelines.forecasting.models import ARIMA, SEASON, Path, psi_covariance
from soleflip_pipelines.forecasting.order import (
    Candidate,
    has_weekly_season,
    inside_unit_circle,
    rank_orders,
    residuals,
    weekday_factors,
)
from soleflip_pipelines.forecasting.series import FloatArray

MIN_DAYS = 4 * SEASON
_MAX_TRIES = 3


@dataclass(frozen=True)
class Plan:
    """What is decided once a series: whether weekdays are taken off, and the orders to try."""

    weekly: bool
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True)
class Parameters:
    """An estimated ARIMA: `mean` belongs to the differenced series and is 0 when d is 1."""

    order: tuple[int, int, int]
    mean: float
    ar: FloatArray
    ma: FloatArray
    sigma2: float


def make_plan(units: FloatArray) -> Plan:
    """Decide season and order on this history; everything later only re-estimates."""
    weekly = has_weekly_season(units)
    level = _without_weekdays(units)[0] if weekly else units
    return Plan(weekly, tuple(rank_orders(level)[:_MAX_TRIES]))


def arima(units: FloatArray, steps: int, plan: Plan) -> Path:
    """Forecast by the best of the plan's orders that can be estimated, else by the mean.

    Args:
        units: the history, one value a day, without NaN.
        steps: days to forecast.
        plan: from `make_plan`, on this history or an earlier part of it.
    """
    level, factors = _without_weekdays(units) if plan.weekly else (units, np.zeros(SEASON))
    parameters = next(
        (p for c in plan.candidates if (p := estimate(level, c)) is not None), _mean_only(level)
    )
    mean, psi = project(level, parameters, steps)
    weekday = factors[(len(units) + np.arange(steps)) % SEASON]
    return Path(
        ARIMA,
        _describe(parameters, plan.weekly),
        np.maximum(mean + weekday, 0.0),
        psi_covariance(psi, parameters.sigma2),
    )


def estimate(y: FloatArray, candidate: Candidate) -> Parameters | None:
    """Exact maximum likelihood of one order, started from the candidate's coefficients.

    Returns:
        None when the series is too short or flat, the optimiser fails or a root is within 0.005
        of the unit circle: then the next order has to answer.
    """
    p, d, q = candidate.order
    w = np.diff(y, n=d)
    if len(w) < p + q + 4:
        return None
    if p + q == 0 or float(np.var(w)) <= 1e-12:
        return _closed_form(w, d) if p + q == 0 else None
    from statsmodels.tsa.arima import model as exact  # 1 s to import

    trend = "n" if d else "c"
    start = np.r_[[] if d else [w.mean()], candidate.ar, candidate.ma]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            model = exact.ARIMA(w, order=(p, 0, q), trend=trend, concentrate_scale=True)
            fitted = model.fit(
                start_params=start, cov_type="none", method_kwargs={"maxiter": 50, "disp": 0}
            )
        except (np.linalg.LinAlgError, ValueError):
            return None
        values, sigma2 = np.asarray(fitted.params, dtype=np.float64), float(fitted.scale)
    mean = 0.0 if d else float(values[0])
    ar, ma = values[len(values) - p - q : len(values) - q], values[len(values) - q :]
    sound = np.isfinite(values).all() and np.isfinite(sigma2)
    if not (sound and inside_unit_circle(ar) and inside_unit_circle(-ma)):
        return None
    return Parameters(candidate.order, mean, ar, ma, sigma2)


def project(y: FloatArray, parameters: Parameters, steps: int) -> tuple[FloatArray, FloatArray]:
    """Mean path and moving-average weights of the forecast errors, for given parameters.

    Nothing is estimated. Shocks before the history count as 0: what that leaves out of the last
    shocks has died away after a few weeks.
    """
    p, d, q = parameters.order
    w = np.diff(y, n=d) - parameters.mean
    shocks = residuals(w, parameters.ar, parameters.ma)
    known, past = list(w[len(w) - p :]), list(shocks[len(shocks) - q :])
    for _ in range(steps):
        expected = sum(parameters.ar[i] * known[-1 - i] for i in range(p))
        expected += sum(parameters.ma[i] * past[-1 - i] for i in range(q))
        known.append(expected)
        past.append(0.0)
    mean = parameters.mean + np.array(known[p:])
    psi = _psi(parameters.ar, parameters.ma, steps)
    return (y[-1] + np.cumsum(mean), np.cumsum(psi)) if d else (mean, psi)


def _psi(ar: FloatArray, ma: FloatArray, steps: int) -> FloatArray:
    psi = np.zeros(steps)
    for j in range(steps):
        moving = 1.0 if j == 0 else (ma[j - 1] if j <= len(ma) else 0.0)
        psi[j] = moving + sum(ar[i] * psi[j - 1 - i] for i in range(min(j, len(ar))))
    return psi


def _closed_form(w: FloatArray, d: int) -> Parameters:
    mean = 0.0 if d else float(w.mean())
    return Parameters((0, d, 0), mean, np.zeros(0), np.zeros(0), float(np.mean((w - mean) ** 2)))


def _mean_only(y: FloatArray) -> Parameters:
    return _closed_form(y if len(y) else np.zeros(1), 0)


def _without_weekdays(units: FloatArray) -> tuple[FloatArray, FloatArray]:
    factors = weekday_factors(units)
    return units - factors[np.arange(len(units)) % SEASON], factors


def _describe(parameters: Parameters, weekly: bool) -> str:
    def numbers(values: FloatArray) -> str:
        return "[" + ", ".join(f"{v:.4g}" for v in values) + "]"

    return (
        f"order={parameters.order} weekdays={'yes' if weekly else 'no'} "
        f"mean={parameters.mean:.4g} ar={numbers(parameters.ar)} ma={numbers(parameters.ma)} "
        f"sigma={parameters.sigma2**0.5:.4g}"
    )
