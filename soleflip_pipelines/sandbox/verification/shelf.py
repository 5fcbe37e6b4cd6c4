"""The marts of the shelf: movements, what lay there on any day, its age and what it is worth.

Everything follows from which sale took which unit on which day, as the truth tells; each unit's
stays are put together here anew, and days, bands and survivals are counted one by one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import groupby

from soleflip_pipelines.sandbox import payouts
from soleflip_pipelines.sandbox.payouts import money
from soleflip_pipelines.sandbox.verification.comparison import Comparison, Row
from soleflip_pipelines.sandbox.verification.sides import UNKNOWABLE, Sides, market, ratio

_ZERO = Decimal(0)
_BANDS = (
    (0, "0-30"),
    (31, "31-60"),
    (61, "61-90"),
    (91, "91-120"),
    (121, "121-180"),
    (181, "181+"),
)
_ASK_HAIRCUT = Decimal("0.85")

_MART_MOVEMENTS = """
select s.line_key, s.unit_no, m.kind, m.occurred_on, m.quantity, m.cost_eur as cost,
       case when m.order_id is not null then m.reference end as sale
from inventory.movement m
join inventory.stock s on s.id = m.stock_id
order by s.line_key collate "C", s.unit_no, m.kind collate "C", m.occurred_on
"""
_MART_POSITIONS = """
select day, received_count as received, sold_count as sold, returned_count as returned,
       lost_count as lost, in_house_count as in_house, in_house_cost_eur as in_house_cost,
       incoming_count as incoming, incoming_cost_eur as incoming_cost,
       received_cost_eur as received_cost, sold_cost_eur as sold_cost
from inventory.position_daily
order by day
"""
_MART_AGES = """
select day, band_no, age_band, unit_count as units, cost_eur as cost,
       capital_days_eur as capital_days
from inventory.ageing_daily
order by day, band_no
"""
_MART_VALUES = """
select s.line_key, s.unit_no, v.cost_eur as cost, v.basis, v.at_price_eur as at_price,
       v.realisable_eur as realisable, v.markdown_eur as markdown,
       v.capital_days_eur as capital_days
from inventory.valuation v
join inventory.stock s on s.id = v.stock_id
order by s.line_key collate "C", s.unit_no
"""
_MART_COHORTS = """
select cohort_kind as kind, cohort_month as month, unit_count as units, cost_eur as cost,
       sold_count as sold, sold_30_count as sold_30, sell_through_30 as share_30,
       sold_60_count as sold_60, sell_through_60 as share_60, sold_90_count as sold_90,
       sell_through_90 as share_90
from inventory.sell_through_cohort
order by cohort_kind, cohort_month
"""
_MART_DAYS = """
select scope, name, unit_count as units, sold_count as sold, median_days as median,
       p80_days as p80
from inventory.days_to_sell
order by scope collate "C", name collate "C"
"""
_CHARGED = """
select json_extract(l.value, '$[2]') as rate
from served.sold_order o, json_each(o.adjustments) l
where o.payout_in <> 'none' and replace(lower(json_extract(l.value, '$[0]')), ' ', '')
      like '%transactionfee%'
