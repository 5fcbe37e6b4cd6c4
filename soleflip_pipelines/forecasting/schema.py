"""What a row of `enrichment.sales_forecast` must look like, as a pandera schema.

Checks only what must hold for every row whatever the data; how good the forecasts are is in
`enrichment.forecast_backtest`.
"""

from __future__ import annotations

import pandas as pd
import pandera.pandas as pa

from soleflip_pipelines.forecasting.engine import HORIZONS, MODELS


def _units() -> pa.Column:
    return pa.Column(float, pa.Check.ge(0), coerce=True)


def sales_forecast_schema() -> pa.DataFrameSchema:
    """Intervals hold their forecast, windows have their length, a baseline has its reason."""
    return pa.DataFrameSchema(
        {
            "level": pa.Column(str, pa.Check.isin(["total", "brand", "category"]), coerce=True),
            "series_key": pa.Column(str, pa.Check.str_length(min_value=1), coerce=True),
            "horizon_days": pa.Column(int, pa.Check.isin(HORIZONS), coerce=True),
            "units_forecast": _units(),
            "units_lower_80": _units(),
            "units_upper_80": _units(),
            "model": pa.Column(str, pa.Check.isin(MODELS), coerce=True),
            "gate_passed": pa.Column(bool, coerce=True),
        },
        checks=[
            pa.Check(
                lambda frame: (
                    (frame["units_lower_80"] <= frame["units_forecast"])
                    & (frame["units_forecast"] <= frame["units_upper_80"])
                ),
                name="the interval holds the forecast",
            ),
            pa.Check(
                lambda frame: frame["gate_passed"] == frame["fallback_reason"].isna(),
                name="a baseline has a reason, a served model none",
            ),
            pa.Check(
                lambda frame: (
                    (pd.to_datetime(frame["forecast_to"]) - pd.to_datetime(frame["forecast_from"]))
                    .dt.days.add(1)
                    .eq(frame["horizon_days"])
                ),
                name="the window is as long as the horizon",
            ),
            pa.Check(
                lambda frame: (
                    pd.to_datetime(frame["trained_through"])
                    < pd.to_datetime(frame["forecast_from"])
                ),
                name="no forecast day was trained on",
            ),
        ],
        unique=["level", "series_key", "horizon_days"],
    )


def validate(frame: pd.DataFrame) -> pd.DataFrame:
    """The failure cases of a frame of `enrichment.sales_forecast`; empty when all rows fit."""
    try:
        sales_forecast_schema().validate(frame, lazy=True)
    except pa.errors.SchemaErrors as errors:
        return pd.DataFrame(errors.failure_cases)
    return pd.DataFrame()
