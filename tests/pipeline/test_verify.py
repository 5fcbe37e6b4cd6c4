"""The comparison with the truth sees a wrong cent, day or name in any mart of a real run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import LiteralString

import psycopg
import pytest

from soleflip_pipelines.sandbox import storage
from soleflip_pipelines.sandbox.verification.sides import open_sides
from soleflip_pipelines.sandbox.verify import COMPARISONS, checks
from soleflip_pipelines.sandbox.verify_report import Check
from tests.pipeline.installation import Installation

pytestmark = pytest.mark.integration

_AS_OF = date(2026, 7, 1)


@contextmanager
def _database(installation: Installation) -> Iterator[psycopg.Connection]:
    """A transaction whose damage is never committed."""
    with psycopg.connect(installation.url) as conn:
        conn.execute("set time zone 'UTC'")
        yield conn
        conn.rollback()


def _compare(
    installation: Installation, conn: psycopg.Connection, mart: str | None = None
) -> list[Check]:
    folder = installation.home / "sandbox"
    meta = storage.read_meta(folder / storage.TRUTH)
    assert meta is not None
    sides = open_sides(folder, conn, meta, _AS_OF)
    try:
        if mart is None:
            return list(checks(sides))
        return [c.run(sides) for c in COMPARISONS if c.mart == mart]
    finally:
        sides.truth.close()


def test_every_mart_agrees_and_something_was_compared(finished: Installation) -> None:
    with _database(finished) as conn:
        found = _compare(finished, conn)
    assert [(check.name, check.shown) for check in found if not check.is_ok] == []
    assert [check.name for check in found if not check.compared] == []


# A view is damaged where its rows lie; a summary is replaced by a table.
_TABLES: tuple[tuple[str, LiteralString, str], ...] = (
    ("sales.order", 'update sales."order" set net_profit = net_profit + 0.01', "net_profit"),
    ("sales.order", 'update sales."order" set net_profit = 0 where net_profit is null',
     "net_profit"),
    ("sales.order", 'update sales."order" set inventory_item_id = null', "line_key"),
    ("sales.order", "update sales.\"order\" set status = 'open'", "status"),
    ("sales.order", 'delete from sales."order" where not is_sale', "row"),
    ("sales.listing", "update sales.listing set ask_price = ask_price + 0.01", "ask"),
    ("sales.cost_queue", "update sales.cost_queue set purchased_unit_count = 9", "units"),
    ("inventory.stock", "update inventory.stock set cost_eur = cost_eur - 0.01", "cost"),
    ("inventory.stock", "update inventory.stock set status = 'available' where status = 'sold'",
     "status"),
    ("inventory.stock", "update inventory.stock set stockx_listing_id = null", "on_stockx"),
    ("inventory.lot", "update inventory.lot set remaining_count = remaining_count + 1",
     "remaining"),
    ("inventory.reservation", "update inventory.reservation set reason = 'to ship'", "reason"),
    ("inventory.movement", "update inventory.movement set occurred_on = occurred_on + 1"
     " where kind = 'sale'", "row"),
    ("inventory.movement", "delete from inventory.movement where kind = 'return'", "row"),
    ("inventory.position_daily", "update inventory.position_daily"
     " set in_house_cost_eur = in_house_cost_eur + 0.01", "in_house_cost"),
    ("inventory.ageing_daily", "update inventory.ageing_daily set unit_count = unit_count + 1"
     " where band_no = 6", "units"),
    ("inventory.valuation", "update inventory.valuation"
     " set realisable_eur = realisable_eur - 0.01", "realisable"),
    ("inventory.sell_through_cohort", "update inventory.sell_through_cohort"
     " set sold_30_count = sold_30_count + 1", "sold_30"),
    ("inventory.days_to_sell", "update inventory.days_to_sell set median_days = median_days + 1",
     "median"),
    ("inventory.oversell_risk", "update inventory.oversell_risk"
     " set in_house_count = in_house_count + 1", "here"),
    ("supplier.purchase_item", "update supplier.purchase_item set line_gross_eur = 0.01", "gross"),
    ("supplier.purchase", "update supplier.purchase set landed_cost_eur = landed_cost_eur + 0.01",
     "cost"),
    ("supplier.supplier", "delete from supplier.supplier where id in"
     " (select id from supplier.supplier limit 1)", "row"),
    ("supplier.offer", "update supplier.offer set delivered_price_eur = delivered_price_eur + 0.01",
     "delivered"),
    ("financial.transaction", "update financial.transaction set amount_eur = amount_eur + 0.01"
     " where kind = 'issue'", "amount"),
    ("financial.transaction", "delete from financial.transaction where kind = 'penalty'"
     " or kind = 'shipping fee'", "row"),
    ("financial.transaction", "delete from financial.transaction where kind = 'payout'", "row"),
    ("financial.transaction", "update financial.transaction set booked_on = booked_on + 1"
     " where kind = 'loss'", "booked_on"),
    ("financial.profit_and_loss", "update financial.profit_and_loss"
     " set amount_eur = 0 where line = 'lost stock'", "amount"),
    ("analytics.kpi", "update analytics.kpi set penalty_eur = penalty_eur + 0.01"
     " where penalty_eur > 0", "penalty"),
    ("financial.payout_reconciliation", "update financial.payout_reconciliation"
     " set gap_reasons = '{shipping}' where reconciliation_state = 'unexplained'", "reasons"),
    ("financial.payout_reconciliation", "update financial.payout_reconciliation"
     " set reconciliation_state = 'explained' where reconciliation_state = 'unexplained'",
     "outcome"),
    ("financial.payout_reconciliation", "update financial.payout_reconciliation"
     " set payout_gap = payout_gap + 0.01", "gap"),
    ("financial.payout", "update financial.payout set payout_gap = 0 where payout_gap <> 0", "gap"),
    ("financial.vat_summary", "update financial.vat_summary set vat_eur = vat_eur + 0.01", "vat"),
    ("financial.profit_and_loss", "update financial.profit_and_loss"
     " set amount_eur = amount_eur + 0.01 where line = 'penalties'", "amount"),
    ("platform.reporting_counter", "update platform.reporting_counter set sale_count = 29",
     "sales"),
    ("platform.seller_level_progress", "update platform.seller_level_progress"
     " set sales_to_go = sales_to_go + 1", "sales_to_go"),
    ("sales.order_event", "update sales.order_event set occurred_on = occurred_on + 1"
     " where event_kind = 'penalty'", "day"),
    ("sales.order_status_history", "delete from sales.order_status_history where status = 'open'",
     "row"),
    ("operations.open_shipment", "insert into operations.open_shipment (order_id, platform,"
     " order_number) select id, platform, order_number from sales.\"order\" limit 1", "row"),
    ("catalog.product", "update catalog.product set style_code = null", "style_code"),
    ("catalog.product", "update catalog.product set brand = 'Somebody'", "brand"),
    ("catalog.brand", "update catalog.brand set product_count = product_count + 1"
     " where product_count > 0", "products"),
    ("catalog.review_queue", "insert into catalog.review_queue (kind, item_key, product_id)"
     " select 'product', id::text, id from catalog.product", "waits"),
    ("catalog.brand_history", "update catalog.brand_history set brand = 'Somebody'", "brand"),
    ("catalog.detection_accuracy", "update catalog.detection_accuracy set accuracy = 0.5",
     "is_right"),
    ("catalog.listed_product", "delete from catalog.listed_product where product_id in"
     " (select product_id from catalog.listed_product limit 1)", "row"),
    ("catalog.item_identity", "update catalog.item_identity set match_method = 'title'"
     " where kind = 'variant'", "method"),
    ("inventory.stock_count_difference", "update inventory.stock_count_difference"
     " set counted_count = counted_count + 1", "counted"),
    ("analytics.kpi_monthly_by_platform", "update analytics.kpi set cost_eur = cost_eur + 0.01",
     "cost"),
    ("analytics.kpi", "update analytics.kpi set roi = roi + 0.0001 where dimension = 'size_group'",
     "roi"),
    ("analytics.channel_comparison", "update analytics.channel_comparison"
     " set vat_due_eur = vat_due_eur + 0.01 where platform = 'ebay'", "vat"),
    ("inventory.days_to_sell", "update inventory.days_to_sell set p80_days = p80_days + 1"
     " where scope = 'size'", "p80"),
    ("analytics.buying_scorecard", "update analytics.buying_scorecard"
     " set sold_count = sold_count + 1", "sold"),
    ("analytics.stock_kpi_monthly", "update analytics.stock_kpi_monthly"
     " set gmroi = gmroi + 0.0001 where dimension = 'brand'", "gmroi"),
    ("analytics.demand_class", "update analytics.demand_class set abc_class = 'D'", "abc_class"),
    ("analytics.price_realisation", "update analytics.price_realisation"
     " set sale_count = sale_count + 1", "sales"),
    ("analytics.scoreboard", "update analytics.scoreboard set value_today = 0.5"
     " where goal = 'dead_stock'", "value_today"),
    ("operations.fulfilment", "update operations.fulfilment set state = 'overdue'"
     " where state = 'on_its_way'", "row"),
    ("operations.listing_history", "update history.listing_change set ask_price = ask_price + 1",
     "ask"),
    ("catalog.category", "delete from catalog.category where name = 'sneakers'", "row"),
    ("catalog.brand_patterns", "delete from catalog.brand_patterns where brand = 'Nike'", "row"),
    ("catalog.variant", "update catalog.variant set size_raw = '99'", "size"),
    ("catalog.size_master", "delete from catalog.size_master where size_key like 'US M%'", "row"),
    ("catalog.size_conversion", "update catalog.size_conversion set eu_size = '99'", "eu"),
    ("pricing.market_price", "update pricing.market_price set lowest_ask = lowest_ask + 0.01",
     "lowest_ask"),
    ("pricing.price_history", "update history.market_observation set highest_bid = 1.5", "look"),
    ("pricing.price_recommendation", "update enrichment.price_recommendation"
     " set roi_percentage = roi_percentage + 0.01", "roi_percentage"),
    ("pricing.price_recommendation", "update enrichment.price_recommendation"
     " set break_even_price = break_even_price - 0.01", "break_even covers"),
    ("pricing.brand_multiplier", "update pricing.brand_multiplier set multiplier = 1.0001",
     "multiplier"),
    ("platform.marketplace", "update platform.marketplace set gross_sale_eur = 0.01", "row"),
    ("platform.fee_schedule", "update platform.fee_schedule set minimum_fee = 4.99",
     "minimum_fee"),
    ("analytics.kpi_monthly", "update analytics.kpi set cost_eur = cost_eur + 0.01",
     "cost"),
    ("analytics.sales_forecast", "delete from enrichment.sales_forecast where horizon_days = 14",
     "row"),
    ("analytics.sales_forecast_daily", "update enrichment.sales_forecast_daily"
     " set units_forecast = units_forecast + 1", "adds_up"),
    ("analytics.forecast_accuracy", "update enrichment.forecast_backtest set wape = wape + 0.001",
     "wape"),
)  # fmt: skip


@pytest.mark.parametrize(("mart", "damage", "field"), _TABLES)
def test_damage_is_found(
    finished: Installation, mart: str, damage: LiteralString, field: str
) -> None:
    with _database(finished) as conn:
        conn.execute(damage)
        found = _compare(finished, conn, mart)
    assert not all(check.is_ok for check in found)
    assert field in {m.field for check in found for m in check.shown}


@pytest.mark.parametrize(
    ("mart", "damage", "field"),
    [
        ("analytics.sales_summary_daily", "delete from {} where order_count = 0", "row"),
        ("analytics.sales_summary_daily", "update {} set penalty_eur = 0.01", "penalty"),
        ("analytics.inventory_status_summary", "update {} set stock_cost_eur = 0.01", "stock_cost"),
        ("analytics.supplier_performance_summary", "update {} set sell_through = 0",
         "sell_through"),
    ],
)  # fmt: skip
def test_damage_of_a_summary_is_found(
    finished: Installation, mart: str, damage: str, field: str
) -> None:
    with _database(finished) as conn:
        conn.execute(f"create temp table damaged as select * from {mart}".encode())
        conn.execute(f"drop materialized view {mart} cascade".encode())
        conn.execute(f"create table {mart} as select * from damaged".encode())
        conn.execute(damage.format(mart).encode())
        found = _compare(finished, conn, mart)
    assert field in {m.field for check in found for m in check.shown}


def test_every_mart_is_damaged_once(finished: Installation) -> None:
    summaries = {
        "analytics.sales_summary_daily",
        "analytics.inventory_status_summary",
        "analytics.supplier_performance_summary",
    }
    assert {mart for mart, _, _ in _TABLES} | summaries == {c.mart for c in COMPARISONS}