order by o.created_at desc, o.order_number desc
limit 20
"""


@dataclass(frozen=True)
class _Unit:
    """A unit with its stays in the house: first day, day it left (None: still there), and why.

    A stay is (from, kind, sale that sent it back, until, kind, sale that took it).
    """

    row: Row
    stays: tuple[tuple[date, str, str | None, date | None, str, str | None], ...]

    @property
    def cost(self) -> Decimal:
        return Decimal(self.row["cost"])

    @property
    def available_on(self) -> date:
        return date.fromisoformat(self.row["available_on"])


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def units_with_stays(sides: Sides) -> Iterator[_Unit]:
    """All units in order of their line, each with its stays."""
    takings = sides.truth.execute(
        "select * from main.taking order by line_key, unit_no, back_on is null, sold_on"
    )
    taken = groupby(map(dict, takings), lambda row: (row["line_key"], row["unit_no"]))
    key, group = next(taken, (None, iter(())))
    for found in sides.truth.execute("select * from units order by line_key, unit_no"):
        row = dict(found)
        mine: list[Row] = []
        if key == (row["line_key"], row["unit_no"]):
            mine = list(group)
            key, group = next(taken, (None, iter(())))
        yield _Unit(row, tuple(_stays(row, mine)))


def _stays(
    unit: Row, takings: list[Row]
) -> Iterator[tuple[date, str, str | None, date | None, str, str | None]]:
    came, kind, sender = (
        _day(unit["available_on"] if takings else unit["received_on"]),
        "receipt",
        None,
    )
    for taking in takings:
        went = date.fromisoformat(taking["sold_on"])
        name = "|".join(taking[part] for part in ("platform", "order_number", "order_line"))
        yield min(came or went, went), kind, sender, went, "sale", name
        back = _day(taking["back_on"])
        came = max(back, went + timedelta(days=1)) if back else None
        kind, sender = "return", name
    if came:
        yield came, kind, sender, _day(unit["lost_on"]), "loss", None


def _movements(sides: Sides) -> Iterator[Row]:
    for unit in units_with_stays(sides):
        moves = []
        for came, came_by, sender, went, went_by, taker in unit.stays:
            moves.append((came_by, came, 1, sender))
            if went:
                moves.append((went_by, went, -1, taker))
        for kind, day, quantity, sale in sorted(moves, key=lambda move: move[:2]):
            yield {
                "line_key": unit.row["line_key"], "unit_no": unit.row["unit_no"], "kind": kind,
                "occurred_on": day, "quantity": quantity, "cost": quantity * unit.cost,
                "sale": sale,
            }  # fmt: skip


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def _positions(sides: Sides) -> Iterator[Row]:
    counts: dict[date, Counter[str]] = defaultdict(Counter)
    costs: dict[date, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for unit in units_with_stays(sides):
        bought = date.fromisoformat(unit.row["purchased_on"])
        first = unit.stays[0][0] if unit.stays else bought
        moves = [(min(bought, first), "order")]
        for came, came_by, _, went, went_by, _ in unit.stays:
            moves.append((came, came_by))
            moves += [(went, went_by)] if went else []
        for day, kind in moves:
            counts[day][kind] += 1
            costs[day][kind] += unit.cost
    here = here_cost = incoming = incoming_cost = _ZERO
    for day in _days(min(counts), max(sides.today, *counts)) if counts else ():
        n, eur = counts[day], costs[day]
        here += n["receipt"] + n["return"] - n["sale"] - n["loss"]
        here_cost += eur["receipt"] + eur["return"] - eur["sale"] - eur["loss"]
        incoming += n["order"] - n["receipt"]
        incoming_cost += eur["order"] - eur["receipt"]
        yield {
            "day": day, "received": n["receipt"], "sold": n["sale"], "returned": n["return"],
            "lost": n["loss"], "in_house": here, "in_house_cost": here_cost, "incoming": incoming,
            "incoming_cost": incoming_cost, "received_cost": eur["receipt"],
            "sold_cost": eur["sale"],
        }  # fmt: skip


def _ages(sides: Sides) -> Iterator[Row]:
    held: dict[date, dict[int, list[Decimal]]] = defaultdict(dict)
    for unit in units_with_stays(sides):
        for came, _, _, went, _, _ in unit.stays:
            for day in _days(came, (went or sides.today + timedelta(days=1)) - timedelta(days=1)):
                age = max(0, (day - unit.available_on).days)
                band = max(n for n, (least, _) in enumerate(_BANDS, 1) if age >= least)
                sums = held[day].setdefault(band, [_ZERO, _ZERO, _ZERO])
                for place, amount in enumerate((Decimal(1), unit.cost, unit.cost * age)):
                    sums[place] += amount
    for day in _days(min(held), sides.today) if held else ():
        for band, (_, name) in enumerate(_BANDS, 1):
            units, cost, capital_days = held[day].get(band, (_ZERO, _ZERO, _ZERO))
            yield {"day": day, "band_no": band, "age_band": name, "units": units, "cost": cost,
                   "capital_days": capital_days}  # fmt: skip


def _values(sides: Sides) -> Iterator[Row]:
    """At the book of the day; once the day was moved on, a size may have been seen on another."""
    rate = charged_rate(sides)
    going = dict(sides.truth.execute("select variant_id, going_price from watched").fetchall())
    for row in sides.truth.execute("select * from units where is_owned order by line_key, unit_no"):
        cost, variant = Decimal(row["cost"]), row["variant_id"]
        bid = ask = None
        if variant in going:
            bid, ask = (
                market(going[variant], variant, sides.days[-1], figure)
                for figure in ("highestBidAmount", "lowestAskAmount")
            )
        price = Decimal(bid) if bid else money(Decimal(ask) * _ASK_HAIRCUT) if ask else None
        left = None if price is None else after_fees(price, rate)
        age = max(0, (sides.today - date.fromisoformat(row["available_on"])).days)
        seen = {
            "basis": "highest bid" if bid else "lowest ask" if ask else "unknown",
            "at_price": price, "realisable": left,
            "markdown": None if left is None else max(_ZERO, cost - left),
        }  # fmt: skip
        yield {
            "line_key": row["line_key"], "unit_no": row["unit_no"], "cost": cost,
            "capital_days": cost * age,
            **(seen if len(sides.days) == 1 else dict.fromkeys(seen, UNKNOWABLE)),
        }  # fmt: skip


def charged_rate(sides: Sides) -> Decimal:
    """The rate that most of StockX's last sales were charged, of the first level without any."""
    rates = [row["rate"] for row in sides.truth.execute(_CHARGED)]
    return Decimal(max(rates, key=lambda r: (rates.count(r), -rates.index(r)), default="0.09"))


