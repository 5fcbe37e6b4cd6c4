"""A payout beside what it should be: by the fees it names, and by the fee schedule of its day.

What the marketplace pays is stated by a door of the sale; nothing here guesses a payout that nobody
stated. The schedule is `reference.fee_rule`.
"""

from __future__ import annotations

from decimal import Decimal

from soleflip_pipelines.explain.doors import tell_doors, tell_status
from soleflip_pipelines.explain.money import KINDS, tell_amount
from soleflip_pipelines.explain.order import find_orders
from soleflip_pipelines.explain.reading import Book
from soleflip_pipelines.explain.story import CENT, Row, Story, shown, to_cents

RATE_SQL = """
    select transaction_fee_rate from intermediate.int_finance__order_fees
    where order_number = %(number)s
"""
RULES_SQL = """
    select * from reference.fee_rule
    where platform = %(platform)s and currency_code = %(currency)s and category = 'any'
        and valid_from <= %(day)s and %(day)s <= coalesce(valid_to, 'infinity'::date)
    order by seller_level
"""


def explain_payout(book: Book, number: str, platform: str | None = None) -> list[Story]:
    """The story of the payout of each line of an order; its arguments are `explain_order`'s."""
    return [_tell(book, order) for order in find_orders(book, number, platform)]


def _tell(book: Book, order: Row) -> Story:
    line = f", line {order['order_line']}" if order["order_line"] != "1" else ""
    story = Story(f"Payout of {order['order_number']} on {order['platform']}{line}")
    tell_doors(story, book, order)
    tell_status(story, order)
    tell_amount(story, order)
    _tell_stated(story, order)
    if order["has_stated_fees"] and order["is_sale"]:
        _tell_schedule(story, book, order)
    return story


def _tell_stated(story: Story, order: Row) -> None:
    currency, stated = order["currency_code"], order["payout_total"]
    if stated is None:
        text = "fees are stated, a payout is not" if order["has_stated_fees"] else "nothing yet"
        story.tell("Payout as stated", [f"No payout is stated: {text}."])
        return
    adjustments = order["adjustments_total"] or Decimal(0)
    expected = order["amount"] + adjustments if order["amount"] is not None else None
    gap = stated - expected if expected is not None else None
    rows = [
        {"step": "price", "amount": order["amount"]},
        {"step": "fees, penalties and refunds named", "amount": adjustments},
        {"step": "= expected payout", "amount": expected},
        {"step": "stated payout", "amount": stated},
        {"step": "= difference", "amount": gap},
    ]
    says = [f"In {currency}, before conversion."]
    if gap is None:
        says.append("No price is known, so nothing can be expected.")
    elif abs(gap) <= CENT:
        says.append("The payout is what price and named fees make it, to the cent.")
    else:
        says.append(
            f"{shown(gap)} {currency} are paid {'more' if gap > 0 else 'less'} than the named fees"
            " explain; nobody states why."
        )
    story.tell("Payout as stated", says, rows)


def _tell_schedule(story: Story, book: Book, order: Row) -> None:
    rules = book.rows(
        RULES_SQL, platform=order["platform"], currency=order["currency_code"],
        day=order["sold_on"],
    )  # fmt: skip
    if not rules or order["amount"] is None:
        story.tell(
            "Beside the fee schedule",
            [f"The schedule has no row for {order['platform']} in {order['currency_code']} on"
             f" {order['sold_on']}: what was charged cannot be compared."],
        )  # fmt: skip
        return
    charged_rate = (book.row(RATE_SQL, number=order["order_number"]) or {}).get(
        "transaction_fee_rate"
    )
    rule = next((r for r in rules if r["transaction_fee_rate"] == charged_rate), None)
    says = (
        [f"Seller level {rule['seller_level']}, by the rate of {charged_rate:.2%} that it names."]
        if rule
        else [f"No level of the schedule has the named rate ({shown(charged_rate)}): level 1."]
    )
    rule = rule or rules[0]
    says.append(
        f"Valid from {rule['valid_from']} to {shown(rule['valid_to'])}, {rule['evidence']}."
    )
    amount, least = order["amount"], rule["minimum_fee"] or Decimal(0)
    expected = {
        "transaction": max(to_cents(amount * rule["transaction_fee_rate"]), least),
        "processing": to_cents(amount * rule["processing_fee_rate"]),
        "shipping": rule["shipping_fee"],
        "other": Decimal(0),
    }
    rows: list[Row] = []
    for kind in KINDS:
        charged, due = order[f"{kind}_fee"], expected[kind]
        more = charged - due if due is not None else None
        rows.append({"fee": kind, "charged": charged, "by_schedule": due, "more_charged": more})
    known = [row["more_charged"] for row in rows if row["more_charged"] is not None]
    says.append(f"Charged beyond the schedule: {sum(known, Decimal(0))} {order['currency_code']}.")
    story.tell("Beside the fee schedule", says, rows)
