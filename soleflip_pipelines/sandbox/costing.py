"""The truth of the money: what each unit cost, which unit each sale took, what was earned.

An event simulation, unit by unit, over the purchase rows that can be known; it shares no code with
the pipeline, whose results are compared with it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_DOWN, Decimal
from itertools import takewhile

from soleflip_pipelines.sandbox.payouts import CENT, money
from soleflip_pipelines.sandbox.purchases import takes_unit
from soleflip_pipelines.sandbox.rates import ReferenceRates
from soleflip_pipelines.sandbox.trade import OPEN, Lot, Sale, SaleKey

_ENDINGS = {
    "COMPLETED": "completed",
    "PAYOUTCOMPLETED": "completed",
    "AUTHFAILED": "failed_authentication",
    "DIDNOTSHIP": "not_shipped",
    "CANCELED": "cancelled",
    "CCAUTHORIZATIONFAILED": "cancelled",
    "RETURNED": "returned",
}
_FEE_KINDS = ("transaction", "processing", "shipping", "other", "penalty")
_ZERO = Decimal("0.00")
_SALES_VAT = Decimal("0.19")
Match = tuple[tuple["Unit", ...], str]
Event = tuple[date, int, tuple[object, ...], "Unit | None", "Sale | None"]


@dataclass
class Unit:
    """A purchased unit; `sale` is the order that has it at the end, `cost` is EUR.

    `queue_no` is its place among the variant's units that later sales would take, from 0; None for
    what is not waiting, and for what waits behind a unit that nobody knows. What is lost is not
    where it was put: the books have it, the stock count does not.
    """

    lot: Lot
    unit_no: int
    cost: Decimal
    sale: Sale | None = None
    queue_no: int | None = None
    is_lost: bool = False

    @property
    def is_in_house(self) -> bool:
        """Whether the books say that it lies on the shelf."""
        return self.sale is None and self.lot.received_on is not None


@dataclass(frozen=True)
class OrderTruth:
    """What a sale came to, in EUR; None where it cannot be known from what the pipeline sees."""

    status: str
    is_sale: bool
    gross: Decimal
    fees: dict[str, Decimal]
    net_payout: Decimal | None
    units: tuple[Unit, ...]
    method: str | None
    cost: Decimal | None
    vat_due: Decimal | None
    outbound: Decimal
    net_profit: Decimal | None
    state: str


def sale_status(raw: str) -> str:
    """The status in the business's words."""
    return _ENDINGS.get(raw) or ("open" if raw in OPEN else "unknown")


def line_cost(lot: Lot, rates: ReferenceRates) -> Decimal:
    """Landed cost of a purchase line in EUR, rounded once."""
    amount = lot.quantity * lot.unit_price + lot.shipping_total
    if lot.supplier.vat_scheme == "standard":
        amount = amount / (1 + lot.supplier.vat_rate)
    amount -= lot.cashback_total
    return money(amount / rates.on(lot.purchased_on, lot.supplier.currency))


def lot_units(lot: Lot, rates: ReferenceRates) -> list[Unit]:
    """The units of a line; cents that do not divide go one each to the first units."""
    total = line_cost(lot, rates)
    base = (total / lot.quantity).quantize(CENT, ROUND_DOWN)
    extra = int((total - base * lot.quantity) / CENT)
    return [
        Unit(lot, number, base + CENT if number <= extra else base)
        for number in range(1, lot.quantity + 1)
    ]


def match_variant(
    units: Sequence[Unit], sales: Iterable[Sale], links: dict[SaleKey, Unit]
) -> dict[SaleKey, Match]:
    """Run the events of one variant, all marketplaces together; say which units each sale took.

    Args:
        units: the knowable units of the variant.
        sales: its order lines, of every status.
        links: a sale's key to the unit that the owner's sheet names; these leave the queue.

    Returns:
        A sale's key to (units, "linked" | "fifo"). A sale that is missing took no known unit: there
        were not enough for it, or nothing tells which variant it sold. `Unit.sale` is set for units
        that are gone at the end.
    """
    linked = {id(unit) for unit in links.values()}
    events: list[Event] = []
    for unit in units:
        if id(unit) not in linked:
            order = (unit.lot.line_key, unit.unit_no)
            events.append((unit.lot.available_on, 0, order, unit, None))
    for sale in sales:
        if not takes_unit(sale) or not (sale.is_recognisable or sale.key in links):
            continue
        events.append((sale.sold_on, 2, (sale.ordered_at, *sale.key), None, sale))
        if sale.status == "RETURNED":
            events.append((sale.updated_on, 1, sale.key, None, sale))
    events.sort(key=lambda event: (event[0], event[1], *event[2]))
    return _run(events, links)


