"""The owner's merges, splits and sizes: refused where they contradict, followed by every mart."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from typer.testing import CliRunner, Result

from soleflip_pipelines.catalog.catalogue import resolve_stockx
from soleflip_pipelines.catalog.matching import (
    match_items,
    match_offers,
    match_purchases,
    match_sales,
)
from soleflip_pipelines.catalog.product_labelling import label_products
from soleflip_pipelines.catalog.size_labelling import label_sizes
from soleflip_pipelines.cli import app
from soleflip_pipelines.settings import Settings, get_settings
from soleflip_pipelines.warehouse import publish
from soleflip_pipelines.warehouse.connection import connect
from soleflip_pipelines.warehouse.embedded import ServerAddress
from soleflip_pipelines.warehouse.loader import BatchSource, RawTable, Record, load_batch
from tests.conftest import create_database, settings_for
from tests.warehouse import small_business
from tests.warehouse.small_business import stable_id

pytestmark = pytest.mark.integration

Catalog = Callable[..., Result]
TWIN = """
insert into staging.stg_stockx__products values
    ('p9', 'Jordan 9 Retro Demo Again', null, 'Jordan', 'sneakers', '555009-109', 'men');
insert into staging.stg_stockx__variants values
    ('v9', 'p9', '9', '{00195000009999}'), ('v10', 'p9', '10', '{}');
insert into staging.stg_csv__purchases values
    ('s|2|1', 'Jordan 9 Retro Demo Again', null, '555009-109', 'US 9'),
    ('s|2|2', 'Jordan 9 Retro Demo Again', null, null, 'US 10');
"""
TIE = """
insert into staging.stg_stockx__products values
    ('p8', 'Jordan 9 Demo Twin', null, 'Jordan', 'sneakers', '575001-101/555001-101', 'men');
insert into staging.stg_stockx__variants values ('v8', 'p8', '9', '{}');
insert into staging.stg_csv__purchases values
    ('s|2|3', 'Jordan Thing', null, '555001-101', 'US 9');
"""
REFUSED = {
    ("merge", "p1", "p1"): "are one product already",
    ("merge", "p1", "nobody"): "there is no product nobody",
    ("merge", "p3", "p9"): "is merged into p1: name that one",
    ("merge", "p9", "p3"): "is merged into p1: name that one",
    ("merge", "p3", "p1"): "was given to Jordan 9 Retro Demo",
    ("merge", "p1", "p2"): "--yes merges them all the same",
    ("split", "p2", "--item", "XXL", "--item", "L"): "nothing would be left of it",
    ("split", "p2", "--item", "44"): "has no one size 44: its sizes are",
    ("split", "p2", "--item", "purchase:s|1|1"): "is not taken for Essentials",
    ("split", "p2", "--item", "purchase:nope"): "there is no purchase nope",
    ("split", "p2", "--item", "purchase:s|1|2", "--name", "X"): "a new product is made of",
    ("split", "p2", "--item", "L", "--to", "p2"): "the very product",
    ("assign", "purchase:nope", "p2"): "there is no purchase nope",
    ("assign", "shoe:nope", "p2"): "shoe:nope names no item",
    ("assign", "purchase:s|1|1", "p9"): "is merged into p1",
    ("size", "T 42", "XX", "42"): "is no size system",
    ("size", "T 42", "ALPHA", "banana"): "is no size in ALPHA",
    ("size", "T 42", "EU", "42", "--audience", "cats"): "is no audience",
    ("size", "T 42", "EU", "42", "--brand", "Nike", "--product", "p1"): "not both",
    ("undo", "p3"): "nothing is decided about p3",
}


@pytest.fixture
def labelled(settings: Settings, prepared: psycopg.Connection) -> psycopg.Connection:
    """The usual rows, and a product that StockX has twice."""
    with connect(settings, role="transformer", autocommit=True) as transformer:
        transformer.execute(TWIN)
    prepared.autocommit = True
    label_products(prepared)
    return prepared


@pytest.fixture
def catalog(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Catalog]:
    """Runs `soleflip catalog` on the test's database."""
    yield from _catalog_of(settings, monkeypatch)


