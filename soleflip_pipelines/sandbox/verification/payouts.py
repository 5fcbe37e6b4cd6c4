"""The marts of what was paid: payouts and the reasons of their gaps, events, VAT, profit and loss.

The generator plants each gap with its reason; what the level of a quarter was can only be told
where enough sales of it name one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import LiteralString

from soleflip_pipelines.sandbox import payouts
from soleflip_pipelines.sandbox.verification.comparison import Comparison, Row
from soleflip_pipelines.sandbox.verification.money import BOOKINGS
from soleflip_pipelines.sandbox.verification.sides import Sides

# A quarter whose sales name no rate most of the time, or a planted one, tells no level.
_RECONCILED = """
with votes as (
    select substr(o.sold_on, 1, 4) || (substr(o.sold_on, 6, 2) + 2) / 3 as quarter,
           json_extract(line.value, '$[2]') as rate,
           coalesce(o.reasons, '') like '%level change%' as is_planted
    from payouts o
    join served.sold_order s on s.order_number = o.order_number and o.platform = 'stockx',
         json_each(s.adjustments) line
    where s.payout_in <> 'none' and s.paid_in = ''
        and replace(lower(json_extract(line.value, '$[0]')), ' ', '') like '%transactionfee%'
),
counted as (
    select quarter, rate, count(*) as votes, max(not is_planted) as is_right,
           sum(count(*)) over (partition by quarter) as total
    from votes group by quarter, rate
),
quarters as (
    select quarter, max(iif(total >= 3 and votes * 2 > total, 1 + is_right, 0)) as found
    from counted group by quarter
),
judged as (
    select o.*, coalesce(q.found, 0) as found,
           case when status = 'returned' or (not is_sale and stated + 0 > 0) then 'reversed'
                when not is_sale then iif(penalty + 0 <> 0, 'explained', 'agrees')
                when status_raw = 'PAYOUTFAILED' or reasons = 'missing payout' then 'missing'
                when paid_in <> '' then 'explained'
                when not is_told then iif(platform = 'stockx', 'not due', 'unknown')
                when reasons is null then 'agrees'
                when reasons like '%unexplained%' then 'unexplained'
                else 'explained' end as outcome
    from payouts o
    left join quarters q
        on o.platform = 'stockx'
        and q.quarter = substr(o.sold_on, 1, 4) || (substr(o.sold_on, 6, 2) + 2) / 3
),
due as (
    select *,
           case outcome when 'missing' then iif(reasons = 'missing payout', planted,
                                              minus(planted, stated))
                when 'not due' then null when 'unknown' then null when 'reversed' then null
                else planted end as gap,
           case outcome when 'missing' then 'missing payout'
                when 'not due' then '' when 'unknown' then '' when 'reversed' then ''
                else coalesce(reasons, '') end as why,
           found = 1 or (found = 0 and platform = 'stockx' and is_sale
                         and (not is_told or coalesce(reasons, '') like '%level change%'))
               as is_hidden
    from judged
)
select platform, order_number, order_line, iif(is_hidden, '?', outcome) as outcome,
       iif(is_hidden, '?', gap) as gap, iif(is_hidden, '?', why) as reasons
from due
{where}
order by platform, order_number, order_line
"""
_MART_RECONCILED: LiteralString = """
select platform, order_number, order_line, reconciliation_state as outcome, payout_gap as gap,
       array_to_string(gap_reasons, ',') as reasons
from financial.payout_reconciliation
order by platform collate "C", order_number collate "C", order_line collate "C"
"""
_EVENTS = """
with happened (platform, order_number, order_line, kind, day, amount) as (
    select platform, order_number, order_line, 'sold', sold_on, gross from payouts where is_sale
    union all
    select platform, order_number, order_line, 'paid', ended_on,
           iif(paid_in <> '', '?', in_euros(stated, currency, ended_on))
    from payouts where is_sale and status = 'completed'
        and (paid_in <> '' or (is_told and stated is not null))
    union all
    select platform, order_number, order_line, 'refund', ended_on, refund
    from payouts where is_sale and is_told and refund + 0 <> 0
    union all
    select platform, order_number, order_line, 'penalty', ended_on, minus('0', penalty)
    from payouts where penalty + 0 <> 0
    union all
    select platform, order_number, order_line, 'returned',
           max(berlin_day(updated_at), date(sold_on, '+1 day')), null
    from payouts where status = 'returned'
    union all
    select platform, order_number, order_line, replace(status, '_', ' '), ended_on, null
    from payouts where status in ('cancelled', 'not_shipped', 'failed_authentication')
)
select * from happened order by platform, order_number, order_line, kind
"""
_MART_EVENTS: LiteralString = """
select platform, order_number, order_line, event_kind as kind, occurred_on as day,
       amount_eur as amount
