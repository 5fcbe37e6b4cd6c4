"""Daily series: zero days, levels, limits and absurd values."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from soleflip_pipelines.forecasting.series import DailySales, build_series, tame

pytestmark = pytest.mark.unit
THROUGH = date(2026, 11, 21)


def sale(
    days_ago: int, brand: str | None = "Nike", category: str | None = "sneakers", units: int = 1
) -> DailySales:
    return DailySales(THROUGH - timedelta(days=days_ago), brand, category, units)


def test_days_without_a_sale_are_zeros_and_the_end_is_filled() -> None:
    (total,) = build_series([sale(9), sale(5, units=3), sale(9, brand=None)], THROUGH)
    assert (total.level, total.key) == ("total", "all")
    assert total.start == THROUGH - timedelta(days=9)
    assert total.last_day == THROUGH
    assert total.units.tolist() == [2, 0, 0, 0, 3, 0, 0, 0, 0, 0]


def test_a_month_without_any_sale_stays_in_the_series() -> None:
    (total,) = build_series([sale(100), sale(3)], THROUGH)
    assert len(total.units) == 101
    assert total.units[1:97].sum() == 0


def test_only_the_last_two_years_and_complete_days_count() -> None:
    (total,) = build_series([sale(729), sale(730), sale(-1), sale(0)], THROUGH)
    assert len(total.units) == 730
    assert total.units.sum() == 2


def test_a_brand_needs_thirty_units_within_a_year() -> None:
    rows = [sale(k, brand="Nike") for k in range(30)]
    rows += [sale(k, brand="Asics") for k in range(29)]
    rows += [sale(400 + k, brand="Puma") for k in range(60)]
    keys = [(s.level, s.key) for s in build_series(rows, THROUGH)]
    assert keys == [("brand", "Nike"), ("category", "sneakers"), ("total", "all")]


def test_sales_without_labels_count_in_the_total_only() -> None:
    rows = [sale(k, brand=None, category=None) for k in range(40)]
    (total,) = build_series(rows, THROUGH)
    assert total.units.sum() == 40


def test_no_sales_no_series() -> None:
    assert build_series([], THROUGH) == []


def test_spikes_are_cut_and_gaps_filled() -> None:
    y = np.array([1.0, 0, 2, np.nan, 1, 1_000_000, 0, 2, 1])
    values, touched = tame(y)
    assert touched == 2
    assert np.isfinite(values).all()
    assert values.max() <= 20
    np.testing.assert_array_equal(values[[0, 1, 2]], [1, 0, 2])


def test_a_busy_but_plausible_day_is_left_alone() -> None:
    y = np.r_[np.ones(50), 12.0, np.full(50, 2.0)]
    values, touched = tame(y)
    assert touched == 0
    np.testing.assert_array_equal(values, y)
