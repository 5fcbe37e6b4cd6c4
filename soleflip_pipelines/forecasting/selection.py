"""The gate: a model is served only where a backtest shows it better than repeating last week.

What belongs here is the decision and its reason in words. The figures come from `backtest`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from soleflip_pipelines.forecasting.backtest import MIN_WINDOWS, Score
from soleflip_pipelines.forecasting.models import ARIMA, MEAN_28, SEASON, SEASONAL_NAIVE
from soleflip_pipelines.forecasting.series import FloatArray

MARGIN = 0.98
MAX_BIAS = 0.25
_FALLBACK_MARGIN = 0.95
_YEAR, _INTERMITTENT_GAP = 365, 1.32


@dataclass(frozen=True)
class Choice:
    """Which model serves a series; `reason` says why not ARIMA and is None when it passed."""

    model: str
    gate_passed: bool
    reason: str | None


def choose(scores: Mapping[str, Score], units: FloatArray) -> Choice:
    """Serve ARIMA if it passes the gate, else a baseline.

    ARIMA passes when, over at least three windows, its mean RMSSE is at most 0.98 of the seasonal
    naive's, it wins most windows, and the totals it forecast are within 25 % of what was sold.

    The baseline is the seasonal naive. Where most days are without a sale, last week says next to
    nothing about the coming month: there the mean of 28 days serves unless the naive was better.

    Args:
        scores: by model, over the serving horizon of 30 days.
        units: the history; one under two weeks has no season to repeat.
    """
    reason = _objection(scores)
    if reason is None:
        return Choice(ARIMA, True, None)
    return Choice(_fallback(scores, units), False, reason)


def is_intermittent(units: FloatArray) -> bool:
    """Whether the mean gap between selling days of the last year is at least 1.32 days."""
    recent = units[-_YEAR:]
    return float(np.sum(recent > 0)) * _INTERMITTENT_GAP <= len(recent)


def _objection(scores: Mapping[str, Score]) -> str | None:
    model, naive = scores[ARIMA], scores[SEASONAL_NAIVE]
    if model.window_count < MIN_WINDOWS:
        return f"history too short: {model.window_count} backtest windows, {MIN_WINDOWS} needed"
    if model.rmsse is None or naive.rmsse is None or model.bias is None:
        return "nothing to learn from: no sale, or no change, in the backtest"
    if not model.rmsse <= MARGIN * naive.rmsse or naive.rmsse <= 0:
        return (
            f"not better: RMSSE {model.rmsse:.3f} against {naive.rmsse:.3f} of the seasonal naive"
        )
    pairs = list(zip(model.window_rmsse, naive.window_rmsse, strict=True))
    wins = sum(m < n for m, n in pairs)
    if 2 * wins <= len(pairs):
        return f"wins only {wins} of {len(pairs)} windows against the seasonal naive"
    if abs(model.bias) > MAX_BIAS:
        side = "above" if model.bias > 0 else "below"
        return f"biased: totals {abs(model.bias):.0%} {side} what was sold"
    return None


def _fallback(scores: Mapping[str, Score], units: FloatArray) -> str:
    if len(units) < 2 * SEASON:
        return MEAN_28
    mean, naive = scores[MEAN_28], scores[SEASONAL_NAIVE]
    if is_intermittent(units):
        if mean.rmsse is None or naive.rmsse is None or mean.rmsse <= naive.rmsse:
            return MEAN_28
        return SEASONAL_NAIVE
    pairs = list(zip(mean.window_rmsse, naive.window_rmsse, strict=True))
    clearly_better = all(m <= _FALLBACK_MARGIN * n for m, n in pairs)
    return MEAN_28 if len(pairs) >= MIN_WINDOWS and clearly_better else SEASONAL_NAIVE