from sales.order_event
order by platform collate "C", order_number collate "C", order_line collate "C",
         event_kind collate "C"
"""
_STATES = """
select platform, order_number, order_line, status, status_raw from orders
order by platform, order_number, order_line
"""
_MART_STATES: LiteralString = """
select platform, order_number, order_line, status, status_raw
from sales.order_status_history where is_current
order by platform collate "C", order_number collate "C", order_line collate "C"
"""
_PAYOUTS = """
select payout_ref, currency, paid_on, orders, minus(total, lacking) as total,
       total as orders_total, minus('0', lacking) as gap
from main.payout order by payout_ref
"""
_MART_PAYOUTS: LiteralString = """
select payout_ref, currency_code as currency, paid_on, order_count as orders,
       payout_total as total, orders_total, payout_gap as gap
from financial.payout order by payout_ref collate "C"
"""
_VAT = """
with schemes as (
    select u.order_number, u.variant_id, min(l.vat_scheme = 'standard') as least,
           max(l.vat_scheme = 'standard') as most
    from main.unit u join main.purchase_line l using (line_key)
    where u.order_number is not null group by 1, 2
),
flows as (
    select date(o.sold_on, 'start of month') as month, 'output' as direction,
           case when o.platform <> 'ebay' then 'intra_eu' when o.cost is null then 'unknown'
                when s.least <> s.most then 'mixed'
                else iif(s.least, 'standard', 'margin') end as regime,
           o.gross, o.vat_due as vat
    from orders o
    left join schemes s on s.order_number = o.order_number and s.variant_id = o.variant_id
    where o.is_sale
    union all
    select date(purchased_on, 'start of month'), 'input', vat_scheme, gross,
           iif(vat_scheme = 'standard', divided(times(gross, vat_rate), plus('1', vat_rate)),
               '0.00')
    from lines
)
select month, direction, regime, count(*) as lines, sum(vat is null) as unknown,
       euros(gross) as gross, coalesce(euros(vat), '0') as vat
from flows group by 1, 2, 3 order by 1, 2, 3
"""
_MART_VAT: LiteralString = """
select month, direction, vat_regime as regime, line_count as lines, unknown_count as unknown,
       gross_eur as gross, vat_eur as vat
from financial.vat_summary
order by month, direction collate "C", vat_regime collate "C"
"""
_COUNTED = """
select platform, substr(sold_on, 1, 4) + 0 as year, count(*) as sales, euros(gross) as gross,
       iif(max(not is_seen), '?', euros(coalesce(net_payout, gross))) as paid,
       sum(net_payout is null and is_seen) as unknown,
       iif(max(not is_seen), '?', count(*) >= 30 or euros(coalesce(net_payout, gross)) + 0 > 2000)
           as is_reportable
from orders where is_sale group by 1, 2 order by 1, 2
"""
_MART_COUNTED: LiteralString = """
select platform, year, sale_count as sales, gross_sale_eur as gross, paid_eur as paid,
       unknown_payout_count as unknown, is_reportable
from platform.reporting_counter order by platform collate "C", year
"""
_QUARTER = """
with clock as (
    select date(:today, 'start of month', '-' || ((substr(:today, 6, 2) + 2) % 3) || ' months')
        as start
)
select sum(sold_on >= start) as sales, euros(iif(sold_on >= start, gross, null)) as gross,
       sum(sold_on < start) as sales_before, euros(iif(sold_on < start, gross, null)) as before
from orders, clock
where is_sale and platform = 'stockx' and sold_on >= date(start, '-3 months')
"""
_MART_LEVELS: LiteralString = """
select seller_level as level, transaction_fee_rate as rate, sales_needed, sales_to_go,
       this_quarter_count as sales, this_quarter_eur as gross, last_quarter_count as sales_before,
       last_quarter_eur as before, is_reached
