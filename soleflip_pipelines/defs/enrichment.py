"""What the catalog rules decide: labels of products and sizes, and matches, each with its proof.

Also how right those rules are. What is decided how belongs to `soleflip_pipelines.catalog`.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import dagster as dg
import psycopg

from soleflip_pipelines.catalog import (
    accuracy,
    catalogue,
    matching,
    product_labelling,
    size_labelling,
)
from soleflip_pipelines.catalog.schema import validate_product_label
from soleflip_pipelines.defs.checks import schema_check
from soleflip_pipelines.defs.identity_checks import (
    code_share,
    identity_checks,
    identity_results,
    match_checks,
    match_results,
)
from soleflip_pipelines.defs.label_checks import (
    accuracy_checks,
    accuracy_metadata,
    accuracy_results,
    product_checks,
    product_results,
    size_checks,
    size_results,
)
from soleflip_pipelines.defs.resources import WarehouseResource
from soleflip_pipelines.defs.support import table_spec, written

Result = dg.MaterializeResult[Any]
RULES = ["reference.brand_rule", "reference.category_rule", "reference.style_code_rule"]


@dg.multi_asset(
    specs=[
        table_spec(
            "enrichment.product_label",
            "One row per product of a partner: brand, category and style code, each with the rule "
            "that decided it and how sure it is.",
            deps=[
                "staging.stg_stockx__products",
                "staging.stg_stockx__variants",
                "staging.stg_awin__offers",
                *RULES,
            ],
        )
    ],
    check_specs=[
        schema_check("enrichment.product_label"),
        *product_checks("enrichment.product_label"),
    ],
)
def enrichment_product_label(warehouse: WarehouseResource) -> Iterator[Result]:
    """Label what is new or changed, and everything when a rule changed."""
    with warehouse.connect() as conn:
        creates = warehouse.settings.new_brands == "create"
        report = product_labelling.label_products(conn, creates_brands=creates)
        yield written(
            conn,
            "enrichment.product_label",
            report.as_metadata(),
            validate=validate_product_label,
            checks=product_results(conn, "enrichment.product_label", report),
        )


@dg.multi_asset(
    specs=[
        table_spec(
            "enrichment.size_label",
            "One row per size text in its context: system, audience, value and master size.",
            deps=[
                "enrichment.product_label",
                "staging.stg_stockx__variants",
                "staging.stg_csv__purchases",
                "reference.size_chart",
            ],
        )
    ],
    check_specs=size_checks("enrichment.size_label"),
)
def enrichment_size_label(warehouse: WarehouseResource) -> Iterator[Result]:
    """Read every size text once per context."""
    with warehouse.connect() as conn:
        report = size_labelling.label_sizes(conn)
        checks = size_results(conn, "enrichment.size_label", report)
        yield written(conn, "enrichment.size_label", report.as_metadata(), checks=checks)


@dg.multi_asset(
    specs=[
        table_spec(
            "enrichment.stockx_identity",
            "One row per StockX product and variant that the owner's merges and splits make another"
            " one of ours.",
            deps=[
                "enrichment.product_label",
                "staging.stg_stockx__variants",
                "staging.stg_stockx__orders",
            ],
        )
    ],
    check_specs=identity_checks("enrichment.stockx_identity"),
)
def enrichment_stockx_identity(warehouse: WarehouseResource) -> Iterator[Result]:
    """Say what the owner's merges and splits make of StockX's products."""
    with warehouse.connect() as conn:
        done = catalogue.resolve_stockx(conn)
        figures = {
            "written_now": done.inserted + done.updated,
            "removed": done.deleted,
            "real_style_code_share": code_share(conn),
        }
        checks = identity_results(conn, "enrichment.stockx_identity")
        yield written(conn, "enrichment.stockx_identity", figures, checks=checks)


def _matches(
    name: str,
    description: str,
    match: Callable[[psycopg.Connection], matching.MatchReport],
    doors: Sequence[str],
) -> dg.AssetsDefinition:
    """An asset that finds the variants of one kind of lines; ties stay unmatched."""
    address = f"enrichment.{name}"
    known = ["enrichment.product_label", "enrichment.stockx_identity"]
    views = [f"staging.stg_{view}" for view in (*doors, "stockx__variant_sizes")]

    @dg.multi_asset(
        name=f"enrichment_{name}",
        specs=[table_spec(address, description, deps=[*known, *views])],
        check_specs=match_checks(address),
        description=f"Find the variants that the lines of {name} are.",
    )
    def matched(warehouse: WarehouseResource) -> Iterator[Result]:
        with warehouse.connect() as conn:
            report = match(conn)
            checks = match_results(conn, address, report)
            yield written(conn, address, report.as_metadata(), checks=checks)

    return matched


enrichment_purchase_match = _matches(
    "purchase_match",
    "One row per purchase line: the product and size that it is, and how that was found.",
    matching.match_purchases,
    ["csv__purchases"],
)
enrichment_offer_match = _matches(
    "offer_match",
    "One row per affiliate offer that is, or may be, a known product, with the evidence.",
    matching.match_offers,
    ["awin__offers"],
)
enrichment_sale_match = _matches(
    "sale_match",
    "One row per door and line of a sale that names no StockX variant itself: the product and size "
    "that it is, and how that was found.",
    matching.match_sales,
    [
        "ebay__order_lines", "alias__orders", "csv__stockx_report", "csv__ebay_report",
        "csv__alias_report", "csv__sales",
    ],
)  # fmt: skip
enrichment_item_match = _matches(
    "item_match",
    "One row per Alias listing, counted line and listed product: the product and size that it is, "
    "and how that was found.",
    matching.match_items,
    ["alias__listings", "csv__stock_counts", "csv__products"],
)


@dg.multi_asset(
    specs=[
        table_spec(
            "enrichment.catalog_accuracy",
            "One row per kind of detection: how right the rules in force are on the labelled set "
            "that ships with the project. Measured again when the rules have changed.",
            deps=[*RULES, "reference.brand_info", "reference.size_chart"],
        )
    ],
    check_specs=accuracy_checks("enrichment.catalog_accuracy"),
)
def enrichment_catalog_accuracy(warehouse: WarehouseResource) -> Iterator[Result]:
    """Measure the rules in force, the owner's included, where that is not done yet."""
    with warehouse.connect() as conn:
        report = accuracy.measure_shipped(conn)
        checks = accuracy_results("enrichment.catalog_accuracy", report)
        yield written(conn, "enrichment.catalog_accuracy", accuracy_metadata(report), checks=checks)
