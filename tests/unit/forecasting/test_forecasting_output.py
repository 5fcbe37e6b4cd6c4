"""What leaves the forecasting module: rows, schema and pictures."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from soleflip_pipelines.forecasting.engine import Forecast, forecast_all
from soleflip_pipelines.forecasting.plots import forecast_png
from soleflip_pipelines.forecasting.schema import validate
from soleflip_pipelines.forecasting.series import Series
from soleflip_pipelines.forecasting.service import backtest_rows, daily_rows, forecast_rows

pytestmark = pytest.mark.unit
TODAY = date(2026, 11, 22)
COLUMNS = [
    "level",
    "series_key",
    "horizon_days",
    "forecast_from",
    "forecast_to",
    "units_forecast",
    "units_lower_80",
    "units_upper_80",
    "model",
    "model_params",
    "gate_passed",
    "fallback_reason",
    "trained_through",
    "history_days",
]


@pytest.fixture(scope="module")
def made() -> Forecast:
    y = np.random.default_rng(1).poisson(1.2, 300).astype(float)
    return forecast_all([Series("brand", "Nike", TODAY - timedelta(days=300), y)], TODAY)[0]


def test_rows_cover_all_horizons_days_and_models(made: Forecast) -> None:
    windows = pd.DataFrame(forecast_rows(made), columns=COLUMNS)
    assert windows["horizon_days"].tolist() == [7, 14, 30]
    assert windows["trained_through"].unique().tolist() == [TODAY - timedelta(days=1)]
    assert windows["forecast_to"].tolist() == [TODAY + timedelta(days=d) for d in (6, 13, 29)]
    days = list(daily_rows(made))
    assert [row[2] for row in days] == [TODAY + timedelta(days=d) for d in range(30)]
    backtests = list(backtest_rows(made))
    assert len({(row[2], row[3]) for row in backtests}) == 9
    assert {row[2] for row in backtests if row[-1]} == {made.choice.model}


def test_the_schema_accepts_the_rows_and_names_what_is_wrong(made: Forecast) -> None:
    frame = pd.DataFrame(forecast_rows(made), columns=COLUMNS)
    assert validate(frame).empty
    assert validate(frame.iloc[:0]).empty
    assert not validate(frame.assign(units_upper_80=0.0)).empty
    assert not validate(frame.assign(forecast_from=frame["trained_through"])).empty
    assert not validate(frame.assign(gate_passed=~frame["gate_passed"])).empty
    assert not validate(frame.assign(horizon_days=8)).empty
    assert not validate(pd.concat([frame, frame], ignore_index=True)).empty


def test_the_picture_is_a_png_of_its_size() -> None:
    picture = forecast_png(
        history=[(TODAY - timedelta(days=k), float(k % 3)) for k in range(60, 0, -1)],
        path=[(TODAY + timedelta(days=k), 1.0) for k in range(30)],
        intervals=[(0.0, 3.0)] * 30,
        title="Units sold a day",
    )
    assert picture.startswith(b"\x89PNG")
    width, height = (int.from_bytes(picture[k : k + 4], "big") for k in (16, 20))
    assert (width, height) == (1100, 450)
