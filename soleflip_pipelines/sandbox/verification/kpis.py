"""The key figures of every period and dimension, added up anew from the truth's orders.

What an order is counted by (its brand, category and size) is taken from the marts: whether that is
right is judged where it is decided. A group with a sale whose payout was not shown has fees and a
profit that are partly expected ones, and only the rest is compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, LiteralString

from soleflip_pipelines.sandbox.verification.comparison import Comparison, Row
from soleflip_pipelines.sandbox.verification.sides import UNKNOWABLE, Sides, ratio

Sums = dict[str, Any]
Groups = dict[tuple[str, str, date], Sums]

_FEES = ("transaction_fee", "processing_fee", "shipping_fee", "other_fee")
_FAILED = ("failed_authentication", "not_shipped", "cancelled")
_FLOOR = Decimal("0.8")

_LABELS = """
select o.platform, o.order_number, o.order_line, coalesce(p.brand, 'Unknown'),
       coalesce(p.category, 'unknown'), m.size_system, m.audience, m.size_value
from sales."order" o
left join catalog.product p on p.id = o.product_id
left join catalog.variant v on v.id = o.variant_id
left join catalog.size_master m on m.size_key = v.size_key
"""
_ORDERS = """
select o.*, coalesce(l.brand, 'Unknown') as brand, coalesce(l.category, 'unknown') as category,
       l.size_system, l.audience, l.size_value, coalesce(s.supplier, 'unknown') as supplier,
       s.shelf_days, s.cost_days
from orders o
left join order_label l using (platform, order_number, order_line)
left join (
    select platform, order_number, order_line,
           iif(min(supplier) = max(supplier), min(supplier), 'several') as supplier,
           cast(sum(max(1, julianday(sold_on) - julianday(available_on))) as integer) as shelf_days,
           euros(times(cost, max(0, julianday(sold_on) - julianday(available_on)))) as cost_days
    from units where order_number is not null group by 1, 2, 3
) s using (platform, order_number, order_line)
"""
_FIGURES: LiteralString = """
       order_count as orders, sale_count as sales, sold_unit_count as units,
       gross_sale_eur as gross, transaction_fee_eur as transaction_fee,
       processing_fee_eur as processing_fee, shipping_fee_eur as shipping_fee,
       other_fee_eur as other_fee, net_payout_eur as payout, penalty_eur as penalty,
       cost_eur as cost, net_profit_eur as profit, cost_coverage_count as coverage_count,
       cost_coverage_value as coverage_value, take_rate, take_rate_without_shipping, net_margin,
       roi, annualised_roi, profit_per_shelf_day_eur as shelf_profit, failed_sale_rate
"""
_MART = f"""
select dimension, member, period, period_start, {_FIGURES}, costed_sale_count as costed,
       costed_gross_eur as costed_gross, profit_cost_eur as costed_cost,
       shelf_days
