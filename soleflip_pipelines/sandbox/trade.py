"""The records that the makers of the business hand each other: sales, purchase lines, suppliers.

Plain data without behaviour; amounts are Decimal in the record's own currency.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from soleflip_pipelines.sandbox.catalogue import Product, Variant
from soleflip_pipelines.sandbox.payouts import Adjustment

# Platform, order number and order line.
SaleKey = tuple[str, str, str]
# Statuses of the list of active orders, and of the history.
OPEN = frozenset(
    (
        "CREATED",
        "CCAUTHORIZATIONFAILED",
        "SHIPPED",
        "RECEIVED",
        "AUTHENTICATING",
        "AUTHENTICATED",
        "PAYOUTPENDING",
        "PAYOUTCOMPLETED",
        "SYSTEMFULFILLED",
        "PAYOUTFAILED",
        "SUSPENDED",
        "PENDING",
        "DONOTSHIP",
    )
)
CLOSED = frozenset(("AUTHFAILED", "DIDNOTSHIP", "CANCELED", "COMPLETED", "RETURNED"))


@dataclass(frozen=True)
class Supplier:
    """A shop or a person the seller buys from, and how its papers look (`layout`)."""

    name: str
    prefix: str
    currency: str
    vat_rate: Decimal
    vat_scheme: str
    price_share: float
    weight: float
    layout: str
    transit_days: int
    order_rhythm: int


@dataclass(frozen=True)
class Sale:
    """A line of an order; `price` is what its buyer paid for all its pieces, delivery included.

    The statuses are StockX's words on every marketplace. `payout_in` says where its payout can be
    read: "list", "detail" or "none" (still open, or by no door). `is_recognisable` is whether its
    article and size can be told from what is shown; `doors` are those it comes in by, apart from
    the hand-kept sheet; `outbound` is what that sheet says was paid for sending it. A returned
    line's unit came back on the Berlin day `updated_on`, the day after the sale at the earliest.
    `gaps` are what its payout is more or less than the fee schedule says, by reason, `paid_in` the
    currency and rate it is paid in if they are not the price's.
    """

    index: int
    order_number: str
    product: Product
    variant: Variant
    price: Decimal
    amount_text: str
    currency: str
    status: str
    ordered_at: datetime
    sold_on: date
    updated_at: datetime
    updated_on: date
    adjustments: tuple[Adjustment, ...]
    payout_in: str
    inventory_type: str = ""
    platform: str = "stockx"
    order_line: str = "1"
    quantity: int = 1
    is_recognisable: bool = True
    doors: tuple[str, ...] = ("api",)
    outbound: Decimal = Decimal(0)
    gaps: tuple[tuple[str, Decimal], ...] = ()
    paid_in: str = ""

    @property
    def key(self) -> SaleKey:
        """What tells it from every other line sold."""
        return self.platform, self.order_number, self.order_line


@dataclass(frozen=True)
class Lot:
    """A line of a purchase. `flaw` names what makes its row irreparable, if anything does."""

    product: Product
    variant: Variant
    supplier: Supplier
    reference: str
    line_no: int
    unit_ref: str | None
    purchased_on: date
    received_on: date | None
    quantity: int
    unit_price: Decimal
    shipping_total: Decimal
    cashback_total: Decimal
    location: str
    flaw: str | None

    @property
    def line_key(self) -> str:
        """The key a pipeline can build from the row: supplier, reference and line."""
        return f"{self.supplier.name.lower()}|{self.reference}|{self.line_no}"

    @property
    def available_on(self) -> date:
        """The day its units can be sold: received, or bought where no receipt is noted."""
        return self.received_on or self.purchased_on
