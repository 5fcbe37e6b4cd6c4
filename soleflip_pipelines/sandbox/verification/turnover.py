"""How stock turns over, month by month: every evening's stock counted anew from the truth's units.

What a unit is called by (brand, category, size) is taken from the marts, as in `kpis`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from soleflip_pipelines.sandbox.verification.comparison import Comparison, Row
from soleflip_pipelines.sandbox.verification.kpis import kpi_rows, size_group
from soleflip_pipelines.sandbox.verification.shelf import units_with_stays
from soleflip_pipelines.sandbox.verification.sides import Sides, ratio

_ZERO = Decimal(0)
_SIZES = """
select v.stockx_variant_id, m.size_system, m.audience, m.size_value
from catalog.variant v
join catalog.size_master m on m.size_key = v.size_key
where v.stockx_variant_id is not null
"""
_MART = """
select dimension, member, month, opening_count as opening, received_count as received,
       sold_count as sold, closing_count as closing, stocked_day_count as stocked,
       sold_cost_eur as sold_cost, mean_stock_cost_eur as mean_cost, sell_through,
       units_sold_a_day as velocity, days_of_supply as supply, turnover,
       days_inventory_outstanding as dio, gmroi, cost_coverage_value as coverage
from analytics.stock_kpi_monthly
order by dimension collate "C", member collate "C", month
"""
Moves = dict[date, dict[str, tuple[int, Decimal]]]


def _moves(sides: Sides) -> dict[tuple[str, str], Moves]:
    """Pieces and cost that came, went or came back on a day, by what they are."""
    sizes = {row[0]: size_group(*row[1:]) for row in sides.marts.execute(_SIZES)}
    labels = {row["product_id"]: row for row in sides.truth.execute("select * from label")}
    found: dict[tuple[str, str], Moves] = defaultdict(lambda: defaultdict(dict))
    for unit in units_with_stays(sides):
        label = labels.get(unit.row["product_id"])
        members = (
            ("all", "all"),
            ("brand", (label and label["brand"]) or "Unknown"),
            ("category", (label and label["category"]) or "unknown"),
            ("size_group", sizes.get(unit.row["variant_id"], "unknown")),
            ("supplier", unit.row["supplier"]),
        )
        for came, came_by, _, went, went_by, _ in unit.stays:
            for day, kind in ((came, came_by), (went, went_by)):
                for member in members if day else ():
                    count, cost = found[member][day or came].get(kind, (0, _ZERO))
                    found[member][day or came][kind] = (count + 1, cost + unit.cost)
    return found


def _months(sides: Sides) -> Iterator[Row]:
    moves = _moves(sides)
    last = max((day for days in moves.values() for day in days), default=sides.today)
    last = max(last, sides.today)
    dimensions = sorted({dimension for dimension, _ in moves})
    known = {
        (row["dimension"], row["member"], row["period_start"]): row
        for row in kpi_rows(sides, dimensions, ("month",))
    }
    for (dimension, member), days in sorted(moves.items()):
        for month in _turned(days, last):
            yield {
                "dimension": dimension, "member": member,
                **_figures(month, known.get((dimension, member, str(month["month"])))),
            }  # fmt: skip


def _turned(days: Moves, last: date) -> Iterator[dict[str, object]]:
    """Each month's sums, evening by evening."""
    here, cost, day = 0, _ZERO, min(days).replace(day=1)
    month: dict[str, object] = {}
    none = (0, _ZERO)
    while day <= last:
        if day.day == 1:
            if month:
                yield month
            month = {"month": day, "opening": here, "sold_cost": _ZERO, "cost_days": _ZERO}
            month |= dict.fromkeys(("received", "sold", "stocked", "days"), 0)
        by_kind = days.get(day, {})
        came, went, back, lost = (
            by_kind.get(kind, none) for kind in ("receipt", "sale", "return", "loss")
        )
        here += came[0] + back[0] - went[0] - lost[0]
        cost += came[1] + back[1] - went[1] - lost[1]
        for name, more in (
            ("received", came[0]), ("sold", went[0] - back[0]), ("stocked", int(here > 0)),
            ("days", 1), ("sold_cost", went[1] - back[1]), ("cost_days", cost),
        ):  # fmt: skip
            month[name] += more  # type: ignore[operator]
        month["closing"] = here
        day += timedelta(days=1)
    yield month


def _figures(month: dict[str, object], kpi: Row | None) -> Row:
    sums = {name: Decimal(str(value)) for name, value in month.items() if name != "month"}
    margin = None
    if kpi:
        margin = Decimal(str(kpi["costed_gross"])) - Decimal(str(kpi["costed_cost"]))
    supply = ratio(sums["closing"] * sums["stocked"], sums["sold"]) if sums["sold"] > 1 else None
    return {
        **month,
        "mean_cost": ratio(sums["cost_days"], sums["days"], 2),
        "sell_through": ratio(sums["sold"], sums["opening"] + sums["received"]),
        "velocity": ratio(sums["sold"], sums["stocked"]),
        "supply": supply,
        "turnover": ratio(sums["sold_cost"] * sums["days"], sums["cost_days"]),
        "dio": ratio(sums["cost_days"], sums["sold_cost"]),
        "gmroi": None if margin is None else ratio(margin * sums["days"], sums["cost_days"]),
        "coverage": kpi["coverage_value"] if kpi else None,
    }


COMPARISONS = (
    Comparison("analytics.stock_kpi_monthly", ("dimension", "member", "month"), _months, _MART),
)
