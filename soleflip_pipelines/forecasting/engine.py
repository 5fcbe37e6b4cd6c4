"""From series to served forecasts: backtest all, calibrate intervals together, choose, project.

Pure: no database, no clock, no randomness; the same series give the same rows. Reading sales and
writing rows is `service`'s part.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from soleflip_pipelines.forecasting.backtest import (
    MAX_WINDOWS,
    WINDOW_DAYS,
    Backtest,
    Score,
    all_paths,
    run_backtest,
    score,
    standardised_errors,
)
from soleflip_pipelines.forecasting.intervals import calibration_scale, count_interval
from soleflip_pipelines.forecasting.models import ARIMA, MEAN_28, SEASONAL_NAIVE, Path
from soleflip_pipelines.forecasting.selection import Choice, choose
from soleflip_pipelines.forecasting.series import FloatArray, Series, tame

HORIZONS = (7, 14, 30)
MODELS = (ARIMA, SEASONAL_NAIVE, MEAN_28)

# Interval scale by (model, horizon) and origin; origin 0 is the forecast that is served.
Scales = Mapping[tuple[str, int], Mapping[int, float]]


@dataclass(frozen=True)
class Range:
    """Units expected in a window or on a day, with the ends of the 80 % interval."""

    units: float
    lower_80: float
    upper_80: float


@dataclass(frozen=True)
class Forecast:
    """What is served for one series, with the backtest of every model behind it.

    `daily` holds the days from `first_day` on; `windows` the totals of the first 7, 14 and 30 of
    them; `scores` one entry a model and horizon.
    """

    series: Series
    choice: Choice
    model_params: str
    first_day: date
    daily: tuple[Range, ...]
    windows: Mapping[int, Range]
    scores: tuple[Score, ...]


def forecast_all(series: Iterable[Series], first_day: date) -> list[Forecast]:
    """Forecast every series for the 30 days from `first_day` on.

    Args:
        series: all ending on the same day, before `first_day`; days between are forecast too and
            not served.
        first_day: first day of the windows, usually today.
    """
    prepared = [(s, *tame(s.units)) for s in series]
    tested = [(s, units, cut, run_backtest(units)) for s, units, cut in prepared]
    scales = _learn_scales([backtest for *_, backtest in tested])
    return [
        _forecast(s, units, cut, backtest, scales, first_day) for s, units, cut, backtest in tested
    ]


def _learn_scales(backtests: Sequence[Backtest]) -> Scales:
    """Pool the window errors of all series; each origin learns from the older ones only."""
    scales: dict[tuple[str, int], dict[int, float]] = {}
    for model in MODELS:
        for horizon in HORIZONS:
            errors = [
                (w.origin, standardised_errors(w, model, horizon))
                for b in backtests
                for w in b.windows
                if model in w.paths
            ]
            scales[model, horizon] = {
                origin: calibration_scale([e for o, e in errors if o > origin])
                for origin in range(MAX_WINDOWS + 1)
            }
    return scales


def _forecast(
    series: Series,
    units: FloatArray,
    cut_days: int,
    backtest: Backtest,
    scales: Scales,
    first_day: date,
) -> Forecast:
    scores = {
        (model, horizon): score(backtest.windows, model, horizon, scales[model, horizon])
        for model in MODELS
        for horizon in HORIZONS
    }
    choice = choose({m: scores[m, WINDOW_DAYS] for m in MODELS}, units)
    lead = (first_day - series.last_day - timedelta(days=1)).days
    path = all_paths(units, lead + WINDOW_DAYS, backtest.plan)[choice.model]
    scale = {h: scales[choice.model, h][0] for h in HORIZONS}
    note = f" days_cut_or_filled={cut_days}" if cut_days else ""
    return Forecast(
        series,
        choice,
        f"{path.params} interval_scale={scale[WINDOW_DAYS]:.3f}{note}",
        first_day,
        tuple(
            _range(path, lead + day, lead + day + 1, scale[HORIZONS[0]])
            for day in range(WINDOW_DAYS)
        ),
        {h: _range(path, lead, lead + h, scale[h]) for h in HORIZONS},
        tuple(_with_skill(s, scores[SEASONAL_NAIVE, s.horizon_days]) for s in scores.values()),
    )


def _range(path: Path, start: int, stop: int, scale: float) -> Range:
    mean, sd = path.total(start, stop)
    return Range(mean, *count_interval(mean, sd * scale))


def _with_skill(model: Score, naive: Score) -> Score:
    if model.rmsse is None or not naive.rmsse:
        return model
    return replace(model, skill_vs_naive=1 - model.rmsse / naive.rmsse)
