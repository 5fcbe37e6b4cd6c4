"""The checks of labels and matches: what they say of good rows and of bad ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import dagster as dg
import psycopg
import pytest

from soleflip_pipelines.catalog.accuracy import measure_shipped
from soleflip_pipelines.catalog.catalogue import resolve_stockx
from soleflip_pipelines.catalog.identity_decisions import merge_products
from soleflip_pipelines.catalog.matching import match_purchases, match_sales
from soleflip_pipelines.catalog.product_labelling import label_products
from soleflip_pipelines.catalog.size_labelling import label_sizes
from soleflip_pipelines.defs.identity_checks import code_share, identity_results, match_results
from soleflip_pipelines.defs.label_checks import (
    accuracy_metadata,
    accuracy_results,
    brand_shift,
    product_results,
    size_results,
)
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.connection import connect

pytestmark = pytest.mark.integration

IDENTITY = "enrichment.stockx_identity"


def named(results: Iterable[dg.AssetCheckResult]) -> dict[str, dg.AssetCheckResult]:
    found = {str(result.check_name): result for result in results}
    assert all(result.severity == dg.AssetCheckSeverity.WARN for result in found.values())
    return found


def text(result: dg.AssetCheckResult, name: str) -> str:
    return str(result.metadata[name].value)


def test_labels_that_abstain_and_numbers_of_two_products_are_named(
    settings: Settings, prepared: psycopg.Connection
) -> None:
    prepared.autocommit = True
    checks = named(product_results(prepared, "enrichment.product_label", label_products(prepared)))
    assert not checks["few_abstentions"].passed
    assert "| stockx | 3 | 1 | 1 | 1 |" in text(checks["few_abstentions"], "labels")
    assert named(identity_results(prepared, IDENTITY))["no_doubled_identity"].passed
    assert code_share(prepared) == pytest.approx(0.3333)
    assert checks["steady_brand_mix"].passed
    with connect(settings, role="transformer", autocommit=True) as transformer:
        transformer.execute(
            "insert into staging.stg_stockx__products values ('p9', 'Jordan 9 Retro Demo Again',"
            " null, 'Jordan', 'sneakers', '555001-101', 'men');"
            "insert into staging.stg_stockx__variants values ('v9', 'p9', '9', '{00195000000017}');"
            "delete from staging.stg_stockx__products where partner_product_id = 'p3';"
            "delete from staging.stg_awin__offers"
        )
    checks = named(product_results(prepared, "enrichment.product_label", label_products(prepared)))
    assert checks["few_abstentions"].passed
    doubled = named(identity_results(prepared, IDENTITY))["no_doubled_identity"]
    assert not doubled.passed
    assert "- barcode 00195000000017: p1 and p9" in text(doubled, "for example")
    assert "- style code 555001101 sneaker: p1 and p9" in text(doubled, "for example")
    merge_products(prepared, "p1", "p9")
    resolve_stockx(prepared)
    assert named(identity_results(prepared, IDENTITY))["no_doubled_identity"].passed


def test_a_brand_mix_that_moves_is_seen_where_there_are_enough_products(
    prepared: psycopg.Connection,
) -> None:
    assert brand_shift({"Nike": 80, "Vans": 20}, {"Nike": 160, "Vans": 40}) == 0
    assert brand_shift({"Nike": 80, "Vans": 20}, {"Nike": 60, "Zork": 40}) == pytest.approx(0.4)
    prepared.autocommit = True
    report = label_products(prepared)
    for before, passed in ({"Nike": 49}, True), ({"Nike": 50}, False), ({"Zork": 60}, True):
        mixes = replace(
            report, mix_before={"stockx": before}, mix_after={"stockx": {"Zork": 60, "Nike": 5}}
        )
        checks = named(product_results(prepared, "enrichment.product_label", mixes))
        assert checks["steady_brand_mix"].passed is passed
    shown = text(checks["steady_brand_mix"], "moved most")
    assert "stockx Nike: 0 → 5 (+7.7%)" in shown


def test_lines_without_a_product_and_sizes_that_nobody_understands_are_named(
    settings: Settings, prepared: psycopg.Connection
) -> None:
    prepared.autocommit = True
    with connect(settings, role="transformer", autocommit=True) as transformer:
        transformer.execute(
            "insert into staging.stg_stockx__variants values ('vx', 'p1', '?!%', '{}')"
        )
    label_products(prepared)
    sizes = named(size_results(prepared, "enrichment.size_label", label_sizes(prepared)))
    assert not sizes["sizes_are_understood"].passed
    assert "?!% (Jordan): 1" in text(sizes["sizes_are_understood"], "for example")
    address = "enrichment.purchase_match"
    bought = named(match_results(prepared, address, match_purchases(prepared)))
    assert not bought["most_are_matched"].passed
    assert "- s|1|4 (no style code)" in text(bought["most_are_matched"], "for example")
    address = "enrichment.sale_match"
    sold = named(match_results(prepared, address, match_sales(prepared)))
    assert "- api ebay e3 1 (555001 101)" in text(sold["most_are_matched"], "for example")


def test_accuracy_is_measured_once_for_the_same_rules_and_falls_with_bad_ones(
    prepared: psycopg.Connection,
) -> None:
    prepared.autocommit = True
    address = "enrichment.catalog_accuracy"
    first = measure_shipped(prepared)
    assert first.is_measured_now
    assert {figure.kind for figure in first.figures} == {"brand", "category", "style-code", "size"}
    assert named(accuracy_results(address, first))["right_enough"].passed
    again = measure_shipped(prepared)
    assert not again.is_measured_now
    assert again.figures == first.figures

    prepared.execute("insert into owner.brand_pattern (pattern, brand) values ('nike', 'Zork')")
    worse = measure_shipped(prepared)
    assert worse.is_measured_now
    check = named(accuracy_results(address, worse))["right_enough"]
    assert not check.passed
    assert text(check, "below their floor") == "brand"
    shown = accuracy_metadata(worse)
    assert "| Nike | Zork | owner:nike |" in shown["worst of brand"].value
    assert "| true | said | rows |" in shown["confused, brand"].value
    assert "| Nike | Zork |" in shown["confused, brand"].value
    assert "right at the floor" in shown["accuracy"].value
