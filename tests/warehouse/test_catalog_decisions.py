"""The owner in the loop: what waits for a look, what a decision does, and what a label was."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner, Result

from soleflip_pipelines.catalog.product_labelling import label_products
from soleflip_pipelines.cli import app
from soleflip_pipelines.settings import Settings, get_settings
from soleflip_pipelines.warehouse.connection import connect

pytestmark = pytest.mark.integration

Catalog = Callable[..., Result]
NEW_BRANDS = """
insert into staging.stg_stockx__products values
    ('n1', 'Zorkwear Quilted Thing', null, 'Zörkwear', 'apparel', null, null),
    ('n2', 'Quilted Other Thing', null, 'Zorkwear', 'apparel', null, null),
    ('n3', 'Zorkwear x Nike Dunk Low Demo', null, 'Nike', 'sneakers', null, null),
    ('n4', 'Plain Thing', null, 'No Name Demo', 'apparel', null, null)
"""


@pytest.fixture
def labelled(settings: Settings, prepared: psycopg.Connection) -> psycopg.Connection:
    """Labels of the usual rows and of four whose brand field no rule knows."""
    with connect(settings, role="transformer", autocommit=True) as transformer:
        transformer.execute(NEW_BRANDS)
    prepared.autocommit = True
    label_products(prepared)
    return prepared


@pytest.fixture
def catalog(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Catalog]:
    """Runs `soleflip catalog` on the test's database."""
    monkeypatch.setenv("SOLEFLIP_HOME", str(settings.home))
    assert settings.database_url is not None
    monkeypatch.setenv("SOLEFLIP_DATABASE_URL", settings.database_url.get_secret_value())
    monkeypatch.setenv("COLUMNS", "200")
    get_settings.cache_clear()
    yield lambda *arguments: CliRunner().invoke(app, ["catalog", *arguments])
    get_settings.cache_clear()


def brand(conn: psycopg.Connection, product_id: str) -> tuple[Any, ...]:
    row = conn.execute(
        "select brand, parent_brand, review_reason from enrichment.product_label"
        " where platform = 'stockx' and partner_product_id = %s",
        [product_id],
    ).fetchone()
    assert row is not None
    return row


def test_what_is_unsure_waits_grouped_by_the_brand_it_may_be(
    labelled: psycopg.Connection, catalog: Catalog
) -> None:
    groups = {
        (group["reason"], group["proposed_brand"]): group
        for group in json.loads(catalog("review", "--json").stdout)
    }
    both = groups["new brand", "Zorkwear"]
    assert both["count"] == 2
    assert [example["product_id"] for example in both["examples"]] == ["n2", "n1"]
    assert groups["no brand", None]["examples"][0]["title"] == "Demo Hoodie"
    assert ("new brand", "Nike") not in groups
    shown = catalog("review", "--reason", "new brand").stdout
    assert "Quilted Other Thing" in shown
    assert "Demo Hoodie" not in shown


def test_new_brands_are_only_proposed_where_the_owner_wants_it_so(
    labelled: psycopg.Connection, catalog: Catalog
) -> None:
    label_products(labelled, creates_brands=False)
    assert brand(labelled, "n2") == (None, None, "new brand")
    assert "Zorkwear" in catalog("review", "--reason", "new brand").stdout
    assert catalog("accept", "Zorkwear").exit_code == 0
    label_products(labelled, creates_brands=False)
    assert brand(labelled, "n2") == ("Zörkwear", None, None)
    assert label_products(labelled).labelled > 0
    assert brand(labelled, "n4") == ("No Name Demo", None, "new brand")


def test_an_accepted_brand_is_a_brand_from_the_next_run_on(
    labelled: psycopg.Connection, catalog: Catalog
) -> None:
    done = catalog("accept", "zorkwear", "--as", "Zorkwear Berlin", "--parent", "adidas")
    assert done.exit_code == 0, done.output
    assert brand(labelled, "n2") == ("Zorkwear", None, "new brand")
    label_products(labelled)
    for product_id in ("n1", "n2"):
        assert brand(labelled, product_id) == ("Zorkwear Berlin", "adidas", None)
    assert brand(labelled, "n3")[0] == "Nike"
    (decision,) = json.loads(catalog("decisions", "--json").stdout)
    assert (decision["about"], decision["brand"]) == ("Zörkwear", "Zorkwear Berlin")
    catalog("undo", "Zorkwear")
    label_products(labelled)
    assert brand(labelled, "n2") == ("Zorkwear", None, "new brand")


