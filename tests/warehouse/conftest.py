"""A database with the catalog's rules and a handful of rows to label and match."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from soleflip_pipelines.catalog.rules import SEEDS, TABLES, read_csv
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.connection import connect

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
    category_raw text, mpn text, gtin text, size_raw text, colour text
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
    product_key text, style_code_raw text, product_name text, brand_raw text, gtin text
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
    ('DD9001100', 'DD9001-100', 'Dunk', 'Nike', null), ('hat', null, 'Hat', null, null);
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
     'Women''s Footwear', null, '00195000000017', '40,5', 'weiss'),
    ('7', 'a2', 'Demo Hoodie', null, null, null, null, '00195000000031', 'M', null);
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
