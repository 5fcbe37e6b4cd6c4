"""What a row of `enrichment.price_recommendation` must look like, as a pandera schema.

Checks only what must hold for every row whatever the market does.
"""

from __future__ import annotations

import pandas as pd
import pandera.pandas as pa

_PRICES = (
    "reference_price",
    "break_even_price",
    "recommended_sell_faster",
    "recommended_earn_more",
)


def _price() -> pa.Column:
    return pa.Column(float, pa.Check.ge(0), nullable=True, coerce=True)


def _at_most(left: str, right: str) -> pa.Check:
    def holds(frame: pd.DataFrame) -> pd.Series:
        low, high = frame[left].astype(float), frame[right].astype(float)
        return low.isna() | high.isna() | (low <= high)

    return pa.Check(holds, name=f"{left} is at most {right}")


def price_recommendation_schema() -> pa.DataFrameSchema:
    """Fast is not dearer than patient, nothing is below the floor, no price without evidence."""
    return pa.DataFrameSchema(
        {
            "platform": pa.Column(str, coerce=True),
            "currency_code": pa.Column(str, pa.Check.str_matches("^[A-Z]{3}$"), coerce=True),
            **{name: _price() for name in _PRICES},
            "roi_percentage": pa.Column(float, nullable=True, coerce=True),
            "market_confidence": pa.Column(
                object, pa.Check.isin(["high", "medium", "low"]), nullable=True, coerce=True
            ),
            "confidence_score": pa.Column(
                float, pa.Check.in_range(0, 1), nullable=True, coerce=True
            ),
            "reason": pa.Column(str, pa.Check.str_length(min_value=1), coerce=True),
        },
        checks=[
            _at_most("recommended_sell_faster", "recommended_earn_more"),
            _at_most("break_even_price", "recommended_sell_faster"),
            _at_most("break_even_price", "recommended_earn_more"),
            pa.Check(
                lambda frame: (
                    frame["recommended_earn_more"].isna() | frame["reference_price"].notna()
                ),
                name="a price has a reference",
            ),
            pa.Check(
                lambda frame: frame["roi_percentage"].isna() | frame["break_even_price"].notna(),
                name="an ROI has a cost",
            ),
        ],
        unique=["stock_id"],
    )


def validate(frame: pd.DataFrame) -> pd.DataFrame:
    """The failure cases of a frame of `enrichment.price_recommendation`; empty when all fit."""
    try:
        price_recommendation_schema().validate(frame, lazy=True)
    except pa.errors.SchemaErrors as errors:
        return pd.DataFrame(errors.failure_cases)
    return pd.DataFrame()
