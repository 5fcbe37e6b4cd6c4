"""Rolling-origin backtest: what each model would have said at past origins, and how wrong it was.

What belongs here is running models on cut-off histories and the error figures. Nothing after an
origin reaches a model; which model is served is decided in `selection`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from soleflip_pipelines.forecasting.arima import MIN_DAYS, Plan, arima, make_plan
from soleflip_pipelines.forecasting.intervals import count_interval
from soleflip_pipelines.forecasting.models import (
    ARIMA,
    MEAN_28,
    SEASON,
    SEASONAL_NAIVE,
    Path,
    mean_28,
    seasonal_naive,
)
from soleflip_pipelines.forecasting.series import FloatArray

WINDOW_DAYS = 30
MIN_WINDOWS = 3
MAX_WINDOWS = 6
MIN_TRAINING_DAYS = 2 * MIN_DAYS


@dataclass(frozen=True)
class Window:
    """One origin: the 30 days that followed, every model's path for them and the error scales.

    `origin` counts windows back from the end of the series (1 = the latest). The scales are those
    of the training part: mean absolute seasonal-naive error and root mean squared one-step error,
    both in units a day and 0 for a flat history.
    """

    origin: int
    actual: FloatArray
    paths: Mapping[str, Path]
    absolute_scale: float
    squared_scale: float


@dataclass(frozen=True)
class Backtest:
    """All windows of one series, oldest first, and the plan that ARIMA followed in them."""

    windows: tuple[Window, ...]
    plan: Plan | None


@dataclass(frozen=True)
class Score:
    """Errors of one model over the windows of one horizon; None where the scale is 0.

    `wape` and `bias` are those of window totals, as shares of the units sold.
    """

    model: str
    horizon_days: int
    window_count: int
    mase: float | None
    rmsse: float | None
    wape: float | None
    bias: float | None
    coverage_80: float | None
    skill_vs_naive: float | None = None
    window_rmsse: tuple[float, ...] = field(default=(), repr=False)


def run_backtest(units: FloatArray) -> Backtest:
    """Forecast the last windows of 30 days, each from what was known before it.

    Season and order are decided before the first origin, once; parameters are estimated anew at
    each. Series under 56 days of training have no window, under 28 days no plan either.
    """
    count = min((len(units) - MIN_TRAINING_DAYS) // WINDOW_DAYS, MAX_WINDOWS)
    if count < 1:
        return Backtest((), make_plan(units) if len(units) >= MIN_DAYS else None)
    plan = make_plan(units[: len(units) - count * WINDOW_DAYS])
    return Backtest(tuple(_window(units, k, plan) for k in range(count, 0, -1)), plan)


def all_paths(units: FloatArray, steps: int, plan: Plan | None) -> dict[str, Path]:
    """Every model's path from this history; ARIMA only with a plan."""
    paths = {SEASONAL_NAIVE: seasonal_naive(units, steps), MEAN_28: mean_28(units, steps)}
    if plan is not None:
        paths[ARIMA] = arima(units, steps, plan)
    return paths


def _window(units: FloatArray, origin: int, plan: Plan) -> Window:
    cut = len(units) - origin * WINDOW_DAYS
    training, actual = units[:cut], units[cut : cut + WINDOW_DAYS]
    return Window(
        origin,
        actual,
        all_paths(training, WINDOW_DAYS, plan),
        float(np.mean(np.abs(training[SEASON:] - training[:-SEASON]))),
        float(np.sqrt(np.mean(np.diff(training) ** 2))),
    )


def standardised_errors(window: Window, model: str, horizon: int) -> float:
    """(actual - mean) / sd of the window's total; NaN without scatter."""
    mean, sd = window.paths[model].total(0, horizon)
    return float((window.actual[:horizon].sum() - mean) / sd) if sd > 0 else float("nan")


def score(
    windows: Sequence[Window], model: str, horizon: int, scales: Mapping[int, float]
) -> Score:
    """The model's errors over the first `horizon` days of each window.

    Args:
        windows: of one series; those without the model are left out.
        model: name of the model.
        horizon: days from the origin on, at most 30.
        scales: interval scale to use at each origin, learned from earlier origins only.
    """
    used = [w for w in windows if model in w.paths]
    if not used:
        return Score(model, horizon, 0, None, None, None, None, None)
    errors = [w.paths[model].mean[:horizon] - w.actual[:horizon] for w in used]
    mase = [
        float(np.mean(np.abs(e))) / w.absolute_scale
        for e, w in zip(errors, used, strict=True)
        if w.absolute_scale > 0
    ]
    rmsse = [
        float(np.sqrt(np.mean(e**2))) / w.squared_scale
        for e, w in zip(errors, used, strict=True)
        if w.squared_scale > 0
    ]
    sold = float(sum(w.actual[:horizon].sum() for w in used))
    totals = np.array([e.sum() for e in errors])
    return Score(
        model,
        horizon,
        len(used),
        _mean(mase),
        _mean(rmsse),
        float(np.abs(totals).sum()) / sold if sold > 0 else None,
        float(totals.sum()) / sold if sold > 0 else None,
        _mean([_covered(w, model, horizon, scales.get(w.origin, 1.0)) for w in used]),
        window_rmsse=tuple(rmsse),
    )


def _covered(window: Window, model: str, horizon: int, scale: float) -> float:
    mean, sd = window.paths[model].total(0, horizon)
    low, high = count_interval(mean, sd * scale)
    return float(low <= window.actual[:horizon].sum() <= high)


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None