def _catalog_of(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Catalog]:
    monkeypatch.setenv("SOLEFLIP_HOME", str(settings.home))
    assert settings.database_url is not None
    monkeypatch.setenv("SOLEFLIP_DATABASE_URL", settings.database_url.get_secret_value())
    monkeypatch.setenv("COLUMNS", "200")
    get_settings.cache_clear()
    yield lambda *arguments: CliRunner().invoke(app, ["catalog", *arguments])
    get_settings.cache_clear()


def bought(conn: psycopg.Connection) -> dict[str, tuple[Any, ...]]:
    """What the purchase lines are after another matching."""
    resolve_stockx(conn)
    match_purchases(conn)
    return {
        row[0]: row[1:]
        for row in conn.execute(
            "select line_key, partner_product_id, partner_variant_id, match_method"
            " from enrichment.purchase_match"
        )
    }


def test_a_tie_waits_with_its_candidates_and_the_owner_decides_it(
    settings: Settings, labelled: psycopg.Connection, catalog: Catalog
) -> None:
    with connect(settings, role="transformer", autocommit=True) as transformer:
        transformer.execute(TIE)
    label_products(labelled)
    assert bought(labelled)["s|2|3"] == (None, None, "none")
    (waiting,) = labelled.execute(
        "select candidates from enrichment.purchase_match where line_key = 's|2|3'"
    ).fetchall()
    assert [found["product_id"] for found in waiting[0]] == ["p1", "p8"]
    shown = catalog("undecided").output
    assert "s|2|3" in shown
    assert "Jordan 9 Demo Twin" in shown
    assert catalog("assign", "purchase:s|2|3", "p8", "--group").exit_code == 0
    decided = bought(labelled)
    assert decided["s|2|3"] == ("p8", "v8", "owner")
    assert decided["s|1|1"][0] == "p8"  # which was undecided between the same two
    assert catalog("split", "p2", "--item", "L").exit_code == 0
    listed = {row["about"]: row for row in json.loads(catalog("decisions", "--json").output)}
    assert listed.pop("purchase:s|2|3")["decision"] == "assigned to p8"
    assert "split off to own-" in listed.pop("variant:v4")["decision"]
    assert {row["decision"] for row in listed.values()} == {"assigned to p8"}
    assert f"{len(listed) + 1} decisions are" in catalog("undo", "purchase:s|2|3", "--group").output
    undone = bought(labelled)
    assert undone["s|2|3"][2] == undone["s|1|1"][2] == "none"
    assert [row["about"] for row in json.loads(catalog("decisions", "--json").output)] == [
        "variant:v4"
    ]
    assert catalog("assign", "purchase:s|2|3", "p8", "--group").exit_code == 0
    assert catalog("undo", "purchase:s|2|3").exit_code == 0
    undone = bought(labelled)
    assert (undone["s|2|3"][2], undone["s|1|1"][2]) == ("none", "owner")


def test_merged_products_are_one_for_every_line(
    labelled: psycopg.Connection, catalog: Catalog
) -> None:
    assert bought(labelled)["s|2|1"] == ("p9", "v9", "style_code")
    assert catalog("merge", "p1", "p9").exit_code == 0
    merged = bought(labelled)
    # The size that both have is the kept one's; the other keeps its own id.
    assert merged["s|2|1"] == ("p1", "v1", "style_code")
    assert merged["s|2|2"] == ("p1", "v10", "title")
    again = match_purchases(labelled)
    assert (again.written, again.removed) == (0, 0)
    assert catalog("undo", "p9").exit_code == 0
    assert bought(labelled)["s|2|2"] == ("p9", "v10", "title")


def test_sizes_split_off_are_a_product_and_lines_follow(
    labelled: psycopg.Connection, catalog: Catalog
) -> None:
    bought(labelled)
    done = catalog("split", "p9", "--item", "10", "--name", "Jordan 9 Sample")
    assert done.exit_code == 0
    split = bought(labelled)
    assert split["s|2|1"][:2] == ("p9", "v9")
    own = labelled.execute("select product_id, like_product_id from owner.split_product").fetchone()
    assert own is not None
    assert own[1] == "p9"
    assert split["s|2|2"][2] == "title"  # its own title is no longer this size's
    assert catalog("split", "p9", "--item", "purchase:s|2|1").exit_code == 0
    assert bought(labelled)["s|2|1"] == (None, None, "owner")
    assert catalog("set", "stockx", own[0], "--brand", "Nike").exit_code == 0
    assert catalog("undo", own[0]).exit_code == 0
    word = "select count(*) from owner.product_override"
    assert labelled.execute(word).fetchone() == (0,)
    assert labelled.execute("select count(*) from owner.split_product").fetchone() == (0,)
    assert bought(labelled)["s|2|2"] == ("p9", "v10", "title")


