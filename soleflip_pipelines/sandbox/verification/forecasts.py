"""The marts of forecasts: which series there are, that none has a gap, and how right they were.

The future has no truth. The past has: for the two models that need no estimation the errors of the
backtest are worked out anew from the truth's own days, which also shows that the actuals were
right. Of ARIMA's errors only what follows from the others can be known.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import pairwise
from statistics import fmean

from soleflip_pipelines.sandbox.verification.comparison import Comparison, Field, Row
from soleflip_pipelines.sandbox.verification.sides import Sides

_HORIZONS, _WINDOW, _MOST_WINDOWS, _LEAST_TRAINING = (7, 14, 30), 30, 6, 56
_HISTORY, _LEAST_A_YEAR = 730, 30
_MODELS = ("arima", "mean_28", "seasonal_naive")
# The models add up in another order than this module: the fourth decimal may differ by one.
_CLOSE = 0.00011
_SALES = """
select o.sold_on, l.brand, l.category, sum(o.quantity) as units
from orders o
left join label l using (product_id)
where o.is_sale and o.sold_on between ? and ?
group by 1, 2, 3
"""
_MART_FORECASTS = """
select level, series_key as key, horizon_days as horizon, forecast_from, forecast_to,
       trained_through, history_days,
       units_lower_80 <= units_forecast and units_forecast <= units_upper_80 as is_inside,
       (fallback_reason is null) = gate_passed as has_reason
from analytics.sales_forecast
order by level collate "C", series_key collate "C", horizon_days
"""
_MART_DAILY = """
with summed as (
    select *, sum(units_forecast) over days as so_far, row_number() over days as day
    from analytics.sales_forecast_daily
    window days as (partition by level, series_key order by forecast_on)
)
select d.level, d.series_key as key, d.forecast_on,
       d.units_lower_80 <= d.units_forecast and d.units_forecast <= d.units_upper_80
           as is_inside,
       coalesce(abs(d.so_far - f.units_forecast) <= 0.01, true) as adds_up
from summed d
left join analytics.sales_forecast f
    on f.level = d.level and f.series_key = d.series_key and f.horizon_days = d.day
order by d.level collate "C", d.series_key collate "C", d.forecast_on
"""
_MART_ACCURACY = """
select a.level, a.series_key as key, a.model, a.horizon_days as horizon,
       a.window_count as windows, a.mase, a.rmsse, a.wape, a.bias, a.skill_vs_naive as skill,
       coalesce(a.coverage_80 between 0 and 1, true) as is_share, a.is_served = (a.model = f.model)
           as is_the_served_one
from analytics.forecast_accuracy a
left join analytics.sales_forecast f
    on f.level = a.level and f.series_key = a.series_key and f.horizon_days = a.horizon_days