from platform.seller_level_progress where platform = 'stockx' order by seller_level
"""
_STEPS = ((0, 0), (12, 1_500), (40, 5_000), (200, 25_000), (800, 100_000))
_LINES: tuple[tuple[int, str, tuple[str, ...]], ...] = (
    (10, "gross sales", ("sale",)),
    (20, "refunds", ("refund",)),
    (30, "vat on sales", ("vat",)),
    (40, "net revenue", ("sale", "refund", "vat")),
    (50, "transaction fees", ("transaction fee",)),
    (60, "processing fees", ("processing fee",)),
    (70, "shipping fees", ("shipping fee",)),
    (80, "other fees", ("other fee",)),
    (90, "penalties", ("penalty",)),
    (100, "outbound shipping", ("outbound shipping",)),
    (110, "cost of goods", ("cost of goods",)),
    (115, "lost stock", ("loss",)),
    (120, "net profit", (
        "sale", "refund", "vat", "transaction fee", "processing fee", "shipping fee", "other fee",
        "penalty", "outbound shipping", "cost of goods", "loss",
    )),
    (130, "fx effect", ("fx effect",)),
)  # fmt: skip
_NOT_TOLD = frozenset((50, 60, 70, 80, 120, 130))
_MONTHLY = f"""
with unseen as (
    select distinct date(sold_on, 'start of month') as month from orders where not is_seen
    union
    select distinct date(ended_on, 'start of month') from payouts where paid_in <> ''
)
select date(booked_on, 'start of month') as month, kind, euros(amount) as amount,
       exists (select 1 from unseen u where u.month = date(booked_on, 'start of month'))
           as is_unseen
from ({BOOKINGS})
where statement = 'profit' or kind = 'fx effect'
group by 1, 2
"""
_MART_MONTHLY: LiteralString = """
select month, line_no, line, amount_eur as amount from financial.profit_and_loss
order by month, line_no
"""


def _levels(sides: Sides) -> Iterator[Row]:
    row = sides.truth.execute(_QUARTER, sides.parameters).fetchone()
    sales, gross = row["sales"] or 0, row["gross"] or "0"
    for level, (rate, (needed, volume)) in enumerate(
        zip(payouts.LEVEL_RATES, _STEPS, strict=True), 1
    ):
        yield {
            "level": level,
            "rate": rate,
            "sales_needed": needed,
            "sales_to_go": max(0, needed - sales),
            "sales": sales,
            "gross": gross,
            "sales_before": row["sales_before"] or 0,
            "before": row["before"] or "0",
            "is_reached": sales >= needed or float(gross) >= volume,
        }


def _months(sides: Sides) -> Iterator[Row]:
    """Every line of every month that has a booking, or lies between two that have one."""
    sides.truth.execute("drop table if exists temp.monthly")
    sides.truth.execute(f"create temp table monthly as {_MONTHLY}", sides.parameters)
    marks = {
        row["month"]
        for row in sides.truth.execute("select distinct month from monthly where is_unseen")
    }
    months = sides.truth.execute(
        "with recursive m (month) as (select min(month) from monthly having count(*) > 0 union all"
        " select date(month, '+1 month') from m where month < (select max(month) from monthly))"
        " select month from m"
    ).fetchall()
    for (month,) in months:
        for line_no, line, kinds in _LINES:
            places = ",".join("?" * len(kinds))
            total = sides.truth.execute(
                f"select coalesce(euros(amount), '0') from monthly"
                f" where month = ? and kind in ({places})",
                (month, *kinds),
            ).fetchone()[0]
            is_told = month not in marks or line_no not in _NOT_TOLD
            yield {
                "month": month,
                "line_no": line_no,
                "line": line,
                "amount": total if is_told else "?",
            }


_ORDER = ("platform", "order_number", "order_line")
COMPARISONS = (
    Comparison(
        "financial.payout_reconciliation", _ORDER, _RECONCILED.format(where=""), _MART_RECONCILED
    ),
    Comparison(
        "financial.payout_reconciliation",
        _ORDER,
        _RECONCILED.format(where="where why <> ''"),
        _MART_RECONCILED,
        floor=0.99,
        about="(planted)",
        is_overlap=True,
    ),
    Comparison("financial.payout", ("payout_ref",), _PAYOUTS, _MART_PAYOUTS),
    Comparison("sales.order_event", (*_ORDER, "kind"), _EVENTS, _MART_EVENTS),
    Comparison("sales.order_status_history", _ORDER, _STATES, _MART_STATES),
    Comparison("financial.vat_summary", ("month", "direction", "regime"), _VAT, _MART_VAT),
    Comparison("financial.profit_and_loss", ("month", "line_no"), _months, _MART_MONTHLY),
    Comparison("platform.reporting_counter", ("platform", "year"), _COUNTED, _MART_COUNTED),
    Comparison("platform.seller_level_progress", ("level",), _levels, _MART_LEVELS),
)
