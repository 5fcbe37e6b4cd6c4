"""The two sides of a comparison: the sandbox's files, ready to be asked in SQL, and the marts.

Views and functions that the comparisons share belong here. Nothing here reads what the marts are
made from: the true side is the sandbox's own two files alone.
"""

from __future__ import annotations

import csv
import io
import sqlite3
import zipfile
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from soleflip_pipelines.sandbox import storage
from soleflip_pipelines.sandbox.payloads import market_data
from soleflip_pipelines.sandbox.payouts import money
from soleflip_pipelines.settings import BERLIN

# Stands for a value that cannot be known from what the pipeline was shown; it is not compared.
UNKNOWABLE = "?"

# The order lines of every channel, with its own words for their status; what stands on a report
# alone has none. `is_seen` says that the fees are no expected ones: StockX's schedule is known, so
# that what it has not said yet is expected; of other channels nothing is. A sale of several pieces
# is shared by its units evenly.
_VIEWS = """
create temp view orders as
select iif(is_told, t.transaction_fee, null) as transaction_fee,
       iif(is_told, t.processing_fee, null) as processing_fee,
       iif(is_told, t.shipping_fee, null) as shipping_fee,
       iif(is_told, t.other_fee, null) as other_fee, t.*,
       coalesce(s.status, a.status, e.fulfilment || ' ' || e.payment || ' ' || e.cancel)
           as status_raw,
       coalesce(s.updated_at, e.modified_at, a.updated_at) as updated_at,
       max(coalesce(berlin_day(coalesce(s.updated_at, e.modified_at, a.updated_at)), ''), t.sold_on)
           as ended_on,
       p.title, p.style_id
from (
    select *, is_told or platform <> 'stockx' as is_seen
    from (select *, not is_sale or net_payout is not null as is_told from main.sold_order)
) t
left join served.sold_order s on s.order_number = t.order_number and t.platform = 'stockx'
left join served.ebay_order e on e.order_id = t.order_number and t.platform = 'ebay'
left join served.alias_order a
    on a.purchase_order_number = t.order_number and t.platform = 'alias'
left join served.product p on p.product_id = t.product_id;

-- What is said to be paid, in the order's currency, and the day of it; blank in another one.
create temp view payouts as
select o.*, coalesce(s.paid_in, '') as paid_in,
       case when o.platform = 'alias' then a.after_take
            when s.status is null then minus(o.net_payout, o.penalty)
            when s.payout_in <> 'none' and s.paid_in = ''
                then plus(iif(o.is_sale or o.status = 'returned', o.amount, '0'),
                          coalesce((select euros(json_extract(value, '$[1]'))
                                    from json_each(s.adjustments)), '0')) end as stated,
       coalesce((select euros(g.amount) from main.payout_gap g
                 where g.order_number = o.order_number and g.platform = o.platform
                 and g.order_line = o.order_line), '0') as planted,
       (select group_concat(reason, ',') from (
            select reason from main.payout_gap g
            where g.order_number = o.order_number and g.platform = o.platform
            and g.order_line = o.order_line order by reason)) as reasons,
       coalesce((select in_euros(g.amount, o.currency, o.sold_on) from main.payout_gap g
                 where g.order_number = o.order_number and g.platform = o.platform
                 and g.order_line = o.order_line and g.reason = 'refund'), '0.00') as refund
from orders o
left join served.sold_order s on s.order_number = o.order_number and o.platform = 'stockx'
left join served.alias_order a
    on a.purchase_order_number = o.order_number and o.platform = 'alias';

create temp view units as
select u.line_key, u.unit_no, u.supplier, u.variant_id, u.cost, u.order_number, u.lost_on,
       iif(u.lost_on is null, u.status, 'lost') as status,
       u.lost_on is null and u.status <> 'sold' as is_owned, l.reference, l.unit_ref, l.title,
       l.purchased_on, l.received_on, l.vat_scheme,
       coalesce(l.received_on, l.purchased_on) as available_on, p.product_id, o.platform,
       o.order_line, o.sold_on, o.gross / o.quantity as gross, o.state <> 'estimated' as is_seen,
       iif(o.state <> 'estimated', o.net_profit / o.quantity, null) as net_profit
from main.unit u
join main.purchase_line l using (line_key)
left join served.variant v on v.variant_id = u.variant_id
left join served.product p on p.position = v.product_position
left join main.sold_order o
    on o.order_number = u.order_number and o.variant_id = u.variant_id and o.is_sale;

-- What waits to be sent.
create temp view to_ship as
select platform, order_number, order_line from orders
where status_raw in ('CREATED', 'PENDING', 'MATCHED', 'DONOTSHIP', 'ORDER_STATUS_CONFIRMED',
                     'ORDER_STATUS_LABEL_GENERATED')
    or (platform = 'ebay' and status = 'open');

-- What is offered now; of a size the asks for pairs in the marketplace's own store come first.
create temp view asks as
select *, row_number() over (
        partition by platform, variant_id order by is_consigned desc, created_at, listing_id
    ) as place
from (
    select 'stockx' as platform, variant_id, listing_id, created_at,
           inventory_type = 'FLEX' as is_consigned
    from served.listing where status = 'ACTIVE'
    union all
    select 'alias', v.variant_id, l.listing_id, l.created_at, 0 from served.alias_listing l
    join served.variant v on v.product_position = l.product_position and v.value = l.size
);

create temp view lines as
select l.*, u.variant_id, u.cost, v.product_position,
       in_euros(plus(times(l.quantity, l.unit_price), l.shipping_total), l.currency,
                l.purchased_on) as gross
from main.purchase_line l
join (select line_key, max(variant_id) as variant_id, euros(cost) as cost
      from main.unit group by line_key) u using (line_key)
left join served.variant v on v.variant_id = u.variant_id;

-- Whose asks and bids are looked up: what is listed, bought, or was sold in the last 120 days.
create temp view watched as
select p.position, p.product_id, v.variant_id, p.going_price
from served.product p
join served.variant v on v.product_position = p.position
where p.position in (
    select product_position from served.listing
    union select product_position from served.sold_order
        where substr(created_at, 1, 10) >= (select date(today, '-120 days') from clock)
    union select product_position from lines where product_position is not null
);

create temp view product_market as
select product_id,
       iif(is_moved, '?', min(market(going_price, variant_id, day, 'lowestAskAmount') + 0))
           as lowest_ask,
       iif(is_moved, '?', max(market(going_price, variant_id, day, 'highestBidAmount') + 0))
           as highest_bid
from watched, clock
group by product_id;

-- Once the sandbox's day was moved on, sizes may have been looked at on different days.
create temp table clock (today text, day text, is_moved integer);
create temp table label (product_id text primary key, brand text, category text) without rowid;
"""


