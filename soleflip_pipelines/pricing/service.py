"""Price recommendations for every unit on hand, from the published marts into `enrichment`.

What belongs here is the transaction, the rows and the report. What is read is in `inputs`, what is
decided in the pure modules beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from soleflip_pipelines.pricing.evidence import evidence_of
from soleflip_pipelines.pricing.fees import FeeRule, Vat, net_proceeds
from soleflip_pipelines.pricing.inputs import CURRENCY, PLATFORM, Inputs, Unit, read_inputs
from soleflip_pipelines.pricing.plots import price_ladder_png
from soleflip_pipelines.pricing.recommend import (
    Recommendation,
    VariantView,
    recommend,
    view_variant,
)

_LOCK = "enrichment.price_recommendation"
_UNKNOWN_VARIANT = "not matched to a product and size of the marketplace"
_COPY_SQL = """
    copy enrichment.price_recommendation (
        stock_id, platform, partner_variant_id, currency_code, reference_price,
        break_even_price, recommended_sell_faster, recommended_earn_more, roi_percentage,
        profit_margin, expected_profit, market_confidence, confidence_score, is_floor_applied,
        reason, observed_at, evidence
    ) from stdin
"""
_COLUMN_TYPES = (
    "uuid", "text", "text", "text", "numeric", "numeric", "numeric", "numeric", "numeric",
    "numeric", "numeric", "text", "numeric", "bool", "text", "timestamptz", "jsonb",
)  # fmt: skip


@dataclass(frozen=True)
class Priced:
    """One unit with what is recommended for it; `view` is None for a unit not recognised."""

    unit: Unit
    view: VariantView | None
    result: Recommendation
    vat: Vat


@dataclass(frozen=True)
class PriceReport:
    """What one run of recommendations did; `plot` is a PNG of one unit, None without a price."""

    units: int
    priced: int
    floor_applied: int
    without_cost: int
    by_confidence: dict[str, int]
    expected_profit: Decimal
    reasons: dict[str, int]
    plot: bytes | None

    def as_metadata(self) -> dict[str, Any]:
        """Figures for a log line or an asset's metadata; the plot is not among them."""
        return {
            "units on hand": self.units,
            "with a price": self.priced,
            "floor applied": self.floor_applied,
            "without cost": self.without_cost,
            **{f"confidence {label}": n for label, n in sorted(self.by_confidence.items())},
            "expected profit of priced units (EUR)": float(self.expected_profit),
            "reasons": dict(sorted(self.reasons.items())),
        }


def recommend_prices(conn: psycopg.Connection[Any], today: date, now: datetime) -> PriceReport:
    """Recommend prices for every unit on hand (available, listed or incoming), in EUR.

    Replaces the rows of `enrichment.price_recommendation` in one transaction under an advisory
    lock. Before the first publication of the marts the table ends up empty.

    Args:
        conn: connection that may read the marts and write `enrichment`; left committed.
        today: the Berlin business day.
        now: moment of the recommendation, with timezone; ages of observations refer to it.
    """
    with conn.transaction():
        conn.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [_LOCK])
        inputs = read_inputs(conn, today)
        priced = price_units(inputs, today, now) if inputs else []
        conn.execute("delete from enrichment.price_recommendation")
        with conn.cursor() as cursor, cursor.copy(_COPY_SQL) as copy:
            copy.set_types(_COLUMN_TYPES)
            for row in rows(priced, inputs.fees if inputs else None):
                copy.write_row(row)
    conn.commit()
    return _report(priced, inputs)


def price_units(inputs: Inputs, today: date, now: datetime) -> list[Priced]:
    """Judge each variant once and price each unit of it; pure."""
    views: dict[str, VariantView] = {}
    priced = []
    for unit in inputs.units:
        vat = inputs.vat.for_unit(unit)
        if unit.variant_id is None or unit.product_id is None:
            priced.append(Priced(unit, None, Recommendation(reasons=(_UNKNOWN_VARIANT,)), vat))
            continue
        if unit.variant_id not in views:
            views[unit.variant_id] = view_variant(
                unit.variant_id,
                inputs.sales.get(unit.product_id, ()),
                inputs.markets.get(unit.variant_id),
                unit.prior,
                today,
                now,
            )
        view = views[unit.variant_id]
        priced.append(Priced(unit, view, recommend(view, inputs.fees, vat, unit.cost), vat))
    return priced


def rows(priced: Iterable[Priced], fees: FeeRule | None) -> Iterable[tuple[Any, ...]]:
    """Rows of `enrichment.price_recommendation`, in the column order of the copy statement."""
    for item in priced:
        unit, view, result, earned = item.unit, item.view, item.result, item.result.at_earn_more
        yield (
            unit.stock_id,
            PLATFORM,
            unit.variant_id,
            CURRENCY,
            result.reference_price,
            result.break_even_price,
            result.sell_faster,
            result.earn_more,
            earned.roi_percentage if earned else None,
            earned.profit_margin if earned else None,
            earned.profit if earned else None,
            view.confidence.label if view else None,
            _score(view),
            result.is_floor_applied,
            result.reason,
            view.market.observed_at if view and view.market else None,
            Jsonb(evidence_of(view, result, fees, item.vat, unit.cost) if view else {}),
        )


def _score(view: VariantView | None) -> Decimal | None:
    if view is None:
        return None
    return Decimal(repr(view.confidence.score)).quantize(Decimal("0.001"), ROUND_HALF_UP)


def _report(priced: Sequence[Priced], inputs: Inputs | None) -> PriceReport:
    answered = [p for p in priced if p.result.earn_more or p.result.sell_faster]
    profits = [p.result.at_earn_more.profit for p in priced if p.result.at_earn_more]
    return PriceReport(
        units=len(priced),
        priced=len(answered),
        floor_applied=sum(p.result.is_floor_applied for p in priced),
        without_cost=sum(p.unit.cost is None for p in priced),
        by_confidence=dict(Counter(p.view.confidence.label for p in answered if p.view)),
        expected_profit=sum((p for p in profits if p is not None), Decimal(0)),
        reasons=dict(Counter(p.result.reason for p in priced)),
        plot=_plot(priced, inputs.fees if inputs else None),
    )


def _plot(priced: Sequence[Priced], fees: FeeRule | None) -> bytes | None:
    """The unit that shows most: both prices, and the highest confidence among those."""
    shown = [p for p in priced if p.view and p.result.sell_faster and p.result.earn_more]
    if not shown or fees is None:
        return None
    item = max(shown, key=lambda p: (p.view.confidence.score if p.view else 0, p.unit.stock_id))
    result, market = item.result, item.view.market if item.view else None
    marks = {
        "highest bid": market.highest_bid if market else None,
        "lowest ask": market.lowest_ask if market else None,
        "break even": result.break_even_price,
        "reference": result.reference_price,
        "recommended to sell faster": result.sell_faster,
        "recommended to earn more": result.earn_more,
    }
    known = [mark for mark in marks.values() if mark is not None]
    low, high = int(min(known) * Decimal("0.85")), int(max(known) * Decimal("1.15")) + 1
    step = max(1, (high - low) // 200)
    asks = [Decimal(price) for price in range(low, high + step, step)]
    name = " ".join(filter(None, (item.unit.name, item.unit.size and f"size {item.unit.size}")))
    label = item.view.confidence.label if item.view else "low"
    return price_ladder_png(
        marks,
        [(ask, net_proceeds(ask, fees, item.vat)) for ask in asks],
        f"What a sale leaves over at each price: {name}\nmarket confidence {label}",
        CURRENCY,
        item.unit.cost,
    )
