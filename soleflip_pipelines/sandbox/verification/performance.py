"""The marts that judge: how products sell, what buying came to, goals, fulfilment, listings.

Everything is worked out anew from the truth's orders and units; what the pipeline cannot know yet,
such as the payout of a young sale, is not compared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

from soleflip_pipelines.sandbox.verification.comparison import Comparison, Row
from soleflip_pipelines.sandbox.verification.kpis import day_sums
from soleflip_pipelines.sandbox.verification.sides import UNKNOWABLE, Sides, ratio

_BUYING = """
with told as (
    select supplier, date(purchased_on, 'start of month') as month, count(*) as units,
           euros(cost) as landed, sum(status = 'sold') as sold,
           sum(status = 'sold' and julianday(sold_on) - julianday(available_on) <= 30) as quick,
           sum(gross) as gross, sum(net_profit) as profit, count(net_profit) as known,
           euros(iif(net_profit is not null, cost, null)) as sold_cost,
           euros(iif(net_profit is not null, times(cost, max(0, julianday(sold_on)
                 - julianday(available_on))), null)) as cost_days,
           euros(iif(status not in ('sold', 'lost'), cost, null)) as stock_cost,
           sum(not is_seen) as unseen
    from units group by 1, 2
)
select supplier, month, units, landed, sold, quick, ratio(sold, units) as sell_through,
       divided(round(gross, 6), 1) as gross, stock_cost,
       iif(unseen > 0, '?', divided(round(profit, 6), 1)) as profit,
       iif(unseen > 0, '?', ratio(known, sold)) as coverage,
       iif(unseen > 0, '?', ratio(profit, sold_cost)) as roi,
       iif(unseen > 0, '?', ratio1(cost_days, sold_cost)) as days
from told
order by supplier, month
"""
_MART_BUYING = """
select supplier_name as supplier, purchase_month as month, unit_count as units,
       landed_cost_eur as landed, sold_count as sold, sold_in_30_days_count as quick, sell_through,
       gross_sale_eur as gross, net_profit_eur as profit, profit_coverage as coverage, roi,
       mean_holding_days as days, stock_cost_eur as stock_cost
from analytics.buying_scorecard
order by supplier_name collate "C", purchase_month
"""
_FULFILMENT = """
with placed as (
    select *, date(ordered_at, case platform when 'stockx' then '+3 days' when 'ebay'
                               then '+4 days' else '+7 days' end) as ship_by_on,
           status_raw in ('CREATED', 'PENDING', 'MATCHED', 'DONOTSHIP', 'ORDER_STATUS_CONFIRMED',
                          'ORDER_STATUS_LABEL_GENERATED')
               or (platform = 'ebay' and status = 'open') as waits
    from orders
)
select date(sold_on, 'start of month') as month, platform,
       case when waits and ship_by_on < (select today from clock) then 'overdue'
            when waits then 'to_ship' when status = 'open' then 'on_its_way' else status
       end as state,
       count(*) as orders, sum(quantity) as units, euros(penalty) as penalty,
       min(iif(waits, ship_by_on, null)) as next_on
from placed
group by 1, 2, 3
order by 1, 2, 3
"""
_MART_FULFILMENT = """
select month, platform, state, order_count as orders, unit_count as units, penalty_eur as penalty,
       (next_ship_by_at at time zone 'UTC')::date as next_on
from operations.fulfilment
order by month, platform collate "C", state collate "C"
"""
_LISTINGS = """
select 'stockx' as platform, listing_id, lower(status) as status, amount as ask, currency,
       lower(status) = 'active' as is_active
from served.listing
union all
select 'alias', listing_id, 'active', price, 'USD', 1 from served.alias_listing
order by 1, 2
"""
_MART_LISTINGS = """
select platform, listing_id, status, ask_price as ask, currency_code as currency, is_active
from operations.listing_history
where is_latest
order by platform collate "C", listing_id collate "C"
"""
# What is looked up after the last sale can say nothing of any.
_REALISATION = """
select date(sold_on, 'start of month') as month, platform, count(*) as sales,
       iif(is_moved or max(date(ordered_at)) >= date('now'), '?', 0) as compared,
       iif(is_moved or max(date(ordered_at)) >= date('now'), '?', null) as realisation
