"""What a row of the label tables must look like, as a pandera schema."""

from __future__ import annotations

import pandas as pd
import pandera.pandas as pa

CATEGORIES = (
    "sneakers",
    "other footwear",
    "apparel",
    "headwear",
    "bags",
    "accessories",
    "collectibles",
    "electronics",
)


def _share() -> pa.Column:
    return pa.Column(float, pa.Check.in_range(0, 1), coerce=True)


def product_label_schema() -> pa.DataFrameSchema:
    """Labels name a known category or none, and an answer always comes with its rule."""
    return pa.DataFrameSchema(
        {
            "platform": pa.Column(str, pa.Check.str_length(min_value=1)),
            "partner_product_id": pa.Column(str, pa.Check.str_length(min_value=1)),
            "category": pa.Column(str, pa.Check.isin(CATEGORIES), nullable=True),
            "brand_confidence": _share(),
            "category_confidence": _share(),
        },
        checks=[
            pa.Check(
                lambda frame: frame["brand"].isna() | frame["brand_rule"].notna(),
                name="a brand has a rule",
            ),
            pa.Check(
                lambda frame: frame["style_code"].isna() == frame["style_key"].isna(),
                name="a style code has a key",
            ),
        ],
        unique=["platform", "partner_product_id"],
    )


def validate_product_label(frame: pd.DataFrame) -> pd.DataFrame:
    """The failure cases of a frame of `enrichment.product_label`; empty when all rows fit."""
    try:
        product_label_schema().validate(frame, lazy=True)
    except pa.errors.SchemaErrors as errors:
        return pd.DataFrame(errors.failure_cases)
    return pd.DataFrame()
