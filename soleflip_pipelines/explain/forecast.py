"""Why a forecast is what it is: the history it saw, how the models fared, which one serves.

The history is counted anew from the marts as the models counted it; a day or a sum that is no
longer the same is said. The models themselves belong to `forecasting`.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from soleflip_pipelines.errors import SoleflipError
from soleflip_pipelines.explain.reading import Book, NotFound, nearest
from soleflip_pipelines.explain.story import Row, Story, shown, to_cents

FORECAST_SQL = """
    select * from analytics.sales_forecast
    where lower(series_key) = lower(%(name)s) order by level, horizon_days
"""
SERIES_SQL = "select distinct series_key from analytics.sales_forecast order by 1"
PRODUCT_SQL = """
    select sku, name, brand, category from catalog.product
    where lower(sku) = lower(%(name)s) or lower(style_code) = lower(%(name)s)
        or stockx_product_id = %(name)s
    order by sku limit 1
"""
# As the models count: units of sales by the day of sale, from the first one in the history on.
HISTORY_SQL = """
    select date_trunc('month', orders.sold_on)::date as month, sum(orders.quantity) as units,
           count(distinct orders.sold_on) as days_with_a_sale, min(orders.sold_on) as first_sale
    from sales."order" as orders
    left join catalog.product as product on orders.product_id = product.id
    where orders.is_sale and orders.sold_on between %(first)s and %(last)s
        and case %(level)s when 'brand' then product.brand = %(key)s
            when 'category' then product.category = %(key)s else true end
    group by 1 order by 1
"""
BACKTEST_SQL = """
    select model, horizon_days as horizon, window_count as windows, mase, rmsse, wape, bias,
           coverage_80, skill_vs_naive, is_served
    from analytics.forecast_accuracy
    where level = %(level)s and series_key = %(key)s
    order by horizon_days, is_served desc, model
"""
DAILY_SQL = """
    select sum(units_forecast) as units from analytics.sales_forecast_daily
    where level = %(level)s and series_key = %(key)s
        and forecast_on between %(first)s and %(last)s
"""
SHOWN_MONTHS = 12


def explain_forecast(book: Book, name: str) -> list[Story]:
    """The story of the forecasts of a brand, a category, all products, or a product's brand.

    Args:
        book: where to read.
        name: of the series (`all` for the total), or a product's SKU, style code or StockX id.

    Raises:
        NotFound: no such series; the text says why, or names the nearest ones.
    """
    product = book.row(PRODUCT_SQL, name=name.strip())
    wanted = product["brand"] if product else name.strip()
    rows = book.rows(FORECAST_SQL, name=wanted)
    if not rows and product:
        raise NotFound(
            f"{product['name']} is forecast with its brand {product['brand']}, and that sells too"
            " little: a series needs 30 units in 365 days; try its category"
            f" ({product['category']}) or all"
        )
    if not rows:
        known = [row["series_key"] for row in book.rows(SERIES_SQL)]
        if not known:
            raise SoleflipError("there is no forecast yet: run `soleflip run forecast`")
        raise NotFound(
            f"there is no forecast of {name}{nearest(name, known)}: a brand or category needs 30"
            " units in 365 days"
        )
    levels = dict.fromkeys(row["level"] for row in rows)
    return [
        _tell(book, [row for row in rows if row["level"] == level], product) for level in levels
    ]


def _tell(book: Book, rows: list[Row], product: Row | None) -> Story:
    head = rows[0]
    story = Story(f"Forecast of {head['series_key']} ({head['level']})")
    if product:
        story.tell(
            "The product",
            [f"{product['name']} ({product['sku']}) sells too seldom for a forecast of its own;"
             f" what follows is that of its brand {product['brand']}."],
        )  # fmt: skip
    _tell_history(story, book, head)
    _tell_choice(story, head)
    _tell_backtest(story, book, head)
    _tell_windows(story, book, rows)
    return story


def _tell_history(story: Story, book: Book, head: Row) -> None:
    last = head["trained_through"]
    months = book.rows(
        HISTORY_SQL, level=head["level"], key=head["series_key"], last=last,
        first=last - timedelta(days=head["history_days"] - 1),
    )  # fmt: skip
    units = sum(row["units"] for row in months)
    days = sum(row.pop("days_with_a_sale") for row in months)
    starts = [row.pop("first_sale") for row in months]
    says = [
        f"{head['history_days']} days until {last}: {units} units on {days} of them; a day without"
        " a sale counts as 0.",
        f"Made at {shown(head['made_at'])}.",
    ]
    if starts and (last - min(starts)).days + 1 != head["history_days"]:
        says.append(f"The marts now know a first sale on {min(starts)}: they have changed since.")
    story.tell(f"History, the last {SHOWN_MONTHS} months of it", says, months[-SHOWN_MONTHS:])


def _tell_choice(story: Story, head: Row) -> None:
    if head["gate_passed"]:
        why = "it beat repeating last week in the backtest."
    else:
        why = f"ARIMA did not pass the gate: {head['fallback_reason']}."
    story.tell("Model", [f"{head['model']} ({head['model_params']}) serves, since {why}"])


def _tell_backtest(story: Story, book: Book, head: Row) -> None:
    scores = book.rows(BACKTEST_SQL, level=head["level"], key=head["series_key"])
    served = next((s for s in scores if s["is_served"] and s["horizon"] == 30), None)
    says = ["Rolling origins: each window was forecast from what was known before it."]
    if served and served["skill_vs_naive"] is not None:
        side = "less" if served["skill_vs_naive"] >= 0 else "more"
        says.append(
            f"Over 30 days {served['model']} errs {abs(served['skill_vs_naive']):.0%} {side} than"
            f" the seasonal naive; of its 80 % intervals {shown(served['coverage_80'])} held."
        )
    else:
        says.append("The history is too short to tell how far off it is.")
    story.tell("Backtest", says, scores)


def _tell_windows(story: Story, book: Book, rows: list[Row]) -> None:
    windows: list[Row] = []
    for row in rows:
        daily = book.row(
            DAILY_SQL, level=row["level"], key=row["series_key"], first=row["forecast_from"],
            last=row["forecast_to"],
        )  # fmt: skip
        total = to_cents(Decimal(daily["units"])) if daily and daily["units"] is not None else None
        if total is None or abs(total - row["units_forecast"]) > Decimal("0.02"):
            story.check(f"sum of the days of {row['horizon_days']}", total, row["units_forecast"])
        windows.append(
            {"days": row["horizon_days"], "from": row["forecast_from"], "to": row["forecast_to"],
             "units": row["units_forecast"], "at_least_80": row["units_lower_80"],
             "at_most_80": row["units_upper_80"]}
        )  # fmt: skip
    story.tell("Expected units, with the interval that should hold in 8 of 10 cases", [], windows)
