"""ARIMA against published estimates and against theory."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.tsa.statespace.sarimax import SARIMAX
from statsmodels.tsa.stattools import kpss

from soleflip_pipelines.forecasting.arima import Parameters, estimate, project
from soleflip_pipelines.forecasting.models import psi_covariance, seasonal_naive
from soleflip_pipelines.forecasting.order import (
    Candidate,
    difference_order,
    has_weekly_season,
    kpss_statistic,
    rank_orders,
    weekday_factors,
)

pytestmark = pytest.mark.unit

# Luteinizing hormone in blood samples at 10-minute intervals: R's public-domain series `lh`.
LH = np.array(
    [2.4, 2.4, 2.4, 2.2, 2.1, 1.5, 2.3, 2.3, 2.5, 2.0, 1.9, 1.7, 2.2, 1.8, 3.2, 3.2]
    + [2.7, 2.2, 2.2, 1.9, 1.9, 1.8, 2.7, 3.0, 2.3, 2.0, 2.0, 2.9, 2.9, 2.7, 2.7, 2.3]
    + [2.6, 2.4, 1.8, 1.7, 1.5, 1.4, 2.1, 3.3, 3.5, 3.5, 3.1, 2.6, 2.1, 3.4, 3.0, 2.9]
)


def candidate(p: int, d: int, q: int) -> Candidate:
    return Candidate((p, d, q), np.full(p, 0.1), np.full(q, 0.1), 0.0)


def given(order: tuple[int, int, int], mean: float, ar: list[float], ma: list[float]) -> Parameters:
    return Parameters(order, mean, np.array(ar), np.array(ma), 1.0)


def test_lh_ar1_equals_the_published_estimate() -> None:
    fitted = estimate(LH, candidate(1, 0, 0))
    assert fitted is not None
    assert fitted.ar[0] == pytest.approx(0.5739, abs=5e-4)
    assert fitted.mean == pytest.approx(2.4133, abs=5e-4)
    assert fitted.sigma2 == pytest.approx(0.1975, abs=5e-4)


def test_lh_ar3_estimate_forecasts_and_errors_equal_the_published_ones() -> None:
    fitted = estimate(LH, candidate(3, 0, 0))
    assert fitted is not None
    np.testing.assert_allclose(fitted.ar, [0.6448, -0.0634, -0.2198], atol=5e-4)
    assert fitted.mean == pytest.approx(2.3931, abs=5e-4)
    assert fitted.sigma2 == pytest.approx(0.1787, abs=5e-4)
    mean, psi = project(LH, fitted, 6)
    np.testing.assert_allclose(mean, [2.4602, 2.2708, 2.1986, 2.2607, 2.3469, 2.4145], atol=5e-4)
    errors = np.sqrt(np.diag(psi_covariance(psi, fitted.sigma2)))
    np.testing.assert_allclose(errors[:3], [0.4227, 0.5029, 0.5245], atol=5e-4)


@pytest.mark.parametrize(
    ("p", "expected_mean", "expected_ar"),
    [(2, 49.746, [1.3906, -0.6886]), (3, 49.752, [1.3008, -0.5081, -0.1296])],
)
def test_sunspots_equal_the_published_estimates(
    p: int, expected_mean: float, expected_ar: list[float]
) -> None:
    from statsmodels.datasets import sunspots

    y = sunspots.load_pandas().data["SUNACTIVITY"].to_numpy()
    fitted = estimate(y, candidate(p, 0, 0))
    assert fitted is not None
    np.testing.assert_allclose(fitted.ar, expected_ar, atol=1e-3)
    assert fitted.mean == pytest.approx(expected_mean, abs=2e-2)


def test_ar1_with_given_parameters_follows_theory() -> None:
    y = np.random.default_rng(1).normal(5, 2, 200)
    mean, psi = project(y, given((1, 0, 0), 5.0, [0.7], []), 12)
    h = np.arange(1, 13)
    np.testing.assert_allclose(mean, 5 + 0.7**h * (y[-1] - 5), atol=1e-10)
    variance = np.diag(psi_covariance(psi, 4.0))
    np.testing.assert_allclose(variance, 4.0 * (1 - 0.7 ** (2 * h)) / (1 - 0.49), atol=1e-10)


def test_random_walk_is_flat_and_its_error_grows_with_the_root() -> None:
    y = np.cumsum(np.random.default_rng(2).normal(0, 1, 100))
    mean, psi = project(y, given((0, 1, 0), 0.0, [], []), 10)
    np.testing.assert_allclose(mean, y[-1], atol=1e-8)
    errors = np.sqrt(np.diag(psi_covariance(psi, 2.25)))
    np.testing.assert_allclose(errors, 1.5 * np.sqrt(np.arange(1, 11)), atol=1e-8)


def test_ma1_knows_nothing_beyond_one_step() -> None:
    y = np.random.default_rng(3).normal(10, 1, 150)
    mean, psi = project(y, given((0, 0, 1), 10.0, [], [0.6]), 5)
    np.testing.assert_allclose(mean[1:], 10.0, atol=1e-10)
    variance = np.diag(psi_covariance(psi, 1.0))
    np.testing.assert_allclose(variance[1:], 1 + 0.6**2, atol=1e-10)


def test_seasonal_random_walk_is_the_seasonal_naive() -> None:
    y = np.random.default_rng(4).poisson(5, 70).astype(float)
    reference = SARIMAX(y, order=(0, 0, 0), seasonal_order=(0, 1, 0, 7)).smooth([1.0]).forecast(15)
    np.testing.assert_allclose(seasonal_naive(y, 15).mean, reference, atol=1e-10)


def test_arima_011_is_simple_exponential_smoothing() -> None:
    y = 20 + np.cumsum(np.random.default_rng(5).normal(0, 1, 300))
    alpha = 0.4
    level = y[0]
    for value in y[1:]:
        level += alpha * (value - level)
    mean, _ = project(y, given((0, 1, 1), 0.0, [], [-(1 - alpha)]), 1)
    assert mean[0] == pytest.approx(level, abs=1e-8)


def test_kpss_equals_statsmodels() -> None:
    rng = np.random.default_rng(6)
    for y in (rng.normal(0, 1, 400), np.cumsum(rng.normal(0, 1, 400))):
        lags = int(3 * np.sqrt(len(y)) / 13)
        with pytest.warns():
            expected = kpss(y, nlags=lags)[0]
        assert kpss_statistic(y) == pytest.approx(expected, rel=1e-10)


def test_differencing_is_for_wandering_levels_only() -> None:
    rng = np.random.default_rng(7)
    assert difference_order(rng.normal(0, 1, 400)) == 0
    assert difference_order(np.cumsum(rng.normal(0, 1, 400))) == 1


def test_weekly_season_is_found_where_it_is() -> None:
    rng = np.random.default_rng(8)
    noise = rng.normal(0, 1, 364)
    friday = np.where(np.arange(364) % 7 == 4, 3.0, 0.0)
    assert has_weekly_season(noise + friday)
    assert not has_weekly_season(noise)
    factors = weekday_factors(noise + friday)
    assert factors.sum() == pytest.approx(0, abs=1e-12)
    assert int(factors.argmax()) == 4


def test_order_picker_finds_ar_structure() -> None:
    rng = np.random.default_rng(9)
    y = np.zeros(700)
    for t in range(2, 700):
        y[t] = 0.6 * y[t - 1] + 0.3 * y[t - 2] + rng.normal()
    picked = rank_orders(y[100:])
    assert picked[0].order[0] >= 1
    assert picked[0].aicc < next(c.aicc for c in picked if c.order[0] == c.order[2] == 0)


def test_estimates_scatter_as_theory_says() -> None:
    phi = 0.7
    rng = np.random.default_rng(20261122)
    found = []
    for _ in range(60):
        shocks = rng.normal(size=500)
        y = np.zeros(500)
        for t in range(1, 500):
            y[t] = phi * y[t - 1] + shocks[t]
        fitted = estimate(y[100:], candidate(1, 0, 0))
        assert fitted is not None
        found.append(fitted.ar[0])
    assert np.mean(found) == pytest.approx(phi - (1 + 3 * phi) / 400, abs=3 * 0.036 / 60**0.5)
    assert 0.028 <= np.std(found) <= 0.045
