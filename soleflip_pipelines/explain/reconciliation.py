"""A payout beside the one that the fee schedule lets expect, and why the two differ.

The reasons are those of `financial.payout_reconciliation`; here its parts are added up anew.
"""

from __future__ import annotations

from decimal import Decimal

from soleflip_pipelines.explain.money import expected_fees
from soleflip_pipelines.explain.reading import Book
from soleflip_pipelines.explain.story import Row, Story

RECONCILED_SQL = """
    select * from financial.payout_reconciliation where id = %(order_id)s
"""
TOGETHER_SQL = """
    select payout.* from financial.payout as payout where id = %(payout_id)s
"""
LINES_SQL = """
    select kind, booked_on, amount_eur from financial.transaction
    where order_id = %(order_id)s and statement = 'settlement'
    order by booked_on, kind
"""
PARTS = (
    "transaction_fee", "processing_fee", "shipping", "promotion", "refund", "penalty", "missing",
    "rest",
)  # fmt: skip
STATES = {
    "agrees": "the payout is what was to be expected, to the cent",
    "explained": "every part of the difference has a reason",
    "unexplained": "nobody states why, so it is worth asking the channel",
    "missing": "nothing was paid, so it is worth asking the channel",
    "not due": "the order is still open, so nothing is due yet",
    "reversed": "the sale was reversed, so what was stated is not to be paid",
    "unknown": "there is neither a fee schedule nor a statement to go by",
}


def tell_schedule(story: Story, book: Book, order: Row) -> None:
    """Tell each fee beside what the schedule charges on that day at the account's level."""
    says, expected, why = expected_fees(book, order)
    if not expected:
        says = [
            f"The schedule has no row for {order['platform']} in {order['currency_code']} on"
            f" {order['sold_on']}: what was charged cannot be compared."
        ]
    rows: list[Row] = []
    for kind in expected:
        charged = order[f"{kind}_fee"] if order["has_stated_fees"] else None
        more = charged - expected[kind] if charged is not None else None
        rows.append(
            {
                "fee": kind,
                "charged": charged,
                "by_schedule": expected[kind],
                "more_charged": more,
                "computed": why.get(kind),
            }
        )
    known = [row["more_charged"] for row in rows if row["more_charged"] is not None]
    if known:
        more = f"{sum(known, Decimal(0))} {order['currency_code']}"
        says.append(f"Charged beyond the schedule: {more}.")
    story.tell("Beside the fee schedule", says, rows)


def tell_reconciliation(story: Story, book: Book, order: Row) -> None:
    """Tell what the payout should be, what of the gap has which reason, and what was booked."""
    found = book.row(RECONCILED_SQL, order_id=order["id"])
    if found is None:
        return
    state = found["reconciliation_state"]
    says = [f"{state.capitalize()}: {STATES[state]}."]
    if found["gap_reasons"]:
        says.append(f"Reasons: {', '.join(found['gap_reasons'])}.")
    if found["is_open"]:
        says.append(f"Open since {found['open_since']}, for {found['open_days']} days.")
    parts = {part: found[f"{part}_gap"] for part in PARTS if found[f"{part}_gap"]}
    rows = [
        {"step": "expected payout", "amount": found["expected_payout"]},
        {"step": "stated payout", "amount": found["stated_payout"]},
        *({"step": f"of the gap: {part.replace('_', ' ')}", "amount": amount}
          for part, amount in parts.items()),
        {"step": "= gap", "amount": found["payout_gap"]},
    ]  # fmt: skip
    computed = sum(parts.values(), Decimal(0))
    story.check("the gap of the payout", computed, found["payout_gap"] or Decimal(0))
    story.tell(f"Reconciliation, in {found['currency_code']}", says, rows)
    together = book.row(TOGETHER_SQL, payout_id=found["payout_id"])
    if together:
        code, gap = together["currency_code"], together["payout_gap"]
        text = (
            f"{together['payout_total']} {code} on {together['paid_on']} for"
            f" {together['order_count']} orders, which add up to {together['orders_total']}."
        )
        short = f"That is {gap} {code} beside their sum, and no order names it." if gap else ""
        story.tell(f"Paid together: {together['payout_ref']}", list(filter(None, (text, short))))
    lines = book.rows(LINES_SQL, order_id=order["id"])
    if lines:
        rest = sum((line["amount_eur"] for line in lines), Decimal(0))
        text = f"Open claim: {rest} EUR." if rest else "What was due was paid: it adds up to 0."
        story.tell("Booked as paid", [text], lines)