@dataclass(frozen=True)
class Sides:
    """What is compared with what.

    `truth` has the served business attached as `served`; `today` is the Berlin day that the marts
    were built for; `days` are the days, as text, whose asks and bids the sandbox has served.
    """

    truth: sqlite3.Connection
    marts: psycopg.Connection
    meta: Mapping[str, str]
    today: date
    days: tuple[str, ...]

    @property
    def parameters(self) -> dict[str, object]:
        """What a query of the true side may refer to."""
        return {"today": self.today.isoformat()}


def open_sides(
    folder: Path, marts: psycopg.Connection, meta: Mapping[str, str], today: date
) -> Sides:
    """Open the sandbox's files in a folder beside a connection to the marts.

    Args:
        folder: has `truth.sqlite` and `business.sqlite`.
        marts: may read them all; nothing is written.
        meta: of the truth.
        today: the Berlin day, for marts that were built without a day of their own.
    """
    truth = storage.open_read_only(folder / storage.TRUTH)
    truth.execute("attach ? as served", (f"{(folder / storage.BUSINESS).as_uri()}?mode=ro",))
    _add_functions(truth)
    truth.executescript(_VIEWS)
    until = truth.execute("select value from served.meta where key = 'until'").fetchone()[0]
    first, last = date.fromisoformat(meta["until"]), date.fromisoformat(until)
    days = tuple(str(first + timedelta(days=n)) for n in range((last - first).days + 1))
    built = marts.execute("select max(sold_on) from analytics.sales_summary_daily").fetchone()
    # Marts that were built before midnight speak of the day before, and rightly so.
    built_on = min(built[0], today) if built and built[0] else today
    truth.execute("insert into clock values (?, ?, ?)", (str(built_on), days[-1], days[1:] != ()))
    # What the marts are counted by: right or wrong, it is judged in `catalog`, product by product.
    with marts.cursor(name="labels") as labels:
        labels.execute(
            "select stockx_product_id, brand, category from catalog.product"
            " where stockx_product_id is not null"
        )
        truth.executemany("insert or ignore into label values (?, ?, ?)", labels)
    return Sides(truth, marts, meta, built_on, days)


