"""How much money one line of an order, purchase, offer or market can be about, by its currency.

Every reader of money asks here, so that a figure that lost its decimal mark goes to the quarantine,
neither stored nor cut down. What may be zero or below it is each reader's own affair.
"""

from __future__ import annotations

from decimal import Decimal

# A reseller's dearest pair costs some ten thousand, and numeric(12,2) has room for ten billion: a
# million is out of reach of any line, payout or invoice, and near enough to tell of a mistake.
MOST = Decimal(1_000_000)
# Hundreds to tens of thousands of these make a euro.
WEAK = frozenset({"CLP", "HUF", "IDR", "JPY", "KRW", "VND"})
MOST_OF_WEAK = 1_000 * MOST


def implausible(amount: Decimal, currency_code: object) -> str | None:
    """Why an amount is not believed, as the end of a sentence that begins with its field.

    Args:
        amount: in major units, of either sign.
        currency_code: ISO 4217; what is stated in none is held to the stricter bound.

    Returns:
        The reason and what to do, or None for an amount that can be.
    """
    currency = str(currency_code or "").strip().upper()
    most = MOST_OF_WEAK if currency in WEAK else MOST
    if abs(amount) <= most:
        return None
    stated = f"{amount:,.2f} {currency}".strip()
    return (
        f"is {stated}, and nothing is over {most:,}: correct it at its source, or here with "
        "`soleflip rejected retry`"
    )