def _run(events: list[Event], links: dict[SaleKey, Unit]) -> dict[SaleKey, Match]:
    queue: deque[Unit | None] = deque()
    taken: dict[SaleKey, Match] = {}
    for _, kind, _, unit, sale in events:
        if kind == 0:
            queue.append(unit)
        elif sale is not None and kind == 1:
            came_back = taken.get(sale.key)
            for back in came_back[0] if came_back else ():
                back.sale = None
            queue.extend(came_back[0] if came_back else [None] * sale.quantity)
        elif sale is not None:
            given: list[Unit | None] = [links[sale.key]] if sale.key in links else []
            method = "linked" if given else "fifo"
            if not given and len(queue) >= sale.quantity:
                given = [queue.popleft() for _ in range(sale.quantity)]
            known = tuple(piece for piece in given if piece is not None)
            if known and len(known) == sale.quantity:
                for piece in known:
                    piece.sale = sale
                taken[sale.key] = (known, method)
    for number, waiting in enumerate(takewhile(lambda unit: unit is not None, queue)):
        assert waiting is not None
        waiting.queue_no = number
    return taken


def fee_kind(label: str) -> str:
    """What a payout's line is: transaction, processing, shipping, penalty or other."""
    text = label.lower().replace(" ", "")
    if "penalty" in text:
        return "penalty"
    if "transactionfee" in text:
        return "transaction"
    if text.startswith("paymentproc"):
        return "processing"
    return "shipping" if text.startswith("shipping") else "other"


def vat_due(sale: Sale, gross: Decimal, units: Sequence[Unit]) -> Decimal | None:
    """VAT in EUR that a sale at home owes, by how its units were bought; none is owed elsewhere.

    Several units share the sale evenly, cents that do not divide go one each to the first.
    """
    if sale.platform != "ebay":
        return _ZERO
    if not units:
        return None
    total = _ZERO
    base = (gross / len(units)).quantize(CENT, ROUND_DOWN)
    extra = int((gross - base * len(units)) / CENT)
    for number, unit in enumerate(units):
        taxed = base + CENT if number < extra else base
        if unit.lot.supplier.vat_scheme != "standard":
            taxed = max(_ZERO, taxed - unit.cost)
        total += money(taxed * _SALES_VAT / (1 + _SALES_VAT))
    return total


def order_truth(sale: Sale, match: Match | None, rates: ReferenceRates) -> OrderTruth:
    """The money of one order line by the definitions that the marts follow."""
    status = sale_status(sale.status)
    is_sale = status in ("open", "completed", "unknown")
    rate = rates.on(sale.sold_on, sale.currency)
    sums = dict.fromkeys(_FEE_KINDS, Decimal(0))
    for line in sale.adjustments:
        sums[fee_kind(line.label)] -= line.amount
    fees = {kind: money(amount / rate) for kind, amount in sums.items()}
    if not is_sale:
        return OrderTruth(
            status, False, _ZERO, fees, None, (), None, None, _ZERO, _ZERO, -fees["penalty"],
            "not_a_sale",
        )  # fmt: skip
    gross = money(sale.price / rate)
    units, method = match if match else ((), None)
    is_seen = sale.payout_in != "none" and not sale.paid_in
    payout = gross - sum(fees[k] for k in _FEE_KINDS if k != "penalty") if is_seen else None
    cost = sum((unit.cost for unit in units), _ZERO) if units else None
    vat = vat_due(sale, gross, units)
    outbound = money(sale.outbound / rate)
    profit = None
    if payout is not None and cost is not None and vat is not None:
        profit = payout - cost - outbound - vat - fees["penalty"]
    if cost is None:
        state = "no_cost"
    elif not is_seen:
        # What a report tells without its fees is of a marketplace whose schedule is not known.
        state = "estimated" if sale.platform == "stockx" else "no_fees"
    else:
        is_clear = all(reason != "unexplained" for reason, _ in sale.gaps)
        state = "reconciled" if status == "completed" and is_clear else "payout_seen"
    return OrderTruth(
        status, True, gross, fees, payout, units, method, cost, vat, outbound, profit, state
    )