from analytics.kpi
order by dimension collate "C", member collate "C", period collate "C", period_start
"""
_MONTHS = f"select month as period_start, {_FIGURES} from analytics.kpi_monthly order by month"
_MONTHS_BY_PLATFORM = f"""
select platform as member, month as period_start, {_FIGURES}
from analytics.kpi_monthly_by_platform order by platform collate "C", month
"""


def size_group(system: str | None, audience: str | None, value: str | None) -> str:
    """A size in one of few groups: small, core and large of men, women and apparel, and others."""
    is_number = bool(value) and str(value).replace(".", "", 1).isdigit()
    if system == "US" and audience in ("youth", "toddler"):
        return "kids"
    if system == "US" and is_number:
        who, small, core = ("women", 7, 9.5) if audience == "women" else ("men", 8, 11)
        number = float(str(value))
        return f"{who} {'small' if number < small else 'core' if number < core else 'large'}"
    if system == "ALPHA":
        part = {"XXS": "small", "XS": "small", "S": "small", "M": "core", "L": "core"}
        return f"apparel {part.get(str(value), 'large')}"
    return {"EU": "EU only", "CAP": "one size and caps", "ONE": "one size and caps"}.get(
        str(system), "unknown"
    )


def kpi_rows(sides: Sides, dimensions: Iterable[str], periods: Iterable[str]) -> Iterator[Row]:
    """The true figures in order of dimension, member, period and day."""
    groups = day_sums(sides)
    wanted = set(periods)
    for dimension in sorted(dimensions):
        found = _rolled_up(groups, dimension, wanted)
        for member, period, start in sorted(found):
            figures = _figures(found[member, period, start])
            yield {
                "dimension": dimension, "member": member, "period": period,
                "period_start": str(start), **figures,
            }  # fmt: skip


def day_sums(sides: Sides) -> Groups:
    """Sums by dimension, member and day; all days of the channels, also those without an order."""
    groups: Groups = {}
    for order in _orders(sides):
        day, ended_on = (date.fromisoformat(order[name]) for name in ("sold_on", "ended_on"))
        sums, charged = _measures(order), _charged(order)
        sizes = (order["size_system"], order["audience"], order["size_value"])
        for key in (
            ("all", "all"),
            ("platform", order["platform"]),
            ("brand", order["brand"]),
            ("category", order["category"]),
            ("size_group", size_group(*sizes)),
            ("supplier", order["supplier"]),
        ):
            _add(groups.setdefault((*key, day), {}), sums)
            if charged["penalty"]:
                _add(groups.setdefault((*key, ended_on), {}), charged)
    days = [day for _, _, day in groups]
    if days:
        for dimension, member in {key[:2] for key in groups if key[0] in ("all", "platform")}:
            for offset in range((max(*days, sides.today) - min(days)).days + 1):
                groups.setdefault((dimension, member, min(days) + timedelta(days=offset)), {})
    return groups


def _orders(sides: Sides) -> Iterator[Mapping[str, Any]]:
    truth = sides.truth
    truth.execute("drop table if exists temp.order_label")
    truth.execute(
        "create temp table order_label (platform text, order_number text, order_line text,"
        " brand text, category text, size_system text, audience text, size_value text,"
        " primary key (platform, order_number, order_line))"
    )
    with sides.marts.cursor(name="order_labels") as labels:
        labels.execute(_LABELS)
        marks = ", ".join("?" * 8)
        truth.executemany(f"insert or ignore into order_label values ({marks})", labels)
    yield from truth.execute(_ORDERS)


def _charged(order: Mapping[str, Any]) -> Sums:
    """What a penalty comes to on the day on which it is charged."""
    penalty = _decimal(order["penalty"]) or Decimal(0)
    return {"penalty": penalty, "profit": None if order["net_profit"] is None else -penalty}


def _measures(order: Mapping[str, Any]) -> Sums:
    is_sale = bool(order["is_sale"])
    known = order["cost"] is not None and order["state"] != "no_fees"
    is_told = not (is_sale and order["net_payout"] is None)
    gross = _decimal(order["gross"])
    sums: Sums = {
        "orders": 1,
        "sales": int(is_sale),
        "units": order["quantity"] if is_sale else 0,
        "failed": int(order["status"] in _FAILED),
        "decided": int(order["status"] != "open"),
        "gross": gross,
        **{fee: _decimal(order[fee]) if is_sale else Decimal(0) for fee in _FEES},
        "payout": _decimal(order["net_payout"]) if is_sale else Decimal(0),
        "told_gross": gross if is_told else None,
        "profit": _plus(order["net_profit"], order["penalty"]),
        "cost": _decimal(order["cost"]) if is_sale else None,
        "sale_profit": _decimal(order["net_profit"]) if is_sale else None,
        "unseen": int(not order["is_seen"]),
        "guessed": int(not order["is_seen"] and order["cost"] is not None),
    }
    if is_sale and known:
        sums["costed"] = 1
        sums["costed_gross"], sums["costed_cost"] = gross, sums["cost"]
        sums["shelf_days"] = _decimal(order["shelf_days"])
        sums["cost_days"] = _decimal(order["cost_days"])
        vat = _decimal(order["vat_due"])
        sums["costed_net"] = None if gross is None or vat is None else gross - vat
    return sums


def _decimal(value: object) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _plus(left: object, right: object) -> Decimal | None:
    return None if left is None else Decimal(str(left)) + (_decimal(right) or 0)


def _add(total: Sums, more: Sums) -> None:
    for name, value in more.items():
        if value is not None:
            total[name] = total.get(name, 0) + value


def _rolled_up(
    groups: Groups, dimension: str, periods: set[str]
) -> dict[tuple[str, str, date], Sums]:
    """The sums of a dimension by member, period and its first day; days of channels alone."""
    found: dict[tuple[str, str, date], Sums] = {}
    for (kind, member, day), sums in groups.items():
        if kind != dimension:
            continue
        starts = {"week": day - timedelta(days=day.weekday()), "month": day.replace(day=1)}
        if dimension in ("all", "platform"):
            starts["day"] = day
        for period in periods & starts.keys():
            _add(found.setdefault((member, period, starts[period]), {}), sums)
    return found


def _figures(sums: Sums) -> dict[str, object]:
    unseen, guessed = sums.get("unseen", 0), sums.get("guessed", 0)

    def told(value: object) -> object:
        return UNKNOWABLE if unseen else value

    def sure(value: object) -> object:
        return UNKNOWABLE if guessed else value

    zero = Decimal(0)
    gross = sums.get("gross", zero)
    fees = sum((sums.get(fee, zero) for fee in _FEES), zero)
    costed_gross = sums.get("costed_gross")
    is_covered = costed_gross is not None and costed_gross >= _FLOOR * gross
    profit = sums.get("sale_profit")
    return {
        **{name: sums.get(name, 0) for name in ("orders", "sales", "units", "costed")},
        **{fee: told(sums.get(fee, zero)) for fee in _FEES},
        "gross": gross,
        "fees": told(fees),
        "payout": told(sums.get("payout", zero)),
        "penalty": sums.get("penalty", zero),
        "cost": sums.get("cost"),
        "profit": sure(sums.get("profit")),
        "costed_gross": costed_gross or zero,
        "costed_cost": sums.get("costed_cost", zero),
        "coverage_count": ratio(sums.get("costed", 0), sums.get("sales")),
        "coverage_value": ratio(costed_gross, gross),
        "take_rate": told(ratio(fees, sums.get("told_gross"))),
        "take_rate_without_shipping": told(
            ratio(fees - sums.get("shipping_fee", zero), sums.get("told_gross"))
        ),
        "net_margin": sure(ratio(profit, sums.get("costed_net")) if is_covered else None),
        "roi": sure(ratio(profit, sums.get("costed_cost")) if is_covered else None),
        "annualised_roi": sure(_annualised(sums) if is_covered else None),
        "shelf_profit": sure(ratio(profit, sums.get("shelf_days")) if is_covered else None),
        "shelf_days": sums.get("shelf_days", 0),
        "failed_sale_rate": ratio(sums.get("failed", 0), sums.get("decided")),
    }


def _annualised(sums: Sums) -> object:
    profit, cost = sums.get("sale_profit"), sums.get("costed_cost")
    if profit is None or cost is None:
        return None
    return ratio(profit * 365, max(cost, sums.get("cost_days", Decimal(0))))


_SUMMARY = """
select sold_on as period_start, order_count as orders, sale_count as sales, gross_sale_eur as gross,
       fees_eur as fees, net_payout_eur as payout, penalty_eur as penalty, cost_eur as cost,
       net_profit_eur as profit, costed_sale_count as costed
from analytics.sales_summary_daily order by sold_on
"""
_ALL = ("all", "platform", "brand", "category", "size_group", "supplier")
COMPARISONS = (
    Comparison(
        "analytics.kpi",
        ("dimension", "member", "period", "period_start"),
        partial(kpi_rows, dimensions=_ALL, periods=("day", "week", "month")),
        _MART,
    ),
    Comparison(
        "analytics.sales_summary_daily",
        ("period_start",),
        partial(kpi_rows, dimensions=("all",), periods=("day",)),
        _SUMMARY,
    ),
    Comparison(
        "analytics.kpi_monthly",
        ("period_start",),
        partial(kpi_rows, dimensions=("all",), periods=("month",)),
        _MONTHS,
    ),
    Comparison(
        "analytics.kpi_monthly_by_platform",
        ("member", "period_start"),
        partial(kpi_rows, dimensions=("platform",), periods=("month",)),
        _MONTHS_BY_PLATFORM,
    ),
)
