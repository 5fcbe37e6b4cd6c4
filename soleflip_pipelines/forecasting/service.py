"""Forecasts of units sold, from the published marts into `enrichment`.

What belongs here is reading sales, writing the three forecast tables in one transaction, and the
report. Everything that decides a number is in the pure modules beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import psycopg
from psycopg import sql

from soleflip_pipelines.forecasting.engine import Forecast, forecast_all
from soleflip_pipelines.forecasting.plots import forecast_png
from soleflip_pipelines.forecasting.series import HISTORY_DAYS, DailySales, Series, build_series
from soleflip_pipelines.settings import export_environment

_LOCK = "enrichment.sales_forecast"
_TABLES = ("sales_forecast", "sales_forecast_daily", "forecast_backtest")

# Units, not orders, are forecast. The last day known is the day before the newest batch of orders
# or sales: days after it are not days without a sale.
_SALES_SQL = """
    select o.sold_on, p.brand, p.category, sum(o.quantity)
    from sales."order" as o
    left join catalog.product as p on p.id = o.product_id
    where o.is_sale and o.sold_on between %s and %s
    group by o.sold_on, p.brand, p.category
    order by o.sold_on, p.brand, p.category
"""
_KNOWN_THROUGH_SQL = """
    select (max(finished_at) at time zone 'Europe/Berlin')::date - 1
    from integration.import_batches
    where asset in ('raw_stockx.orders', 'raw_ebay.orders', 'raw_alias.orders', 'raw_csv.sales')
"""
_FORECAST_SQL = """
    copy enrichment.sales_forecast (
        level, series_key, horizon_days, forecast_from, forecast_to, units_forecast,
        units_lower_80, units_upper_80, model, model_params, gate_passed, fallback_reason,
        trained_through, history_days
    ) from stdin
"""
_DAILY_SQL = """
    copy enrichment.sales_forecast_daily (
        level, series_key, forecast_on, units_forecast, units_lower_80, units_upper_80, model
    ) from stdin
"""
_BACKTEST_SQL = """
    copy enrichment.forecast_backtest (
        level, series_key, model, horizon_days, window_count, mase, rmsse, wape, bias,
        coverage_80, skill_vs_naive, is_served
    ) from stdin
"""


@dataclass(frozen=True)
class ForecastReport:
    """What one run of forecasts did; `plot` is a PNG of the total's forecast, None without one."""

    series: int
    gate_passed: int
    served_by_model: dict[str, int]
    trained_through: date | None
    units_30_days: float | None
    plot: bytes | None

    def as_metadata(self) -> dict[str, Any]:
        """Figures for a log line or an asset's metadata; the plot is not among them."""
        return {
            "series": self.series,
            "passed the gate": self.gate_passed,
            **{f"served by {model}": n for model, n in sorted(self.served_by_model.items())},
            "trained through": str(self.trained_through or "no sales"),
            "units expected in 30 days": self.units_30_days,
        }


def make_forecasts(conn: psycopg.Connection[Any], today: date) -> ForecastReport:
    """Forecast total, brands and categories for 7, 14 and 30 days from today on.

    Today is not over, so the history ends yesterday, or earlier if no sales were read since.
    Replaces the rows of `enrichment.sales_forecast`, `sales_forecast_daily` and
    `forecast_backtest` in one transaction under an advisory lock. Without published marts or
    sales the tables end up empty.

    Args:
        conn: connection that may read the marts and write `enrichment`; left committed.
        today: the Berlin business day.
    """
    # scipy reads this when it is first imported, below. Its matrices are tiny here, and threads
    # that wait for each other on a busy machine made the fits ten times slower.
    export_environment({"OPENBLAS_NUM_THREADS": "1"})
    with conn.transaction():
        conn.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [_LOCK])
        through = _known_through(conn, today)
        series = build_series(_read_sales(conn, through), through)
        forecasts = forecast_all(series, today)
        _write(conn, forecasts)
    conn.commit()
    return _report(forecasts)


def _known_through(conn: psycopg.Connection[Any], today: date) -> date:
    row = conn.execute(_KNOWN_THROUGH_SQL).fetchone()
    yesterday = today - timedelta(days=1)
    return min(row[0], yesterday) if row and row[0] else yesterday