def test_what_contradicts_is_refused_with_a_sentence(
    labelled: psycopg.Connection, catalog: Catalog
) -> None:
    bought(labelled)
    assert catalog("merge", "p1", "p9").exit_code == 0
    for arguments, sentence in REFUSED.items():
        result = catalog(*arguments)
        assert result.exit_code != 0, arguments
        assert sentence in str(result.exception), arguments
    assert labelled.execute("select count(*) from owner.identity_decision").fetchone() == (1,)
    assert labelled.execute("select count(*) from owner.size_correction").fetchone() == (0,)


def test_the_narrowest_correction_of_a_size_wins(
    settings: Settings, labelled: psycopg.Connection, catalog: Catalog
) -> None:
    with connect(settings, role="transformer", autocommit=True) as transformer:
        transformer.execute("update staging.stg_stockx__variants set size_raw = 'T-Nine'"
                            " where partner_variant_id in ('v1', 'v9', 'v3')")  # fmt: skip
    for arguments in (("EU", "41"), ("EU", "42", "--brand", "Jordan"),
                      ("US", "9", "--audience", "men", "--product", "p9")):  # fmt: skip
        assert catalog("size", "t-nine", *arguments).exit_code == 0
    label_sizes(labelled)
    found = {
        row[:2]: row[2:]
        for row in labelled.execute(
            "select brand, partner_product_id, size_key, eu_size, confidence"
            " from enrichment.size_label where size_raw = 'T-Nine'"
        )
    }
    assert found["Jordan", "p9"][0] == "US M 9"
    assert found["Jordan", ""][1] == "42"
    assert found["Fear of God", ""][0] == "EU 41"
    assert {row[2] for row in found.values()} == {1}
    # The marketplace's own conversions still find the variant: v1 is EU 42.5 there.
    assert bought(labelled)["s|1|1"][:2] == ("p1", "v1")
    assert catalog("undo", "T-NINE").exit_code == 0
    label_sizes(labelled)
    assert labelled.execute(
        "select distinct size_system from enrichment.size_label where size_raw = 'T-Nine'"
    ).fetchall() == [("OTHER",)]


def test_a_barcode_counts_with_a_right_check_digit_alone(prepared: psycopg.Connection) -> None:
    for raw, gtin in {
        "4006381333931": "04006381333931", " 96385074 ": "00000096385074",
        "190000058405": "00190000058405", "4006381333932": None, "400638133393": None,
        "": None, "000000000000": None, "40063813339310": None, None: None,
    }.items():  # fmt: skip
        assert prepared.execute("select enrichment.gtin14(%s)", [raw]).fetchone() == (gtin,)


