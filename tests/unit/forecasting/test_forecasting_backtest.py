"""Error figures, leakage, the gate, and input that breaks naive code."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soleflip_pipelines.forecasting.arima import arima, make_plan
from soleflip_pipelines.forecasting.backtest import Score, Window, run_backtest, score
from soleflip_pipelines.forecasting.engine import HORIZONS, MODELS, Forecast, forecast_all
from soleflip_pipelines.forecasting.intervals import calibration_scale, count_interval
from soleflip_pipelines.forecasting.models import (
    ARIMA,
    MEAN_28,
    SEASONAL_NAIVE,
    Path,
    mean_28,
    seasonal_naive,
)
from soleflip_pipelines.forecasting.selection import choose
from soleflip_pipelines.forecasting.series import FloatArray, Series

pytestmark = pytest.mark.unit
TODAY = date(2026, 11, 22)


def series_of(units: FloatArray, key: str = "all") -> Series:
    return Series("total", key, TODAY - timedelta(days=len(units)), units)


def forecast(units: FloatArray) -> Forecast:
    return forecast_all([series_of(np.asarray(units, dtype=float))], TODAY)[0]


def window(forecast_units: list[float], actual: list[float], scale: float = 1.0) -> Window:
    steps = len(actual)
    path = Path("m", "", np.array(forecast_units), np.eye(steps))
    return Window(1, np.array(actual), {"m": path}, scale, scale)


def test_mase_of_the_seasonal_naive_on_its_own_history_is_one() -> None:
    y = np.random.default_rng(1).poisson(3, 210).astype(float)
    naive = y[:-7]
    errors = np.abs(y[7:] - naive)
    scored = score(
        [
            Window(
                1,
                y[7:],
                {SEASONAL_NAIVE: Path(SEASONAL_NAIVE, "", naive, np.eye(len(naive)))},
                float(errors.mean()),
                1.0,
            )
        ],
        SEASONAL_NAIVE,
        len(naive),
        {},
    )
    assert scored.mase == pytest.approx(1.0, abs=1e-12)


def test_window_totals_give_wape_and_bias() -> None:
    windows = [window([1, 1, 1], [0, 2, 0]), window([0, 0, 0], [2, 1, 1])]
    scored = score(windows, "m", 3, {})
    assert scored.wape == pytest.approx((1 + 4) / 6)
    assert scored.bias == pytest.approx((1 - 4) / 6)
    assert scored.window_count == 2


def test_zero_forecast_has_a_wape_of_one_hundred_per_cent() -> None:
    assert score([window([0, 0], [3, 1])], "m", 2, {}).wape == 1.0


def test_no_sale_in_the_windows_leaves_wape_and_bias_unknown() -> None:
    scored = score([window([1, 1], [0, 0])], "m", 2, {})
    assert scored.wape is None
    assert scored.bias is None


def test_rmsse_needs_a_history_that_moved() -> None:
    assert score([window([1, 1], [0, 0], scale=0.0)], "m", 2, {}).rmsse is None


def test_nothing_after_an_origin_reaches_its_forecast() -> None:
    rng = np.random.default_rng(2)
    y = rng.poisson(2, 400).astype(float)
    changed = y.copy()
    changed[-30:] = rng.permutation(changed[-30:]) + rng.poisson(9, 30)
    before, after = run_backtest(y), run_backtest(changed)
    assert len(before.windows) == 6
    for model in MODELS:
        for old, new in zip(before.windows, after.windows, strict=True):
            np.testing.assert_array_equal(old.paths[model].mean, new.paths[model].mean)
            np.testing.assert_array_equal(old.paths[model].covariance, new.paths[model].covariance)


def test_windows_are_disjoint_and_end_with_the_series() -> None:
    y = np.arange(300.0)
    windows = run_backtest(y).windows
    np.testing.assert_array_equal(np.concatenate([w.actual for w in windows]), y[-180:])


def test_same_input_gives_the_same_rows() -> None:
    y = np.random.default_rng(3).poisson(1.5, 500).astype(float)
    first, second = forecast(y), forecast(y.copy())
    assert first.windows == second.windows
    assert first.daily == second.daily
    assert first.scores == second.scores
    assert first.model_params == second.model_params


def test_white_noise_is_served_no_worse_than_the_mean() -> None:
    y = np.random.default_rng(4).poisson(4, 500).astype(float)
    made = forecast(y)
    by_model = {s.model: s for s in made.scores if s.horizon_days == 30}
    served, mean = by_model[made.choice.model].rmsse, by_model[MEAN_28].rmsse
    assert served is not None
    assert mean is not None
    assert served <= 1.03 * mean


def test_a_pure_week_belongs_to_the_seasonal_naive() -> None:
    made = forecast(np.resize([0, 1, 2, 3, 8, 5, 1], 400))
    naive = next(s for s in made.scores if s.model == SEASONAL_NAIVE and s.horizon_days == 30)
    assert naive.rmsse == pytest.approx(0, abs=1e-9)
    assert made.choice.model == SEASONAL_NAIVE
    assert not made.choice.gate_passed
    week = [round(day.units, 9) for day in made.daily[:7]]
    assert sorted(week) == [0, 1, 1, 2, 3, 5, 8]


def test_on_random_walks_the_model_beats_last_week() -> None:
    wins = 0
    for seed in range(8):
        y = 200 + np.cumsum(np.random.default_rng(seed).normal(0, 4, 450))
        scores = {s.model: s for s in forecast(y).scores if s.horizon_days == 7}
        model, naive = scores[ARIMA].rmsse, scores[SEASONAL_NAIVE].rmsse
        assert model is not None
        assert naive is not None
        wins += model < naive
    assert wins >= 7


@pytest.mark.parametrize(
    "units",
    [
        np.zeros(1),
        np.zeros(400),
        np.full(400, 3.0),
        np.array([1.0, 0, 2]),
        np.r_[np.zeros(200), 1.0, np.zeros(199)],
        np.r_[1.0, np.zeros(399)],
        np.r_[np.zeros(399), 1.0],
        np.r_[np.ones(100), np.full(20, np.nan), np.ones(100) * 2],
        np.full(60, np.nan),
        np.r_[np.resize([0, 1, 0, 2], 300), 1e6],
        np.r_[np.resize([0, 1, 0, 2], 200), 1e6, np.resize([0, 1], 99)],
        np.resize([0.0, 1.0], 57),
        np.resize([0.0, 1.0], 87),
    ],
    ids=lambda u: f"{len(u)} days, max {np.nanmax(u) if np.isfinite(u).any() else 'nan'}",
)
def test_degenerate_histories_get_a_finite_forecast_and_a_reason(units: FloatArray) -> None:
    made = forecast(units)
    for part in (*made.daily, *made.windows.values()):
        assert np.isfinite([part.units, part.lower_80, part.upper_80]).all()
        assert 0 <= part.lower_80 <= part.units <= part.upper_80
    assert made.choice.gate_passed == (made.choice.reason is None)
    assert set(made.windows) == set(HORIZONS)


@pytest.mark.parametrize("units", [np.zeros(400), np.full(400, 3.0), np.array([1.0, 0, 2])])
def test_histories_without_news_fall_back_with_a_reason(units: FloatArray) -> None:
    assert forecast(units).choice.reason


def test_a_spike_does_not_decide_the_forecast() -> None:
    usual = np.random.default_rng(5).poisson(1, 365).astype(float)
    spiked = usual.copy()
    spiked[-1] = 1_000_000
    assert forecast(spiked).windows[30].units < 30 * 20
    assert "days_cut_or_filled=1" in forecast(spiked).model_params


@given(
    st.lists(st.integers(0, 6), min_size=1, max_size=170).map(
        lambda units: np.array(units, dtype=float)
    )
)
@settings(max_examples=25, deadline=None)
def test_any_history_gives_ordered_windows(units: FloatArray) -> None:
    made = forecast(units)
    for part in made.windows.values():
        assert 0 <= part.lower_80 <= part.units <= part.upper_80
    totals = [made.windows[h].units for h in HORIZONS]
    assert totals == sorted(totals)
    assert made.windows[30].units == pytest.approx(sum(d.units for d in made.daily))


def test_days_between_history_and_today_are_not_served() -> None:
    y = np.resize([0, 0, 0, 0, 0, 0, 7.0], 371)
    old = Series("total", "all", TODAY - timedelta(days=len(y) + 3), y)
    made = forecast_all([old], TODAY)[0]
    assert made.first_day == TODAY
    # Three days lie between: the sevens come one week after the last, so on the fourth day.
    assert [round(d.units) for d in made.daily[:7]] == [0, 0, 0, 7, 0, 0, 0]


def test_baselines_repeat_the_week_and_the_mean() -> None:
    y = np.arange(1.0, 36.0)
    np.testing.assert_array_equal(seasonal_naive(y, 10).mean, [*range(29, 36), 29, 30, 31])
    np.testing.assert_allclose(mean_28(y, 3).mean, np.mean(y[-28:]))


def _score(model: str, rmsse: list[float], bias: float = 0.0) -> Score:
    mean = float(np.mean(rmsse)) if rmsse else None
    return Score(model, 30, len(rmsse), 1.0, mean, 0.3, bias, 0.8, None, tuple(rmsse))


@pytest.mark.parametrize(
    ("model", "bias", "naive", "mean", "served", "reason"),
    [
        ([0.8, 0.9, 0.9], 0.1, [1.0, 1.0, 1.0], [1.0, 1.0, 1.0], ARIMA, None),
        ([0.99, 0.98, 0.99], 0.1, [1.0, 1.0, 1.0], [1.0, 1.0, 1.0], SEASONAL_NAIVE, "not better"),
        ([0.1, 1.1, 1.1], 0.1, [1.0, 1.0, 1.0], [1.0, 1.0, 1.0], SEASONAL_NAIVE, "wins only 1"),
        ([0.8, 0.8, 0.8], -0.3, [1.0, 1.0, 1.0], [1.0, 1.0, 1.0], SEASONAL_NAIVE, "30% below"),
        ([0.8, 0.8, 0.8], 0.3, [1.0, 1.0, 1.0], [0.9, 0.95, 0.8], MEAN_28, "30% above"),
        ([0.8, 0.8], 0.0, [1.0, 1.0], [0.9, 0.9], SEASONAL_NAIVE, "too short"),
    ],
)
def test_the_gate(
    model: list[float],
    bias: float,
    naive: list[float],
    mean: list[float],
    served: str,
    reason: str | None,
) -> None:
    scores = {
        ARIMA: _score(ARIMA, model, bias),
        SEASONAL_NAIVE: _score(SEASONAL_NAIVE, naive),
        MEAN_28: _score(MEAN_28, mean),
    }
    choice = choose(scores, np.ones(400))
    assert choice.model == served
    assert choice.gate_passed == (reason is None)
    assert (choice.reason is None) if reason is None else (reason in str(choice.reason))


def test_less_than_two_weeks_have_no_week_to_repeat() -> None:
    empty = {m: _score(m, []) for m in MODELS}
    assert choose(empty, np.ones(13)).model == MEAN_28
    assert choose(empty, np.ones(14)).model == SEASONAL_NAIVE


@pytest.mark.parametrize(
    ("naive", "mean", "served"),
    [([1.0, 0.7, 1.3], [0.9, 0.9, 0.9], MEAN_28), ([0.8] * 3, [0.9] * 3, SEASONAL_NAIVE)],
)
def test_rare_sales_fall_back_to_the_mean_unless_last_week_was_better(
    naive: list[float], mean: list[float], served: str
) -> None:
    rare = np.resize([0, 0, 1.0], 400)
    scores = {
        ARIMA: _score(ARIMA, [0.8] * 3, 0.4),
        SEASONAL_NAIVE: _score(SEASONAL_NAIVE, naive),
        MEAN_28: _score(MEAN_28, mean),
    }
    assert choose(scores, rare).model == served
    assert choose(scores, np.ones(400)).model == SEASONAL_NAIVE


def test_gaussian_series_are_covered_as_stated() -> None:
    rng = np.random.default_rng(6)
    hits, count = 0, 0
    for _ in range(60):
        y = 400 + rng.normal(0, 20, 200)
        path = arima(y[:170], 30, make_plan(y[:170]))
        for start in range(0, 30, 5):
            mean, sd = path.total(start, start + 5)
            low, high = count_interval(mean, sd)
            hits += low <= y[170 + start : 175 + start].sum() <= high
            count += 1
    assert 0.72 <= hits / count <= 0.88


def test_calibration_widens_what_was_too_narrow() -> None:
    errors = list(np.random.default_rng(7).normal(0, 2, 500))
    assert calibration_scale(errors) == pytest.approx(2.0, abs=0.2)
    assert calibration_scale(errors[:9]) == 1.0
    assert calibration_scale([100.0] * 50) == 3.0


@given(st.floats(0, 500), st.floats(0, 200))
def test_count_intervals_hold_their_mean(mean: float, sd: float) -> None:
    low, high = count_interval(mean, sd)
    assert 0 <= low <= mean <= high
    assert np.isfinite(high)


def test_scales_are_learned_from_older_origins_only() -> None:
    rng = np.random.default_rng(8)
    y = rng.poisson(2, 400).astype(float)
    changed = y.copy()
    changed[-30:] += 50
    shown, wild = forecast(y), forecast(changed)
    old = [replace(s, window_rmsse=()) for s in shown.scores if s.model == MEAN_28]
    new = [replace(s, window_rmsse=()) for s in wild.scores if s.model == MEAN_28]
    # Five of six windows are unchanged, so coverage may move by one window and no more.
    for a, b in zip(old, new, strict=True):
        assert a.coverage_80 is not None
        assert b.coverage_80 is not None
        assert abs(a.coverage_80 - b.coverage_80) <= 1 / 6 + 1e-9