from orders, clock
where is_sale
group by 1, 2
order by 1, 2
"""
_MART_REALISATION = """
select month, platform, sale_count as sales, compared_sale_count as compared,
       price_realisation as realisation
from analytics.price_realisation
order by month, platform collate "C"
"""
_SALES = """
select product_id, sold_on, quantity, gross from orders
where is_sale and product_id is not null
order by product_id
"""
_MART_DEMAND = """
select p.stockx_product_id as product_id, d.unit_count as units, d.gross_sale_eur as gross,
       d.revenue_share, d.abc_class, d.week_count as weeks, d.week_with_sale_count as full_weeks,
       d.xyz_class, d.mean_gap_weeks, d.size_cv2, d.demand_class
from analytics.demand_class d
left join catalog.product p on p.id = d.product_id
order by p.stockx_product_id collate "C"
"""
_MART_GOALS = """
select goal, target, value_today, value_30_days_ago, is_met, evidence_count
from analytics.scoreboard
order by goal collate "C"
"""


def _demand(sides: Sides) -> Iterator[Row]:
    first = sides.today - timedelta(days=363)
    weekly: dict[str, dict[int, int]] = {}
    gross: dict[str, Decimal] = {}
    for product_id, rows in groupby(sides.truth.execute(_SALES), lambda row: row["product_id"]):
        weeks: dict[int, int] = defaultdict(int)
        total = Decimal(0)
        for row in rows:
            sold_on = date.fromisoformat(row["sold_on"])
            if first <= sold_on <= sides.today:
                weeks[(sides.today - sold_on).days // 7] += row["quantity"]
                total += Decimal(str(row["gross"] or 0))
        if weeks:
            weekly[product_id], gross[product_id] = weeks, total
    everything = sum(gross.values(), Decimal(0))
    for product_id, weeks in sorted(weekly.items()):
        mine = gross[product_id]
        dearer = sum((other for other in gross.values() if other > mine), Decimal(0))
        yield {
            "product_id": product_id, "gross": mine, "revenue_share": ratio(mine, everything),
            "abc_class": "A" if dearer < Decimal("0.80") * everything
            else "B" if dearer < Decimal("0.95") * everything else "C",
            **_pattern(weeks),
        }  # fmt: skip


def _pattern(weeks: dict[int, int]) -> dict[str, object]:
    """How a product's weeks look: whole numbers, so that a bound is decided exactly."""
    units, squares = sum(weeks.values()), sum(n * n for n in weeks.values())
    count, full = max(weeks) + 1, len(weeks)
    spread, uneven = count * squares - units * units, full * squares - units * units
    is_dense, is_even = 100 * count < 132 * full, 100 * uneven < 49 * units * units
    xyz = "X" if 4 * spread <= units * units else "Y" if spread <= units * units else "Z"
    return {
        "units": units, "weeks": count, "full_weeks": full,
        "xyz_class": xyz if full >= 12 else "not enough weeks",
        "mean_gap_weeks": ratio(count, full), "size_cv2": ratio(uneven, units * units),
        "demand_class": ("smooth" if is_even else "erratic") if is_dense
        else ("intermittent" if is_even else "lumpy"),
    }  # fmt: skip


def _goals(sides: Sides) -> Iterator[Row]:
    moments = (sides.today, sides.today - timedelta(days=30))
    found: dict[str, list[tuple[object, int]]] = defaultdict(list)
    priced = {
        row[0] for row in sides.truth.execute(
            "select variant_id from watched, clock"
            " where market(going_price, variant_id, day, 'lowestAskAmount') is not null"
            " or market(going_price, variant_id, day, 'highestBidAmount') is not null"
        )
    }  # fmt: skip
    days = {day: sums for (kind, _, day), sums in day_sums(sides).items() if kind == "all"}
    for moment in moments:
        for goal, value, count in (
            *_stock_goals(sides, moment, priced),
            _sync_goal(sides, moment),
            _roi_goal(days, moment),
            _foretold_goal(days, moment),
        ):
            found[goal].append((value, count))
    targets = {"listing_automation": "0.95", "order_sync": "1", "roi_prediction": "0.85",
               "dead_stock": "0.05", "roi": "0.4"}  # fmt: skip
    for goal, ((value, count), (before, _)) in sorted(found.items()):
        target = Decimal(targets[goal])
        number = Decimal(str(value)) if value not in (None, UNKNOWABLE) else None
        is_met = number is not None and (
            number <= target if goal == "dead_stock" else number >= target
        )
        yield {
            "goal": goal, "target": target, "value_today": value, "value_30_days_ago": before,
            "is_met": UNKNOWABLE if value == UNKNOWABLE else None if number is None else is_met,
            "evidence_count": UNKNOWABLE if value == UNKNOWABLE else count,
        }  # fmt: skip