order by a.level collate "C", a.series_key collate "C", a.model collate "C", a.horizon_days
"""
_Series = tuple[str, str, list[int]]


def _through(sides: Sides) -> date:
    """The last day learned from: the day before the last sync, which only the marts know."""
    row = sides.marts.execute(
        "select max(trained_through) from analytics.sales_forecast"
    ).fetchone()
    return min(row[0], sides.today - timedelta(days=1)) if row and row[0] else sides.today


def _all_series(sides: Sides) -> Iterator[_Series]:
    """Level, name and units a day of each series that sells enough, in order of name.

    Brands and categories are those that the marts found; they are judged product by product.
    """
    through = _through(sides)
    first = through - timedelta(days=_HISTORY - 1)
    counts: dict[tuple[str, str], dict[date, int]] = defaultdict(lambda: defaultdict(int))
    for row in sides.truth.execute(_SALES, (str(first), str(through))):
        day = date.fromisoformat(row["sold_on"])
        for level, key in (
            ("total", "all"), ("brand", row["brand"]), ("category", row["category"])
        ):  # fmt: skip
            if key:
                counts[level, key][day] += row["units"]
    for (level, key), days in sorted(counts.items()):
        start = min(days)
        units = [days[start + timedelta(days=n)] for n in range((through - start).days + 1)]
        if level == "total" or sum(units[-365:]) >= _LEAST_A_YEAR:
            yield level, key, units


def _forecasts(sides: Sides) -> Iterator[Row]:
    through = _through(sides)
    for level, key, units in _all_series(sides):
        for horizon in _HORIZONS:
            yield {
                "level": level, "key": key, "horizon": horizon, "forecast_from": sides.today,
                "forecast_to": sides.today + timedelta(days=horizon - 1),
                "trained_through": through, "history_days": len(units), "is_inside": True,
                "has_reason": True,
            }  # fmt: skip


def _daily(sides: Sides) -> Iterator[Row]:
    for level, key, _ in _all_series(sides):
        for day in range(max(_HORIZONS)):
            on = str(sides.today + timedelta(days=day))
            yield {
                "level": level, "key": key, "forecast_on": on, "is_inside": True, "adds_up": True
            }  # fmt: skip


def _windows(units: Sequence[int]) -> list[tuple[Sequence[int], Sequence[int]]]:
    """Training part and the 30 days after it, for each origin of the backtest."""
    count = min((len(units) - _LEAST_TRAINING) // _WINDOW, _MOST_WINDOWS)
    cuts = [len(units) - k * _WINDOW for k in range(count, 0, -1)]
    return [(units[:cut], units[cut : cut + _WINDOW]) for cut in cuts]


def _path(model: str, training: Sequence[int]) -> list[float]:
    if model == "seasonal_naive":
        return [float(training[-7:][day % 7]) for day in range(_WINDOW)]
    return [fmean(training[-28:])] * _WINDOW


def _errors(units: Sequence[int], model: str, horizon: int) -> dict[str, float | None]:
    """The backtest's figures; None where there is nothing to measure with."""
    mase, rmsse, totals, sold = [], [], [], 0
    for training, actual in _windows(units):
        missed = [f - a for f, a in zip(_path(model, training)[:horizon], actual, strict=False)]
        weekly = [abs(b - a) for a, b in zip(training, training[7:], strict=False)]
        daily = [(b - a) ** 2 for a, b in pairwise(training)]
        if any(weekly):
            mase.append(fmean(map(abs, missed)) / fmean(weekly))
        if any(daily):
            rmsse.append((fmean(e * e for e in missed) / fmean(daily)) ** 0.5)
        totals.append(sum(missed))
        sold += sum(actual[:horizon])
    return {
        "mase": fmean(mase) if mase else None,
        "rmsse": fmean(rmsse) if rmsse else None,
        "wape": sum(map(abs, totals)) / sold if sold else None,
        "bias": sum(totals) / sold if sold else None,
    }


def _accuracy(sides: Sides) -> Iterator[Row]:
    for level, key, units in _all_series(sides):
        for model in _MODELS:
            for horizon in _HORIZONS:
                naive = _errors(units, "seasonal_naive", horizon)
                known = _errors(units, model, horizon) if model != "arima" else {}
                yield {
                    "level": level, "key": key, "model": model, "horizon": horizon,
                    "windows": len(_windows(units)), "is_share": True, "is_the_served_one": True,
                    "naive": naive["rmsse"], "errors": known,
                }  # fmt: skip


def _accuracy_fields(true: Row, found: Row) -> Iterator[Field]:
    for name in ("windows", "is_share", "is_the_served_one"):
        yield name, true[name], found[name]
    for name, value in true["errors"].items():
        yield name, *_near(value, found[name])
    rmsse = true["errors"].get("rmsse", found["rmsse"])
    if rmsse is not None and true["naive"]:
        # The error it is reckoned from was rounded itself, so that counts twice.
        rounding = _CLOSE * (1 + 1 / true["naive"])
        yield "skill", *_near(1 - float(rmsse) / true["naive"], found["skill"], rounding)


def _near(true: float | None, found: object, within: float = _CLOSE) -> tuple[object, object]:
    """The two values, made equal where only rounding tells them apart."""
    if true is None or found is None:
        return true, found
    is_close = abs(true - float(str(found))) <= within
    return (found if is_close else round(true, 4)), found


_SERIES = ("level", "key")
COMPARISONS = (
    Comparison("analytics.sales_forecast", (*_SERIES, "horizon"), _forecasts, _MART_FORECASTS),
    Comparison("analytics.sales_forecast_daily", (*_SERIES, "forecast_on"), _daily, _MART_DAILY),
    Comparison(
        "analytics.forecast_accuracy",
        (*_SERIES, "model", "horizon"),
        _accuracy,
        _MART_ACCURACY,
        _accuracy_fields,
    ),
)
