"""Fees, payout and VAT of one sale, forwards and backwards, in exact cents.

What belongs here is arithmetic on one price under one fee rule and one VAT regime. Which rule
applies on which day is read from dated tables by the service; what to charge is `recommend`.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from typing import Literal

CENT = Decimal("0.01")
ZERO = Decimal("0.00")
_ONE = Decimal(1)

VatRegime = Literal["intra_eu", "standard", "margin", "small_business"]


def cents(amount: Decimal) -> Decimal:
    """Round to cents, half away from zero as PostgreSQL's `round` does."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


@dataclass(frozen=True)
class FeeRule:
    """What a marketplace deducts from a sale, in the currency of the price.

    Rates are shares of the price (0.09 = 9 %). The transaction fee has a minimum; `shipping` is
    the label that the marketplace charges the seller.
    """

    transaction_rate: Decimal
    processing_rate: Decimal
    minimum_fee: Decimal = ZERO
    shipping: Decimal = ZERO

    def transaction_fee(self, price: Decimal) -> Decimal:
        """Price times rate, but at least the minimum."""
        return cents(max(self.minimum_fee, price * self.transaction_rate))

    def processing_fee(self, price: Decimal) -> Decimal:
        """Price times the rate of payment processing."""
        return cents(price * self.processing_rate)

    def payout(self, price: Decimal) -> Decimal:
        """What the marketplace pays out for a sale at this price; negative if fees exceed it."""
        return price - self.transaction_fee(price) - self.processing_fee(price) - self.shipping


@dataclass(frozen=True)
class Vat:
    """How a sale of this unit is taxed; `rate` is the full rate (0.19 = 19 %).

    `intra_eu`: supply to the marketplace without VAT; `small_business`: none on either side;
    `standard`: part of the price; `margin`: part of the gain over `purchase_gross`, never below 0.
    """

    regime: VatRegime
    rate: Decimal = ZERO
    purchase_gross: Decimal = ZERO

    @property
    def share(self) -> Decimal:
        """The share of a gross amount that is VAT."""
        return self.rate / (_ONE + self.rate)

    def due(self, price: Decimal) -> Decimal:
        """VAT that the seller owes on a sale at this price."""
        if self.regime == "standard":
            return cents(price * self.share)
        if self.regime == "margin":
            return cents(max(ZERO, price - self.purchase_gross) * self.share)
        return ZERO

    def pieces(self) -> tuple[tuple[Decimal, Decimal], ...]:
        """The lines (slope, offset) whose maximum is the VAT due, before rounding."""
        none = (ZERO, ZERO)
        if self.regime == "standard":
            return ((self.share, ZERO),)
        if self.regime == "margin":
            return (none, (self.share, -self.purchase_gross * self.share))
        return (none,)


def net_proceeds(price: Decimal, fees: FeeRule, vat: Vat) -> Decimal:
    """Payout less VAT due: what is left of a sale before the unit's cost."""
    return fees.payout(price) - vat.due(price)


def price_for(target: Decimal, fees: FeeRule, vat: Vat) -> Decimal:
    """The lowest price in whole cents whose net proceeds reach the target.

    Fees and VAT are each the maximum of straight lines in the price, so the net is the minimum of
    as many, all rising: the answer is the largest of their solutions. Rounding of the single fees
    can move it by a few cents, which the last step settles.

    Args:
        target: net proceeds wanted, such as the unit's landed cost for the break-even price.
        fees: rule of the marketplace; its rates and the VAT share must stay below 1 together.
        vat: regime of the unit.

    Raises:
        ValueError: fees and VAT eat up every further cent, so no price reaches the target.
    """
    solutions = []
    for rate, fixed in ((ZERO, fees.minimum_fee), (fees.transaction_rate, ZERO)):
        for slope, offset in vat.pieces():
            kept = _ONE - rate - fees.processing_rate - slope
            if kept <= 0:
                raise ValueError("fees and VAT of 100 % and more leave nothing of any price")
            solutions.append((target + fixed + fees.shipping + offset) / kept)
    price = max(*solutions, ZERO).quantize(CENT, rounding=ROUND_CEILING)
    while net_proceeds(price, fees, vat) < target:
        price += CENT
    while price > 0 and net_proceeds(price - CENT, fees, vat) >= target:
        price -= CENT
    return price


def break_even(cost: Decimal, fees: FeeRule, vat: Vat) -> Decimal:
    """The lowest price at which a unit of this landed cost is not sold at a loss."""
    return price_for(cost, fees, vat)
