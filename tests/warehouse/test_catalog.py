"""Labels and matches against a real PostgreSQL: what is written, when, and what wins."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from soleflip_pipelines.catalog.matching import (
    match_items,
    match_offers,
    match_purchases,
    match_sales,
)
from soleflip_pipelines.catalog.product_labelling import label_products
from soleflip_pipelines.catalog.rules import (
    load_rules,
    load_rules_from_csv,
)
from soleflip_pipelines.catalog.size_labelling import label_sizes
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.connection import connect

pytestmark = pytest.mark.integration


def _label(conn: psycopg.Connection, key: str, platform: str = "stockx") -> dict[str, Any]:
    with conn.cursor(row_factory=psycopg.rows.dict_row) as cur:
        cur.execute(
            "select * from enrichment.product_label"
            " where (platform, partner_product_id) = (%s, %s)",
            [platform, key],
        )
        row = cur.fetchone()
    assert row is not None
    return row


def test_rules_in_the_database_equal_the_files(prepared: psycopg.Connection) -> None:
    assert load_rules(prepared).version == load_rules_from_csv().version


def test_products_are_labelled_with_their_proof(prepared: psycopg.Connection) -> None:
    report = label_products(prepared)
    assert (report.labelled, report.total, report.with_brand) == (5, 5, 3)
    jordan = _label(prepared, "p1")
    assert (jordan["brand"], jordan["parent_brand"]) == ("Jordan", "Nike")
    assert (jordan["category"], jordan["style_code"]) == ("sneakers", "555001-101")
    assert sorted(jordan["style_keys"]) == ["555001101", "575001101"]
    assert jordan["brand_confidence"] > 0.9
    essentials = _label(prepared, "p2")
    assert (essentials["brand"], essentials["category"]) == ("Fear of God", "apparel")
    assert essentials["collaborators"] == ["Essentials"]
    offer = _label(prepared, "7:a1", "awin")
    assert (offer["brand"], offer["category"]) == ("Nike", "sneakers")
    assert offer["style_code"] == "FQ9001-100"
    unknown = _label(prepared, "p3")
    assert (unknown["brand"], unknown["category"], unknown["style_code"]) == (None, None, None)


def test_only_what_changed_is_labelled_again(
    settings: Settings, prepared: psycopg.Connection
) -> None:
    label_products(prepared)
    before = _label(prepared, "p1")
    assert label_products(prepared).labelled == 0
    with connect(settings, role="transformer", autocommit=True) as transformer:
        transformer.execute(
            "update staging.stg_stockx__products set title = 'Nike Dunk Low Demo',"
            " brand_raw = 'Nike' where partner_product_id = 'p2'"
        )
        transformer.execute(
            "delete from staging.stg_stockx__products where partner_product_id = 'p3'"
        )
    report = label_products(prepared)
    assert (report.labelled, report.removed, report.total) == (1, 1, 4)
    assert _label(prepared, "p2")["brand"] == "Nike"
    assert _label(prepared, "p1") == before


def test_the_owner_wins_and_a_new_pattern_reaches_everything(
    prepared: psycopg.Connection,
) -> None:
    label_products(prepared)
    prepared.execute(
        "insert into owner.product_override (platform, partner_product_id, brand, style_code)"
        " values ('stockx', 'p3', 'My Label', 'ML-1')"
    )
    prepared.execute("insert into owner.brand_pattern (pattern, brand) values ('demo', 'Demo Co')")
    prepared.commit()
    report = label_products(prepared)
    assert report.labelled == 5
    corrected = _label(prepared, "p3")
    assert (corrected["brand"], corrected["brand_rule"]) == ("My Label", "owner:override")
    assert (corrected["style_key"], corrected["brand_confidence"]) == ("ML1", 1)
    assert _label(prepared, "p1")["brand"] == "Demo Co"


def test_sizes_are_read_once_per_context(prepared: psycopg.Connection) -> None:
    label_products(prepared)
    report = label_sizes(prepared)
    assert report.unknown == 0
    rows = prepared.execute(
        "select size_raw, brand, audience_hint, size_key, us_size, eu_size"
        " from enrichment.size_label where brand in ('Jordan', 'Nike') and category = 'sneakers'"
    ).fetchall()
    assert ("9", "Jordan", "men", "US M 9", "9", "42.5") in rows
    assert ("40,5", "Nike", "women", "US W 9", "9W", "40.5") in rows
    assert label_sizes(prepared).written == 0


def test_purchases_find_their_variants(prepared: psycopg.Connection) -> None:
    label_products(prepared)
    report = match_purchases(prepared)
    found = {
        row[0]: row[1:]
        for row in prepared.execute(
            "select line_key, partner_product_id, partner_variant_id, match_method, size_key"
            " from enrichment.purchase_match"
        )
    }
    assert found == {
        "s|1|1": ("p1", "v1", "style_code", "US M 9"),
        "s|1|2": ("p2", "v3", "title", "ALPHA XXL"),
        "s|1|3": ("gone", "vg", "style_code", "US M 10"),
        "s|1|4": (None, None, "none", None),
        "s|1|5": ("p1", None, "style_code", "US M 4"),
    }
    assert (report.total, report.matched) == (5, 3)
    again = match_purchases(prepared)
    assert (again.written, again.removed) == (0, 0)


def test_offers_match_by_a_number_that_one_variant_has(prepared: psycopg.Connection) -> None:
    label_products(prepared)
    report = match_offers(prepared)
    # The barcode that two sizes of one product claim names the product alone.
    assert (report.total, report.matched) == (2, 1)
    rows = prepared.execute(
        "select aw_product_id, partner_variant_id, match_method from enrichment.offer_match"
    ).fetchall()
    assert rows == [("a1", "v1", "gtin"), ("a2", None, "gtin")]
    assert match_offers(prepared).written == 0


def test_sales_of_all_doors_find_their_variants(prepared: psycopg.Connection) -> None:
    label_products(prepared)
    report = match_sales(prepared)
    found = {
        row[:4]: row[4:]
        for row in prepared.execute(
            "select source, platform, order_number, order_line, partner_product_id,"
            " partner_variant_id, match_method from enrichment.sale_match"
        )
    }
    # The API's own order o1 names its variant itself: neither report nor sheet is asked.
    assert found == {
        ("api", "ebay", "e1", "1"): ("p1", "v2", "style_code"),
        ("api", "ebay", "e1", "2"): ("p1", "v1", "style_code"),
        ("api", "ebay", "e2", "1"): (None, None, "none"),
        ("api", "ebay", "e3", "1"): ("p1", None, "style_code"),
        ("api", "ebay", "e4", "1"): ("p2", "v3", "title"),
        ("api", "alias", "a1", "1"): ("p1", "v1", "style_code"),
        ("report", "stockx", "o0", "1"): ("gone", "vg", "style_code"),
        ("report", "ebay", "e1", "1"): ("p1", "v2", "style_code"),
        ("sheet", "private", "p1", "1"): ("gone", "vg", "style_code"),
    }
    assert (report.total, report.matched) == (9, 7)
    again = match_sales(prepared)
    assert (again.written, again.removed) == (0, 0)


def test_listings_counts_and_lists_find_their_articles(prepared: psycopg.Connection) -> None:
    label_products(prepared)
    match_items(prepared)
    rows = prepared.execute(
        "select kind, item_key, partner_product_id, partner_variant_id, match_method"
        " from enrichment.item_match order by kind, item_key"
    ).fetchall()
    assert rows == [
        ("count", "c1", "p1", "v1", "style_code"),
        ("listing", "l1", "gone", "vg", "style_code"),
        ("product", "DD9001100", "gone", None, "style_code"),
        ("product", "hat", None, None, "none"),
    ]