def _read_sales(conn: psycopg.Connection[Any], through: date) -> list[DailySales]:
    found = conn.execute(
        "select to_regclass('sales.\"order\"'), to_regclass('catalog.product')"
    ).fetchone()
    if not found or None in found:
        return []
    first_day = through - timedelta(days=HISTORY_DAYS - 1)
    return [DailySales(*row) for row in conn.execute(_SALES_SQL, [first_day, through])]


def _write(conn: psycopg.Connection[Any], forecasts: Iterable[Forecast]) -> None:
    made = list(forecasts)
    for table in _TABLES:
        conn.execute(sql.SQL("delete from {}").format(sql.Identifier("enrichment", table)))
    _copy(conn, _FORECAST_SQL, (row for f in made for row in forecast_rows(f)))
    _copy(conn, _DAILY_SQL, (row for f in made for row in daily_rows(f)))
    _copy(conn, _BACKTEST_SQL, (row for f in made for row in backtest_rows(f)))


def _copy(conn: psycopg.Connection[Any], statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def forecast_rows(forecast: Forecast) -> Iterable[tuple[Any, ...]]:
    """Rows of `enrichment.sales_forecast`, in the column order of the copy statement."""
    series, choice = forecast.series, forecast.choice
    for horizon, window in forecast.windows.items():
        yield (
            series.level,
            series.key,
            horizon,
            forecast.first_day,
            forecast.first_day + timedelta(days=horizon - 1),
            round(window.units, 2),
            round(window.lower_80, 2),
            round(window.upper_80, 2),
            choice.model,
            forecast.model_params,
            choice.gate_passed,
            choice.reason,
            series.last_day,
            len(series.units),
        )


def daily_rows(forecast: Forecast) -> Iterable[tuple[Any, ...]]:
    """Rows of `enrichment.sales_forecast_daily`."""
    for offset, day in enumerate(forecast.daily):
        yield (
            forecast.series.level,
            forecast.series.key,
            forecast.first_day + timedelta(days=offset),
            round(day.units, 4),
            round(day.lower_80, 4),
            round(day.upper_80, 4),
            forecast.choice.model,
        )


def backtest_rows(forecast: Forecast) -> Iterable[tuple[Any, ...]]:
    """Rows of `enrichment.forecast_backtest`; an error without a scale is NULL."""
    for score in forecast.scores:
        errors = (score.mase, score.rmsse, score.wape, score.bias)
        rest = (score.coverage_80, score.skill_vs_naive)
        yield (
            forecast.series.level,
            forecast.series.key,
            score.model,
            score.horizon_days,
            score.window_count,
            *(None if e is None else round(e, 4) for e in (*errors, *rest)),
            score.model == forecast.choice.model,
        )


def _report(forecasts: list[Forecast]) -> ForecastReport:
    total = next((f for f in forecasts if f.series.level == "total"), None)
    return ForecastReport(
        series=len(forecasts),
        gate_passed=sum(f.choice.gate_passed for f in forecasts),
        served_by_model=dict(Counter(f.choice.model for f in forecasts)),
        trained_through=total.series.last_day if total else None,
        units_30_days=round(total.windows[30].units, 1) if total else None,
        plot=_plot(total) if total else None,
    )


def _plot(forecast: Forecast) -> bytes:
    series: Series = forecast.series
    served = next(
        s for s in forecast.scores if s.model == forecast.choice.model and s.horizon_days == 30
    )
    error = f", backtest error of 30-day totals {served.wape:.0%}" if served.wape else ""
    return forecast_png(
        history=[(series.start + timedelta(days=i), float(u)) for i, u in enumerate(series.units)][
            -120:
        ],
        path=[
            (forecast.first_day + timedelta(days=i), r.units) for i, r in enumerate(forecast.daily)
        ],
        intervals=[(r.lower_80, r.upper_80) for r in forecast.daily],
        title=(
            f"Units sold a day, all products: {forecast.windows[30].units:.0f} expected in the "
            f"next 30 days\n{forecast.choice.model}{error}"
        ),
    )
