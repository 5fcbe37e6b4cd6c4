"""A model that fills what the rules leave open: from the owner's labels, marked, and off again."""

from __future__ import annotations

import psycopg
import pytest

from soleflip_pipelines.catalog.product_labelling import label_products
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.connection import connect

pytestmark = pytest.mark.integration

COLOURS = "Black White Red Blue Green Grey Sail Navy Pink Olive Brown Silver".split()
MODELS = {"Blivet": "Zork", "Wumpus": "Zork", "Frobber": "Quux", "Xyzzic": "Plugh"}
_LABEL = """
select brand, brand_rule, brand_evidence, proposed_brand, review_reason, fallback_version
from enrichment.product_label where partner_product_id = %s
"""
_TRIAL = "select label_count, is_used from enrichment.fallback_trial where kind = 'brand'"


def test_gaps_are_filled_from_the_owners_labels_and_only_they_are_touched(
    settings: Settings, prepared: psycopg.Connection
) -> None:
    prepared.autocommit = True
    titles = {
        f"{model}-{at}": f"{model} {colour} {at}"
        for model in MODELS
        for at, colour in enumerate(COLOURS)
    }
    with connect(settings, role="transformer", autocommit=True) as transformer:
        transformer.cursor().executemany(
            "insert into staging.stg_stockx__products (partner_product_id, title) values (%s, %s)",
            [*titles.items(), ("new", "Wumpus Sand 44"), ("other", "Thing of nobody")],
        )
    report = label_products(prepared)
    assert "model for brand" in report.as_metadata()
    assert prepared.execute(_TRIAL).fetchone() == (0, False)
    assert prepared.execute(_LABEL, ["new"]).fetchone() == (None,) * 4 + ("no brand", None)

    prepared.cursor().executemany(
        "insert into owner.product_override (platform, partner_product_id, brand)"
        " values ('stockx', %s, %s)",
        [(product, MODELS[product.split("-")[0]]) for product in titles],
    )
    label_products(prepared)
    assert prepared.execute(_TRIAL).fetchone() == (48, True)
    row = prepared.execute(_LABEL, ["new"]).fetchone()
    assert row is not None
    assert row[:2] == ("Zork", "classifier")
    assert "learned from 48 labels of yours" in row[2]
    assert row[3:5] == ("Zork", "unsure brand")
    assert row[5].startswith("brand:")
    decided = prepared.execute(_LABEL, ["p1"]).fetchone()
    assert decided is not None
    assert (decided[0], decided[5]) == ("Jordan", None)
    assert label_products(prepared).labelled == 0

    # One label less is another model: what the rules answered is left alone.
    prepared.execute("delete from owner.product_override where partner_product_id = 'Blivet-0'")
    report = label_products(prepared)
    assert 0 < report.labelled < report.total
    prepared.execute("delete from owner.product_override")
    label_products(prepared)
    assert prepared.execute(_TRIAL).fetchone() == (0, False)
    assert prepared.execute(_LABEL, ["new"]).fetchone() == (None,) * 4 + ("no brand", None)
    assert label_products(prepared).labelled == 0
