"""A payout beside what it should be: by the fees it names, and by the fee schedule of its day.

What the marketplace pays is stated by a door of the sale; nothing here guesses a payout that nobody
stated. What both make of it is in `reconciliation`.
"""

from __future__ import annotations

from decimal import Decimal

from soleflip_pipelines.explain.doors import tell_doors, tell_status
from soleflip_pipelines.explain.money import tell_amount
from soleflip_pipelines.explain.order import find_orders
from soleflip_pipelines.explain.reading import Book, NotFound
from soleflip_pipelines.explain.reconciliation import tell_reconciliation, tell_schedule
from soleflip_pipelines.explain.story import CENT, Row, Story, shown

PAID_SQL = """
    select distinct paid.platform, paid.order_number
    from financial.payout as payout
    inner join financial.payout_reconciliation as paid on payout.id = paid.payout_id
    where payout.payout_ref = %(number)s
    order by paid.order_number
"""


def explain_payout(book: Book, number: str, platform: str | None = None) -> list[Story]:
    """The story of the payout of each line of an order, or of each order that was paid together.

    Its arguments are `explain_order`'s; a number may also be a payout's own id.

    Raises:
        NotFound: neither a payout nor an order has the number.
    """
    paid = book.rows(PAID_SQL, number=number.strip())
    if paid:
        numbers = [(row["order_number"], row["platform"]) for row in paid]
        return [_tell(book, order) for each in numbers for order in find_orders(book, *each)]
    try:
        orders = find_orders(book, number, platform)
    except NotFound as error:
        raise NotFound(f"no payout has this id, and {error}") from None
    return [_tell(book, order) for order in orders]


def _tell(book: Book, order: Row) -> Story:
    line = f", line {order['order_line']}" if order["order_line"] != "1" else ""
    story = Story(f"Payout of {order['order_number']} on {order['platform']}{line}")
    tell_doors(story, book, order)
    tell_status(story, order)
    tell_amount(story, order)
    _tell_stated(story, order)
    if order["is_sale"] and order["amount"] is not None:
        tell_schedule(story, book, order)
    tell_reconciliation(story, book, order)
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