def _decimal(value: object) -> Decimal:
    return Decimal(str(value))


def ratio(part: object, whole: object, digits: int = 4) -> str | None:
    """A quotient with four decimals, half away from zero; None without a whole."""
    if part is None or whole is None or not _decimal(whole):
        return None
    step = Decimal(1).scaleb(-digits)
    return str((_decimal(part) / _decimal(whole)).quantize(step, ROUND_HALF_UP))


def berlin_day(moment: str | None) -> str | None:
    """The Berlin day of a moment in UTC; None of none."""
    if moment is None:
        return None
    return datetime.fromisoformat(moment).astimezone(BERLIN).date().isoformat()


class _Euros:
    """Adds amounts exactly; None when there is none."""

    def __init__(self) -> None:
        self._sum: Decimal | None = None

    def step(self, value: object) -> None:
        if value is not None:
            self._sum = (self._sum or Decimal(0)) + _decimal(value)

    def finalize(self) -> str | None:
        return None if self._sum is None else str(self._sum)


class _Percentile:
    """The continuous percentile of a group's values, as the database defines it."""

    def __init__(self) -> None:
        self._values: list[float] = []
        self._share, self._digits = 0.5, 1

    def step(self, value: float | None, share: float, digits: int) -> None:
        self._share, self._digits = share, digits
        if value is not None:
            self._values.append(float(value))

    def finalize(self) -> str | None:
        if not self._values:
            return None
        values = sorted(self._values)
        place = self._share * (len(values) - 1)
        low, rest = int(place), place - int(place)
        high = values[min(low + 1, len(values) - 1)]
        middle = values[low] + rest * (high - values[low])
        return ratio(f"{middle:.15g}", 1, self._digits)


class _Rates:
    """The reference rates as the sandbox publishes them."""

    def __init__(self, truth: sqlite3.Connection) -> None:
        row = truth.execute(
            "select content from served.blob where name = 'eurofxref-hist.zip'"
        ).fetchone()
        with zipfile.ZipFile(io.BytesIO(row[0])) as archive:
            text = archive.read(archive.namelist()[0]).decode()
        published = sorted(csv.DictReader(io.StringIO(text)), key=lambda line: line["Date"])
        self._days = [line["Date"] for line in published]
        self._lines = published

    def in_euros(self, amount: object, currency: str, day: str) -> str | None:
        """An amount at the last rate published by that day, in cents."""
        if amount is None:
            return None
        if currency == "EUR":
            return str(money(_decimal(amount)))
        rate = self._lines[bisect_right(self._days, day) - 1][currency]
        return str(money(_decimal(amount) / Decimal(rate)))


def market(going_price: float, variant_id: str, day: str, figure: str) -> str | None:
    """A figure of a size's book in EUR on a day, as the sandbox served it."""
    product: Any = {"product_id": "", "going_price": going_price}
    variant: Any = {"variant_id": variant_id}
    book = market_data(product, variant, "EUR", 1.0, day)
    value: str | None = book[figure]
    return value


def _exactly(operation: Callable[[Decimal, Decimal], Decimal]) -> Callable[..., str | None]:
    def run(left: object, right: object) -> str | None:
        if left is None or right is None:
            return None
        if UNKNOWABLE in (left, right):
            return UNKNOWABLE
        return str(operation(_decimal(left), _decimal(right)))

    return run


def _add_functions(truth: sqlite3.Connection) -> None:
    """Exact arithmetic for SQL over amounts that are kept as text."""
    functions: dict[str, tuple[int, Callable[..., str | None]]] = {
        "plus": (2, _exactly(lambda left, right: left + right)),
        "minus": (2, _exactly(lambda left, right: left - right)),
        "times": (2, _exactly(lambda left, right: left * right)),
        "ratio": (2, ratio),
        "divided": (2, partial(ratio, digits=2)),
        "ratio1": (2, partial(ratio, digits=1)),
        "berlin_day": (1, berlin_day),
        "in_euros": (3, _Rates(truth).in_euros),
        "market": (4, market),
    }
    for name, (count, function) in functions.items():
        truth.create_function(name, count, function, deterministic=True)
    truth.create_aggregate("euros", 1, _Euros)  # type: ignore[arg-type]
    truth.create_aggregate("percentile", 3, _Percentile)  # type: ignore[arg-type]