def test_accepting_a_common_word_says_whose_products_it_would_take(
    settings: Settings, labelled: psycopg.Connection, catalog: Catalog
) -> None:
    with connect(settings, role="transformer", autocommit=True) as transformer:
        transformer.execute(
            "insert into staging.stg_stockx__products (partner_product_id, title, brand_raw) values"
            " ('n5', 'Woven Nike Hoodie', null), ('n6', 'Woven Nike Shirt', 'Nike'),"
            " ('n7', 'Woven Thing', 'Woven')"
        )
    label_products(labelled)
    asked = catalog("accept", "Woven")
    assert asked.exit_code == 1
    assert "1 products of Nike would be Woven:\n  Woven Nike Hoodie" in asked.stdout
    assert catalog("accept", "Woven", "--yes").exit_code == 0
    label_products(labelled)
    found = [brand(labelled, product_id)[0] for product_id in ("n5", "n6", "n7")]
    assert found == ["Woven", "Nike", "Woven"]


def test_a_rejected_brand_names_nothing_any_more(
    labelled: psycopg.Connection, catalog: Catalog
) -> None:
    assert "1 products" in catalog("reject", "no name demo").stdout
    label_products(labelled)
    assert brand(labelled, "n4") == (None, None, "no brand")
    refused = catalog("reject", "Nobody Ever")
    assert "no product waits for a brand Nobody Ever" in str(refused.exception)
    assert "known as Nike" in str(catalog("accept", "nike").exception)


def test_a_pattern_that_takes_from_another_brand_is_shown_and_needs_a_yes(
    labelled: psycopg.Connection, catalog: Catalog
) -> None:
    effect = json.loads(catalog("pattern", "dunk low", "Zork", "--json").stdout)
    (conflict,) = effect["conflicts"]
    assert conflict == {
        "brand": "Nike", "count": 1, "examples": ["Zorkwear x Nike Dunk Low Demo"],
    }  # fmt: skip
    asked = catalog("pattern", "dunk low", "Zork")
    assert asked.exit_code == 1
    assert "1 products of Nike would be Zork" in asked.stdout
    assert json.loads(catalog("decisions", "--json").stdout) == []

    assert catalog("pattern", "dunk low", "Zork", "--yes").exit_code == 0
    to_come = catalog("pattern", "panda", "Vans")
    assert to_come.exit_code == 1
    assert "known titles of Nike would be Vans" in to_come.stdout
    harmless = catalog("pattern", "Zzz  Qqq", "vans")
    assert "names Vans, also of 1 products without a sure brand" in harmless.stdout
    told = [
        CliRunner().invoke(app, ["detect", "Zzz Qqq", "--json", *own]) for own in ([], ["--own"])
    ]
    assert [json.loads(answer.stdout)["brand"] for answer in told] == [None, "Vans"]
    label_products(labelled)
    assert brand(labelled, "n3")[0] == "Zork"
    kept = labelled.execute("select pattern, brand from owner.brand_pattern order by 1").fetchall()
    assert kept == [("dunk low", "Zork"), ("zzz qqq", "Vans")]
    assert "no letter" in str(catalog("pattern", "!?", "Vans").exception)


def test_one_product_is_corrected_field_by_field(
    labelled: psycopg.Connection, catalog: Catalog
) -> None:
    assert "set Plain Thing" in catalog("set", "stockx", "n4", "--brand", "levis").stdout
    catalog("set", "stockx", "n4", "--category", "bags")
    label_products(labelled)
    assert brand(labelled, "n4") == ("Levi's", None, None)
    row = labelled.execute(
        "select category, category_rule from enrichment.product_label"
        " where partner_product_id = 'n4'"
    ).fetchone()
    assert row == ("bags", "owner:override")
    assert "choose one of" in str(catalog("set", "stockx", "n4", "--category", "x").exception)
    assert "has no product" in str(catalog("set", "stockx", "?", "--brand", "Nike").exception)
    assert catalog("undo", "stockx", "n4").exit_code == 0
    assert "nothing is decided" in str(catalog("undo", "stockx", "n4").exception)


def test_every_change_of_a_label_is_kept_and_nothing_else(labelled: psycopg.Connection) -> None:
    def history(product_id: str) -> list[tuple[Any, ...]]:
        return labelled.execute(
            "select brand, category, brand_rule from history.product_label_change"
            " where partner_product_id = %s order by valid_from",
            [product_id],
        ).fetchall()

    first = ("Nike", "sneakers", "brand:nike")
    assert history("n3") == [first]
    labelled.execute("insert into owner.brand_pattern (pattern, brand) values ('x nike', 'Zork')")
    report = label_products(labelled)
    assert report.changed == 1
    assert (report.mix_before["stockx"]["Nike"], report.mix_after["stockx"]["Zork"]) == (1, 1)
    labelled.execute("delete from owner.brand_pattern")
    assert label_products(labelled).changed == 1
    assert history("n3") == [first, ("Zork", "sneakers", "owner:x nike"), first]
    assert label_products(labelled).changed == 0
    assert history("n4") == [("No Name Demo", "apparel", "hint:unknown")]
