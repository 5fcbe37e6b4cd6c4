"""The inputs behind a recommendation, in the form in which they are kept beside it.

Only the shape of the `evidence` column; nothing is decided here.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from soleflip_pipelines.pricing.fees import FeeRule, Vat
from soleflip_pipelines.pricing.recommend import Outcome, Recommendation, VariantView, ladder


def evidence_of(
    view: VariantView, result: Recommendation, fees: FeeRule | None, vat: Vat, cost: Decimal | None
) -> dict[str, Any]:
    """Every input behind a recommendation, for the `evidence` column; money as text."""
    market, sure = view.market, view.confidence
    return {
        "lowest_ask": _text(market.lowest_ask) if market else None,
        "highest_bid": _text(market.highest_bid) if market else None,
        "vendor_sell_faster": _text(market.vendor_sell_faster) if market else None,
        "vendor_earn_more": _text(market.vendor_earn_more) if market else None,
        "own_sales_180d": view.own_sales,
        "variant_sales_30d": sure.variant_sales_30d,
        "product_sales_30d": sure.product_sales_30d,
        "last_sale_days": sure.last_sale_days,
        "volatility": None if sure.volatility is None else round(sure.volatility, 4),
        "reference_parts": {
            name: {"price": round(part.price, 2), "weight": round(part.weight, 4)}
            for name, part in (view.reference.parts if view.reference else {}).items()
        },
        "cost": _text(cost),
        "fees": {
            "transaction_rate": _text(fees.transaction_rate),
            "processing_rate": _text(fees.processing_rate),
            "minimum_fee": _text(fees.minimum_fee),
            "shipping": _text(fees.shipping),
        }
        if fees
        else None,
        "vat": {"regime": vat.regime, "rate": _text(vat.rate)},
        "at_sell_faster": _outcome(result.at_sell_faster),
        "at_earn_more": _outcome(result.at_earn_more),
        "ladder": [_text(step) for step in ladder(result.reference_price, result.break_even_price)]
        if result.reference_price is not None
        else [],
    }


def _outcome(outcome: Outcome | None) -> dict[str, str | None] | None:
    if outcome is None:
        return None
    return {
        "payout": _text(outcome.payout),
        "vat_due": _text(outcome.vat_due),
        "profit": _text(outcome.profit),
        "roi_percentage": _text(outcome.roi_percentage),
        "profit_margin": _text(outcome.profit_margin),
    }


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)
