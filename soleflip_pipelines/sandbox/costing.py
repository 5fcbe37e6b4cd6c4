"""The truth of the money: what each unit cost, which unit each sale took, what was earned.

An event simulation, unit by unit, over the purchase rows that can be known; it shares no code with
the pipeline, whose results are compared with it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_DOWN, Decimal

from soleflip_pipelines.sandbox.payouts import CENT, money
from soleflip_pipelines.sandbox.purchases import takes_unit
from soleflip_pipelines.sandbox.rates import ReferenceRates
from soleflip_pipelines.sandbox.trade import OPEN, Lot, Sale

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


@dataclass
class Unit:
    """A purchased unit; `sale` is the order that has it at the end, `cost` is EUR."""

    lot: Lot
    unit_no: int
    cost: Decimal
    sale: Sale | None = None


@dataclass(frozen=True)
class OrderTruth:
    """What a sale came to, in EUR; None where it cannot be known from what the pipeline sees."""

    status: str
    is_sale: bool
    gross: Decimal
    fees: dict[str, Decimal]
    net_payout: Decimal | None
    unit: Unit | None
    method: str | None
    cost: Decimal | None
    net_profit: Decimal | None
    state: str


@dataclass
class Matches:
    """The units sales took: by order number, with the way they were found."""

    units: dict[str, tuple[Unit, str]] = field(default_factory=dict)


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
    units: Sequence[Unit], sales: Iterable[Sale], links: dict[str, Unit]
) -> dict[str, tuple[Unit, str]]:
    """Run the events of one variant and say which unit each sale took.

    Args:
        units: the knowable units of the variant.
        sales: its orders, of every status.
        links: order number to the unit that the owner's sheet names; these leave the queue.

    Returns:
        Order number to (unit, "linked" | "fifo"). A sale that is missing took no known unit.
        `Unit.sale` is set for units that are gone at the end.
    """
    linked = {id(unit) for unit in links.values()}
    events: list[tuple[date, int, tuple[object, ...], Unit | None, Sale | None]] = []
    for unit in units:
        if id(unit) not in linked:
            order = (unit.lot.line_key, unit.unit_no)
            events.append((unit.lot.available_on, 0, order, unit, None))
    for sale in sales:
        if not takes_unit(sale):
            continue
        events.append((sale.sold_on, 2, (sale.ordered_at, sale.order_number), None, sale))
        if sale.status == "RETURNED":
            events.append((sale.updated_on, 1, (sale.order_number,), None, sale))
    events.sort(key=lambda event: (event[0], event[1], *event[2]))
    return _run(events, links)


def _run(
    events: list[tuple[date, int, tuple[object, ...], Unit | None, Sale | None]],
    links: dict[str, Unit],
) -> dict[str, tuple[Unit, str]]:
    queue: deque[Unit | None] = deque()
    taken: dict[str, tuple[Unit, str]] = {}
    for _, kind, _, unit, sale in events:
        if kind == 0:
            queue.append(unit)
        elif sale is not None and kind == 1:
            came_back = taken.get(sale.order_number)
            if came_back:
                came_back[0].sale = None
            queue.append(came_back[0] if came_back else None)
        elif sale is not None:
            given = links.get(sale.order_number)
            method = "linked" if given else "fifo"
            if given is None and queue:
                given = queue.popleft()
            if given is not None:
                given.sale = sale
                taken[sale.order_number] = (given, method)
    return taken


def _fee_kind(label: str) -> str:
    text = label.lower().replace(" ", "")
    if "penalty" in text:
        return "penalty"
    if "transactionfee" in text:
        return "transaction"
    if text.startswith("paymentproc"):
        return "processing"
    return "shipping" if text.startswith("shipping") else "other"


def order_truth(sale: Sale, match: tuple[Unit, str] | None, rates: ReferenceRates) -> OrderTruth:
    """The money of one order by the definitions that the marts follow."""
    status = sale_status(sale.status)
    is_sale = status in ("open", "completed", "unknown")
    rate = rates.on(sale.sold_on, sale.currency)
    sums = dict.fromkeys(_FEE_KINDS, Decimal(0))
    for line in sale.adjustments:
        sums[_fee_kind(line.label)] -= line.amount
    fees = {kind: money(amount / rate) for kind, amount in sums.items()}
    if not is_sale:
        return OrderTruth(
            status, False, _ZERO, fees, None, None, None, None, -fees["penalty"], "not_a_sale"
        )
    gross = money(sale.price / rate)
    unit, method = match if match else (None, None)
    is_seen = sale.payout_in != "none"
    payout = gross - sum(fees[k] for k in _FEE_KINDS if k != "penalty") if is_seen else None
    cost = unit.cost if unit else None
    profit = payout - cost - fees["penalty"] if payout is not None and cost is not None else None
    if cost is None:
        state = "no_cost"
    elif not is_seen:
        state = "estimated"
    else:
        state = "reconciled" if status == "completed" else "payout_seen"
    return OrderTruth(status, True, gross, fees, payout, unit, method, cost, profit, state)
