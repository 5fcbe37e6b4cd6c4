"""The picture of one price recommendation: where the market, the floor and our prices stand.

Only drawing, on a Figure of its own: no window, no state shared with other plots.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INK, _SOFT, _LOSS, _GAIN = "#1f2933", "#9aa5b1", "#d1495b", "#2e8b57"


def price_ladder_png(
    prices: Mapping[str, Decimal | None],
    net_by_price: Sequence[tuple[Decimal, Decimal]],
    title: str,
    currency_code: str = "EUR",
    cost: Decimal | None = None,
) -> bytes:
    """Draw what a sale leaves over at each price, with the known prices marked on it.

    Args:
        prices: name and price of each mark, such as "lowest ask"; None is left out.
        net_by_price: (asking price, net proceeds after fees and VAT) in order of price.
        title: one or two lines that say what one sees.
        currency_code: of every amount.
        cost: landed cost of the unit; the difference to it is coloured as profit or loss.

    Returns:
        A PNG of about 1100 x 500 pixels.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # half a second to import
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    asked = [float(price) for price, _ in net_by_price]
    net = [float(value) for _, value in net_by_price]
    axes.plot(asked, net, color=_INK, linewidth=2, label="left after fees and VAT")
    if cost is not None:
        line = float(cost)
        axes.axhline(line, color=_SOFT, linewidth=1.2, linestyle="--", label="landed cost")
        gains = [value >= line for value in net]
        losses = [not gain for gain in gains]
        axes.fill_between(asked, net, line, where=gains, color=_GAIN, alpha=0.15, label="profit")
        axes.fill_between(asked, net, line, where=losses, color=_LOSS, alpha=0.15, label="loss")
    _mark(axes, {name: float(p) for name, p in prices.items() if p is not None})
    axes.set_title(title, loc="left", fontsize=12, color=_INK)
    axes.set_xlabel(f"asking price ({currency_code})")
    axes.set_ylabel(f"net proceeds ({currency_code})")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e4e7eb", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.legend(loc="lower right", frameon=False, fontsize=9)
    picture = BytesIO()
    figure.savefig(picture, format="png", dpi=100)
    return picture.getvalue()


def _mark(axes: Axes, marks: Mapping[str, float]) -> None:
    """A vertical line a price, its name beside it; names take turns in height to stay apart."""
    for turn, (name, price) in enumerate(sorted(marks.items(), key=lambda item: item[1])):
        colour = _GAIN if name.startswith("recommended") else _INK
        axes.axvline(price, color=colour, linewidth=1.1, linestyle=":")
        axes.annotate(
            f"{name} {price:,.0f}",
            xy=(price, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(4, -14 - 15 * (turn % 6)),
            textcoords="offset points",
            fontsize=9,
            color=colour,
            bbox={"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "pad": 1},
        )