@pytest.fixture(scope="module")
def warehouse(
    server: ServerAddress, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """The small business with a second product, of which one size was bought and sold."""
    name = f"identity_{uuid4().hex[:8]}"
    create_database(server, name, template=template_database)
    settings = settings_for(server, name, tmp_path_factory.mktemp("identity"))
    with connect(settings, "loader") as conn:
        small_business.load_small_business(conn)
        _load_second_product(conn)
    publish.prepare_dbt(settings)
    yield settings
    with psycopg.connect(server.url("postgres"), autocommit=True) as conn:
        conn.execute(f'drop database "{name}" with (force)')


def _load_second_product(conn: psycopg.Connection) -> None:
    def load(table: RawTable, *payloads: tuple[str, dict[str, Any]]) -> None:
        rows = [Record((key,), payload) for key, payload in payloads]
        load_batch(conn, table, rows, BatchSource("test", "api"))

    load(small_business.PRODUCTS, ("P-9", {"productId": "P-9", "title": "Jordan 1 Demo Again"}))
    load(
        small_business.VARIANTS,
        *(
            (key, {"variantId": key, "productId": product, "variantValue": size})
            for key, product, size in (
                ("V-1", "P-1", "10"), ("V-2", "P-1", "11"), ("V-91", "P-9", "10"),
                ("V-92", "P-9", "12"),
            )
        ),
    )  # fmt: skip
    orders = []
    for number, variant, size in (("S-20", "V-91", "10"), ("S-21", "V-92", "12")):
        sold = small_business.order(number, "COMPLETED", "2026-03-16T10:00:00.000Z", "150", "EUR")
        sold["product"] = {"productId": "P-9", "productName": "Jordan 1 Demo Again"}
        sold["variant"] = {"variantId": variant, "variantValue": size}
        orders.append((number, sold))
    load(small_business.ORDERS, *orders)
    again = "Jordan 1 Demo Again"
    bought = {
        "shop|Y|1": small_business.purchase(
            "shop|Y|1", product_name=again, size="10", quantity="4"
        ),
        "shop|Z|1": small_business.purchase("shop|Z|1", product_name=again, size="US 12"),
    }
    load(small_business.PURCHASES, *bought.items())


def _rebuild(settings: Settings, build_id: str) -> None:
    with connect(settings, "loader", autocommit=True) as conn:
        label_products(conn)
        label_sizes(conn)
        resolve_stockx(conn)
        for match in (match_purchases, match_offers, match_sales, match_items):
            match(conn)
    publish.build_marts(settings, build_id)


def _ask(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    with connect(settings, "reader") as conn:
        return conn.execute(query.encode()).fetchall()


def test_sales_stock_and_costs_follow_a_merge_and_a_split(
    warehouse: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    (catalog,) = _catalog_of(warehouse, monkeypatch)
    sales = """
        select o.order_number, p.stockx_product_id, v.stockx_variant_id, o.cost_eur is not null
        from sales."order" o
        left join catalog.product p on p.id = o.product_id
        left join catalog.variant v on v.id = o.variant_id
        where o.order_number in ('S-20', 'S-21') order by 1
    """
    assert catalog("merge", "P-1", "P-9").exit_code == 0
    _rebuild(warehouse, "merged")
    # S-20's pair comes out of the kept product's stock of the same size.
    assert _ask(warehouse, sales) == [("S-20", "P-1", "V-1", True), ("S-21", "P-1", "V-92", True)]
    assert _ask(warehouse, "select stockx_product_id, sale_count > 2 from catalog.product") == [
        ("P-1", True)
    ]
    variants = "select stockx_variant_id from catalog.variant order by 1"
    assert _ask(warehouse, variants) == [("V-1",), ("V-2",), ("V-92",)]
    unit = "select product_id, cost_eur from inventory.stock where line_key = 'shop|Z|1'"
    (before,) = _ask(warehouse, unit)
    assert before[0] == stable_id("product", "stockx", "P-1")
    total = 'select count(*), sum(gross_sale_eur), sum(cost_eur) from sales."order"'
    (totals,) = _ask(warehouse, total)

    done = catalog("split", "P-1", "--item", "12", "--name", "Jordan 1 Sample")
    assert done.exit_code == 0
    own = next(word for word in done.output.replace(":", " ").split() if word.startswith("own-"))
    said = catalog("set", "stockx", own, "--brand", "Levis", "--category", "apparel",
                   "--style-code", "QX1-100")  # fmt: skip
    assert "set Jordan 1 Sample" in said.output
    with connect(warehouse, "loader", autocommit=True) as conn:
        conn.execute("update raw_csv.purchases set payload = payload || jsonb_build_object("
                     "'product_name', 'Jordan 1 Sample') where line_key = 'shop|Z|1'")  # fmt: skip
    _rebuild(warehouse, "split")
    assert _ask(warehouse, sales) == [("S-20", "P-1", "V-1", True), ("S-21", own, "V-92", True)]
    (after,) = _ask(warehouse, unit)
    assert after == (stable_id("product", "stockx", own), before[1])
    assert _ask(warehouse, total) == [totals]
    named = ("select name, sku, brand, category, enrichment_data ->> 'brand_rule'"
             " from catalog.product where stockx_product_id = ")  # fmt: skip
    assert _ask(warehouse, f"{named}'{own}'") == [
        ("Jordan 1 Sample", "QX1-100", "Levi's", "apparel", "owner:override")
    ]
    assert _ask(warehouse, f"{named}'P-1'")[0][2:4] != ("Levi's", "apparel")
    identity = "select item_key, match_method from catalog.item_identity where kind = 'variant'"
    assert dict(_ask(warehouse, identity)) == {
        "V-1": "partner_id", "V-2": "partner_id", "V-91": "owner", "V-92": "owner",
    }  # fmt: skip