def _stock_goals(sides: Sides, moment: date, priced: set[str]) -> Iterator[tuple[str, object, int]]:
    held = dead = Decimal(0)
    count = here = ready = 0
    moved = sides.truth.execute("select is_moved from clock").fetchone()[0]
    for unit in sides.truth.execute(
        "select * from units where status <> 'lost' and available_on <= ?"
        " and (sold_on is null or sold_on > ?)",
        (str(moment), str(moment)),
    ):
        cost = Decimal(str(unit["cost"] or 0))
        is_old = (moment - date.fromisoformat(unit["available_on"])).days > 180
        held, dead, count = held + cost, dead + (cost if is_old else 0), count + 1
        if unit["received_on"] is not None and unit["received_on"] <= str(moment):
            here, ready = here + 1, ready + (unit["variant_id"] in priced)
    yield "dead_stock", ratio(dead, held), count
    yield "listing_automation", UNKNOWABLE if moved else ratio(ready, here), here


def _sync_goal(sides: Sides, moment: date) -> tuple[str, object, int]:
    row = sides.truth.execute(
        "select count(*), sum(sources like '%api%' or sources like '%report%') from orders"
        " where platform <> 'private' and sold_on <= ?",
        (str(moment),),
    ).fetchone()
    return "order_sync", ratio(row[1], row[0]), row[0]


def _sums(days: dict[date, Any], first: date, last: date) -> dict[str, Any]:
    total: dict[str, Any] = defaultdict(lambda: Decimal(0))
    for day, sums in days.items():
        if first <= day <= last:
            for name in (
                "gross",
                "costed_gross",
                "costed_cost",
                "sale_profit",
                "costed",
                "guessed",
            ):
                total[name] += sums.get(name, 0)
    return total


def _roi_goal(days: dict[date, Any], moment: date) -> tuple[str, object, int]:
    total = _sums(days, moment - timedelta(days=364), moment)
    if total["guessed"]:
        return "roi", UNKNOWABLE, 0
    is_covered = total["costed_gross"] >= Decimal("0.8") * total["gross"]
    roi = ratio(total["sale_profit"], total["costed_cost"]) if is_covered else None
    return "roi", roi, int(total["costed"])


def _foretold_goal(days: dict[date, Any], moment: date) -> tuple[str, object, int]:
    last = moment.replace(day=1) - timedelta(days=1)
    month = last.replace(day=1)
    first = month.replace(year=month.year - (month.month <= 6), month=(month.month + 5) % 12 + 1)
    told, before = _sums(days, month, last), _sums(days, first, month - timedelta(days=1))
    count = int(told["costed"])
    if told["guessed"] or before["guessed"]:
        return "roi_prediction", UNKNOWABLE, count
    if not told["costed_cost"] or not before["costed_cost"]:
        return "roi_prediction", None, count
    actual = told["sale_profit"] / told["costed_cost"]
    expected = before["sale_profit"] / before["costed_cost"]
    return "roi_prediction", ratio(abs(actual) - abs(expected - actual), abs(actual)), count


_MONTH = ("month", "platform")
COMPARISONS = (
    Comparison("analytics.buying_scorecard", ("supplier", "month"), _BUYING, _MART_BUYING),
    Comparison("analytics.demand_class", ("product_id",), _demand, _MART_DEMAND),
    Comparison("analytics.price_realisation", _MONTH, _REALISATION, _MART_REALISATION),
    Comparison("analytics.scoreboard", ("goal",), _goals, _MART_GOALS),
    Comparison("operations.fulfilment", (*_MONTH, "state"), _FULFILMENT, _MART_FULFILMENT),
    Comparison("operations.listing_history", ("platform", "listing_id"), _LISTINGS, _MART_LISTINGS),
)
