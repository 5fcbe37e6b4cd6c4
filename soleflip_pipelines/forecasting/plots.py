"""The picture of one forecast: what sold, what is expected, and how sure that is.

Only drawing, on a Figure of its own: no window, no state shared with other plots.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from io import BytesIO

_INK, _SOFT, _ACCENT = "#1f2933", "#9aa5b1", "#d1495b"
_SMOOTHING_DAYS = 7


def forecast_png(
    history: Sequence[tuple[date, float]],
    path: Sequence[tuple[date, float]],
    intervals: Sequence[tuple[float, float]],
    title: str,
) -> bytes:
    """Draw bars of units sold a day, their weekly mean, and the coming days with their range.

    Args:
        history: (day, units) of past days in order.
        path: (day, units) of coming days in order.
        intervals: (low, high) of the 80 % interval, one for each day of `path`.
        title: one or two lines that say what one sees.

    Returns:
        A PNG of about 1100 x 450 pixels.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # half a second to import
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    past, units = [d for d, _ in history], [u for _, u in history]
    coming, expected = [d for d, _ in path], [u for _, u in path]
    axes.bar(past, units, width=0.9, color=_SOFT, alpha=0.55, label="sold a day")  # type: ignore[arg-type]
    axes.plot(past, _weekly_mean(units), color=_INK, linewidth=1.8, label="mean of 7 days")  # type: ignore[arg-type]
    axes.fill_between(
        coming,  # type: ignore[arg-type]
        [low for low, _ in intervals],
        [high for _, high in intervals],
        color=_ACCENT,
        alpha=0.18,
        linewidth=0,
        step="mid",
        label="80 % interval",
    )
    axes.plot(coming, expected, color=_ACCENT, linewidth=2.2, label="expected a day")  # type: ignore[arg-type]
    axes.set_title(title, loc="left", fontsize=12, color=_INK)
    axes.set_ylabel("units a day")
    axes.set_xlabel("day (Europe/Berlin)")
    highest = max([*units, *(high for _, high in intervals), 1.0])
    axes.set_ylim(0, highest * 1.15)  # room for the legend
    locator = AutoDateLocator()  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e4e7eb", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.legend(loc="upper left", frameon=False, ncols=4, fontsize=9)
    picture = BytesIO()
    figure.savefig(picture, format="png", dpi=100)
    return picture.getvalue()


def _weekly_mean(units: Sequence[float]) -> list[float]:
    means = []
    for end in range(1, len(units) + 1):
        recent = units[max(0, end - _SMOOTHING_DAYS) : end]
        means.append(sum(recent) / len(recent))
    return means