def after_fees(price: Decimal, rate: Decimal) -> Decimal:
    """What StockX would pay for a sale in EUR."""
    fee = max(money(price * rate), payouts.MINIMUM_FEE["EUR"])
    return price - fee - money(price * payouts.PROCESSING_RATE) - Decimal(payouts.SHIPPING["EUR"])


def _cohorts(sides: Sides) -> Iterator[Row]:
    cohorts: dict[tuple[str, date], list[tuple[Decimal, int | None]]] = defaultdict(list)
    for row in sides.truth.execute("select * from units"):
        sold = _day(row["sold_on"])
        begun = {"purchase": _day(row["purchased_on"])}
        if row["status"] != "incoming":
            begun["receipt"] = _day(row["available_on"])
        for kind, day in begun.items():
            if day:
                waited = max(0, (sold - day).days) if sold else None
                cohorts[kind, day.replace(day=1)].append((Decimal(row["cost"]), waited))
    for (kind, month), units in sorted(cohorts.items()):
        last = (month + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        waits = [waited for _, waited in units if waited is not None]
        true: dict[str, object] = {
            "kind": kind, "month": month, "units": len(units), "sold": len(waits),
            "cost": sum((cost for cost, _ in units), _ZERO),
        }  # fmt: skip
        for days in (30, 60, 90):
            within = sum(waited <= days for waited in waits)
            is_closed = (sides.today - last).days >= days
            true[f"sold_{days}"] = within
            true[f"share_{days}"] = ratio(within, len(units)) if is_closed else None
        yield true


def _waits(sides: Sides) -> Iterator[Row]:
    """The exact product-limit estimate of each scope; sizes are called as the marts call them."""
    sizes: dict[str, str] = dict(
        sides.marts.execute(
            "select stockx_variant_id, size_key from catalog.variant where size_key is not null"
        ).fetchall()
    )
    shelves: dict[tuple[str, str], list[tuple[int, bool]]] = defaultdict(list)
    for row in sides.truth.execute(
        "select u.*, coalesce(l.brand, 'Unknown') as brand, coalesce(l.category, 'unknown') as"
        " category from units u left join label l using (product_id) where status <> 'incoming'"
    ):
        until = _day(row["sold_on"]) or _day(row["lost_on"]) or sides.today
        days = max(1, (until - date.fromisoformat(row["available_on"])).days)
        size = sizes.get(row["variant_id"], "unknown")
        for scope in ("all", "brand", "category", "size", "supplier"):
            name = {"all": "all", "size": size}.get(scope) or row[scope]
            shelves[scope, name].append((days, row["status"] == "sold"))
    for (scope, name), units in sorted(shelves.items()):
        left, reached = Fraction(1), dict.fromkeys(("median", "p80"))
        ends = Counter(days for days, _ in units)
        sold = Counter(days for days, is_sold in units if is_sold)
        at_risk = len(units)
        for days in sorted(ends):
            left *= 1 - Fraction(sold[days], at_risk)
            at_risk -= ends[days]
            for figure, share in (("median", Fraction(1, 2)), ("p80", Fraction(1, 5))):
                if reached[figure] is None and left <= share:
                    reached[figure] = days
        yield {"scope": scope, "name": name, "units": len(units), "sold": sold.total(), **reached}


COMPARISONS = (
    Comparison(
        "inventory.movement",
        ("line_key", "unit_no", "kind", "occurred_on"),
        _movements,
        _MART_MOVEMENTS,
    ),
    Comparison("inventory.position_daily", ("day",), _positions, _MART_POSITIONS),
    Comparison("inventory.ageing_daily", ("day", "band_no"), _ages, _MART_AGES),
    Comparison("inventory.valuation", ("line_key", "unit_no"), _values, _MART_VALUES),
    Comparison("inventory.sell_through_cohort", ("kind", "month"), _cohorts, _MART_COHORTS),
    Comparison("inventory.days_to_sell", ("scope", "name"), _waits, _MART_DAYS),
)
