"""Labels and matches against a real PostgreSQL: what is written, when, and what wins."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from soleflip_pipelines.catalog.matching import match_offers, match_purchases
from soleflip_pipelines.catalog.product_labelling import label_products
from soleflip_pipelines.catalog.rules import (
    SEEDS,
    TABLES,
    load_rules,
    load_rules_from_csv,
    read_csv,
)
from soleflip_pipelines.catalog.sale_matching import match_items, match_sales
from soleflip_pipelines.catalog.size_labelling import label_sizes
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.connection import connect

pytestmark = pytest.mark.integration

# The views that labelling and matching read, as tables with the columns that they read.
STAGING = """
create table staging.stg_stockx__products (
    partner_product_id text, title text, url_key text, brand_raw text, product_type_raw text,
    style_id_raw text, gender_raw text
);
create table staging.stg_stockx__variants (
    partner_variant_id text, partner_product_id text, size_raw text, gtins text[]
);
create table staging.stg_stockx__variant_sizes (
    partner_variant_id text, size_type text, size_text text, size_value text
);
create table staging.stg_stockx__orders (
    order_number text, partner_product_id text, partner_variant_id text, product_name text,
    style_id text, variant_value text
);
create table staging.stg_awin__offers (
    feed_id text, aw_product_id text, product_name text, description text, brand_raw text,
    category_raw text, mpn text, gtin text, size_raw text
);
create table staging.stg_csv__purchases (
    line_key text, product_name text, brand_raw text, style_code_raw text, size_raw text
);
create table staging.stg_ebay__order_lines (
    order_id text, line_item_id text, sku text, product_name text, size_raw text
);
create table staging.stg_alias__orders (
    order_number text, style_code_raw text, product_name text, size_raw text
);
create table staging.stg_alias__listings (
    listing_id text, catalog_id text, style_code_raw text, product_name text, size_raw text
);
create table staging.stg_csv__stockx_report (
    order_number text, style_code_raw text, product_name text, sku_name text, size_raw text
);
create table staging.stg_csv__ebay_report (
    order_number text, line_id text, sku text, product_name text, size_raw text
);
create table staging.stg_csv__alias_report (
    order_number text, style_code_raw text, product_name text, size_raw text
);
create table staging.stg_csv__sales (
    platform text, order_number text, style_code_raw text, product_name text, size_raw text
);
create table staging.stg_csv__stock_counts (
    count_key text, style_code_raw text, product_name text, size_raw text
);
create table staging.stg_csv__products (
    product_key text, style_code_raw text, product_name text, brand_raw text
);
insert into staging.stg_ebay__order_lines values
    ('e1', '1', '555001-101-US9.5', 'Sneaker wie neu', null),
    ('e1', '2', null, 'Air Jordan 9 575001-101 Herren', 'EU 42,5'),
    ('e2', '1', 'Regal 4', 'Schuhe Herren weiss', 'EU 43'),
    ('e3', '1', '555001 101 / EU 36', 'Sneaker', null),
    ('e4', '1', 'X-1', 'Essentials Fear of God Demo Hoodie', 'XXL');
insert into staging.stg_alias__orders values ('a1', '555001 101', 'Jordan 9 Retro Demo', '9');
insert into staging.stg_alias__listings values ('l1', 'demo-dd9001-100', null, null, '10');
insert into staging.stg_csv__stockx_report values
    ('o1', 'DD9001-100', 'Dunk', null, '10'), ('o0', 'DD9001-100', 'Dunk', null, '10');
insert into staging.stg_csv__ebay_report values
    ('e1', '1', '555001-101-US9.5', 'Sneaker wie neu', null);
insert into staging.stg_csv__sales values
    ('stockx', 'o1', 'DD9001-100', 'Dunk', '10'), ('private', 'p1', 'DD9001-100', 'Dunk', 'US 10');
insert into staging.stg_csv__stock_counts values ('c1', '575001101', 'Jordan', 'US 9');
insert into staging.stg_csv__products values
    ('DD9001100', 'DD9001-100', 'Dunk', 'Nike'), ('hat', null, 'Hat', null);
insert into staging.stg_stockx__products values
    ('p1', 'Jordan 9 Retro Demo', null, 'Jordan', 'sneakers', '555001-101/575001-101',
     'men'),
    ('p2', 'Essentials Fear of God Demo Hoodie', null, 'Fear of God', 'streetwear', null, 'unisex'),
    ('p3', 'Zzz Qqq', null, null, null, null, null);
insert into staging.stg_stockx__variants values
    ('v1', 'p1', '9', '{00195000000017}'), ('v2', 'p1', '9.5', '{00195000000024}'),
    ('v3', 'p2', 'XXL', '{00195000000031}'), ('v4', 'p2', 'L', '{00195000000031}');
insert into staging.stg_stockx__variant_sizes values
    ('v1', 'us m', 'US M 9', '9'), ('v1', 'eu', 'EU 42.5', '42.5'),
    ('v2', 'us m', 'US M 9.5', '9.5'), ('v2', 'eu', 'EU 43', '43');
insert into staging.stg_stockx__orders values
    ('o1', 'gone', 'vg', 'Nike Dunk Low Retired Demo', 'DD9001-100', '10');
insert into staging.stg_awin__offers values
    ('7', 'a1', 'Nike Laufschuhe Demo Damen, weiss', 'Text. | FQ9001-100', 'Nike',
     'Women''s Footwear', null, '00195000000017', '40,5'),
    ('7', 'a2', 'Demo Hoodie', null, null, null, null, '00195000000031', 'M');
insert into staging.stg_csv__purchases values
    ('s|1|1', 'Air Jordan 1 Demo', 'Jordan', '575001 101', 'EU 42,5'),
    ('s|1|2', 'essentials fear of god demo HOODIE', null, 'N/A', '2XL'),
    ('s|1|3', 'Dunk Low Retired', 'Nike', 'dd9001-100', 'US 10'),
    ('s|1|4', 'Something nobody knows', null, null, '42'),
    ('s|1|5', 'Air Jordan 1 Demo', 'Jordan', '555001-101', 'EU 36');
"""


@pytest.fixture
def prepared(settings: Settings) -> Iterator[psycopg.Connection]:
    """A database with the rules as dbt makes them and a handful of staging rows."""
    with connect(settings, role="transformer") as transformer:
        for table in TABLES:
            _load_seed(transformer, table)
        transformer.execute(STAGING)
        transformer.commit()
    with connect(settings, role="loader") as conn:
        yield conn


def _load_seed(conn: psycopg.Connection, table: str) -> None:
    rows = read_csv(SEEDS / f"{table}.csv")
    names = sql.SQL(", ").join(sql.Identifier(name) for name in rows[0])
    columns = sql.SQL(", ").join(sql.SQL("{} text").format(sql.Identifier(n)) for n in rows[0])
    target = sql.Identifier("reference", table)
    conn.execute(sql.SQL("create table {} ({})").format(target, columns))
    with conn.cursor().copy(sql.SQL("copy {} ({}) from stdin").format(target, names)) as copy:
        for row in rows:
            copy.write_row(list(row.values()))


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
    report = match_offers(prepared)
    assert (report.total, report.matched) == (2, 1)
    rows = prepared.execute(
        "select aw_product_id, partner_variant_id, match_method from enrichment.offer_match"
    ).fetchall()
    assert rows == [("a1", "v1", "gtin")]
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
