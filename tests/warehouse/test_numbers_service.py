"""Forecasts and prices against a real database with the marts' columns that they read."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

import numpy as np
import pandas as pd
import psycopg
import pytest

from soleflip_pipelines.forecasting import schema as forecasting_schema
from soleflip_pipelines.forecasting.service import make_forecasts
from soleflip_pipelines.pricing import schema as pricing_schema
from soleflip_pipelines.pricing.service import recommend_prices
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.connection import connect

pytestmark = pytest.mark.integration

D = Decimal
TODAY = date(2026, 11, 22)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SPACE = UUID(int=0)
MARTS = """
    create schema sales;
    create schema catalog;
    create schema inventory;
    create schema pricing;
    create schema platform;
    create table catalog.product (
        id uuid, name text, brand text, category text, retail_price numeric(12, 2)
    );
    create table catalog.variant (id uuid, product_id uuid, stockx_variant_id text, size_raw text);
    create table sales."order" (
        platform text, order_number text, product_id uuid, partner_variant_id text,
        is_sale boolean, sold_on date, currency_code text, gross_sale_eur numeric(12, 2),
        transaction_fee_eur numeric(12, 2), fee_source text, quantity integer default 1
    );
    create table inventory.stock (
        id uuid, product_id uuid, variant_id uuid, status text, cost_eur numeric(12, 2),
        vat_scheme text, product_name text, size_raw text,
        is_on_hand boolean generated always as (status <> 'sold') stored
    );
    create table pricing.market_price (
        platform text, partner_variant_id text, currency_code text, observed_at timestamptz,
        lowest_ask numeric(12, 2), highest_bid numeric(12, 2), lowest_ask_eur numeric(12, 2),
        highest_bid_eur numeric(12, 2), sell_faster numeric(12, 2), earn_more numeric(12, 2),
        fx_units_per_eur numeric
    );
    create table pricing.brand_multiplier (brand text, multiplier numeric(12, 4));
    create table platform.fee_schedule (
        platform text, seller_level integer, category text, currency_code text,
        valid_from date, valid_to date, transaction_fee_rate numeric(6, 5),
        processing_fee_rate numeric(6, 5), minimum_fee numeric(12, 2), shipping_fee numeric(12, 2)
    );
    create table if not exists reference.vat_rule (
        platform text, purchase_vat_scheme text, valid_from date, valid_to date, regime text,
        vat_rate numeric(5, 4)
    );
    grant usage on schema sales, catalog, inventory, pricing, platform to soleflip_loader;
    grant select on all tables in schema sales, catalog, inventory, pricing, platform, reference
        to soleflip_loader;
"""
FEES = [
    ("stockx", 1, "any", "EUR", date(2023, 8, 1), None, "0.09", "0.03", "5.00", "6.00"),
    ("stockx", 3, "any", "EUR", date(2023, 8, 1), None, "0.08", "0.03", "5.00", "6.00"),
    ("stockx", 1, "any", "EUR", date(2016, 1, 1), date(2023, 7, 31), "0.10", "0.03", "8.00", "6"),
    ("stockx", 1, "any", "USD", date(2016, 1, 1), None, "0.20", "0.03", "5.00", "6.00"),
]
VAT = [
    ("any", "standard", date(2007, 1, 1), None, "standard", "0.19"),
    ("stockx", "any", date(2016, 1, 1), None, "intra_eu", "0.19"),
]


def named(name: str) -> UUID:
    return uuid5(SPACE, name)


def order(brand: str, number: str, day: date, is_sale: bool = True) -> tuple[Any, ...]:
    return (
        "stockx", number, named(brand), f"{brand}-10", is_sale, day, "EUR", 100, 8, "charged", 1
    )  # fmt: skip


def insert(conn: psycopg.Connection[Any], table: str, rows: list[tuple[Any, ...]]) -> None:
    marks = ", ".join(["%s"] * len(rows[0]))
    conn.cursor().executemany(f"insert into {table} values ({marks})", rows)  # type: ignore[arg-type]


def frame(conn: psycopg.Connection[Any], table: str) -> pd.DataFrame:
    cursor = conn.execute(f"select * from {table} order by 1, 2, 3")  # type: ignore[arg-type]
    return pd.DataFrame(cursor.fetchall(), columns=[c.name for c in cursor.description or ()])


@pytest.fixture
def marts(settings: Settings) -> Settings:
    """Published marts: Nike sells daily up to today, Asics sold twice last year."""
    rng = np.random.default_rng(1)
    orders = []
    for back in range(600, -1, -1):
        day = TODAY - timedelta(days=back)
        brands = ["Nike"] * rng.poisson(1.5) + ["Asics"] * (back in {300, 400})
        orders += [order(brand, f"{back}-{n}", day) for n, brand in enumerate(brands)]
    orders.append(order("Nike", "cancelled", TODAY, is_sale=False))
    with connect(settings, role="transformer") as conn:
        conn.execute(MARTS)
        insert(conn, 'sales."order"', orders)
        insert(
            conn,
            "catalog.product",
            [
                (named("Nike"), "Nike Dunk Low", "Nike", "sneakers", 110),
                (named("Asics"), "Asics Gel", "Asics", "sneakers", 120),
            ],
        )
        insert(
            conn,
            "catalog.variant",
            [(named(f"{b}-10"), named(b), f"{b}-10", "10") for b in ("Nike", "Asics")],
        )
        insert(
            conn,
            "inventory.stock",
            [
                (
                    named("u1"),
                    named("Nike"),
                    named("Nike-10"),
                    "available",
                    60,
                    "standard",
                    "x",
                    "10",
                ),
                (named("u2"), named("Nike"), named("Nike-10"), "listed", None, None, "x", "10"),
                (named("u3"), named("Nike"), named("Nike-10"), "sold", 60, "standard", "x", "10"),
                (named("u4"), None, None, "incoming", 60, "none", "Unknown shoe", "9"),
                (
                    named("u5"),
                    named("Asics"),
                    named("Asics-10"),
                    "available",
                    99,
                    "none",
                    "x",
                    "10",
                ),
            ],
        )
        hour_ago = NOW - timedelta(hours=1)
        insert(
            conn,
            "pricing.market_price",
            [
                ("stockx", "Nike-10", "USD", NOW, 220, 200, 199, 180, 210, 215, D("1.1")),
                ("stockx", "Nike-10", "EUR", hour_ago, 105, 95, 105, 95, 101, 104, D(1)),
                ("stockx", "Asics-10", "USD", hour_ago, 110, None, 100, None, None, None, D("1.1")),
            ],
        )
        insert(conn, "pricing.brand_multiplier", [("Nike", D("1.2"))])
        insert(conn, "platform.fee_schedule", FEES)
        insert(conn, "reference.vat_rule", VAT)
    return settings


def test_nothing_published_leaves_empty_tables(conn: psycopg.Connection[Any]) -> None:
    report = make_forecasts(conn, TODAY)
    assert (report.series, report.plot) == (0, None)
    assert report.as_metadata()["trained through"] == "no sales"
    assert frame(conn, "enrichment.sales_forecast").empty
    prices = recommend_prices(conn, TODAY, NOW)
    assert (prices.units, prices.plot) == (0, None)
    assert frame(conn, "enrichment.price_recommendation").empty


def test_forecasts_are_written_whole_and_the_same_twice(
    marts: Settings, conn: psycopg.Connection[Any]
) -> None:
    report = make_forecasts(conn, TODAY)
    first = frame(conn, "enrichment.sales_forecast")
    assert report.series == 3
    assert set(zip(first["level"], first["series_key"], strict=True)) == {
        ("total", "all"),
        ("brand", "Nike"),
        ("category", "sneakers"),
    }
    assert forecasting_schema.validate(first).empty
    assert set(first["trained_through"]) == {TODAY - timedelta(days=1)}
    assert report.plot is not None
    assert report.plot.startswith(b"\x89PNG")
    month = first[(first["level"] == "total") & (first["horizon_days"] == 30)].iloc[0]
    assert 30 < month["units_forecast"] < 60
    daily = frame(conn, "enrichment.sales_forecast_daily")
    total = daily[daily["level"] == "total"]["units_forecast"].sum()
    assert abs(total - month["units_forecast"]) < D("0.02")
    backtest = frame(conn, "enrichment.forecast_backtest")
    assert len(backtest) == 3 * 3 * 3
    assert (backtest["window_count"] >= 3).all()
    assert backtest.groupby(["level", "series_key", "horizon_days"])["is_served"].sum().eq(1).all()

    make_forecasts(conn, TODAY)
    second = frame(conn, "enrichment.sales_forecast")
    pd.testing.assert_frame_equal(
        first.drop(columns="made_at"), second.drop(columns="made_at"), check_exact=True
    )


def test_history_ends_where_the_last_batch_of_orders_ended(
    marts: Settings, conn: psycopg.Connection[Any]
) -> None:
    conn.execute(
        """
        insert into integration.import_batches (
            asset, source, batch_kind, rows_read, rows_inserted, rows_updated, rows_unchanged,
            rows_duplicate, rows_rejected, started_at, finished_at
        ) values ('raw_stockx.orders', 't', 'api', 0, 0, 0, 0, 0, 0, %s, %s)
        """,
        [NOW - timedelta(days=5), NOW - timedelta(days=5)],
    )
    make_forecasts(conn, TODAY)
    rows = frame(conn, "enrichment.sales_forecast")
    assert set(rows["trained_through"]) == {TODAY - timedelta(days=6)}
    assert set(rows["forecast_from"]) == {TODAY}


def test_every_unit_on_hand_gets_its_price_or_its_reason(
    marts: Settings, conn: psycopg.Connection[Any]
) -> None:
    report = recommend_prices(conn, TODAY, NOW)
    rows = frame(conn, "enrichment.price_recommendation").set_index("stock_id")
    assert set(rows.index) == {named("u1"), named("u2"), named("u4"), named("u5")}
    assert pricing_schema.validate(rows.reset_index()).empty
    assert (report.units, report.priced, report.without_cost) == (4, 2, 1)
    assert report.plot is not None
    assert report.plot.startswith(b"\x89PNG")

    unit = rows.loc[named("u1")]
    # Sales at 100, the EUR book at 105 and 95: everything says 100.
    assert unit["reference_price"] == D("100.00")
    assert unit["recommended_sell_faster"] == D("97.00")
    assert unit["recommended_earn_more"] == D("102.00")
    # Charged were 8 of 100: level 3. 102 - 8.16 - 3.06 - 6 - 60, and no VAT to the marketplace.
    assert unit["expected_profit"] == D("24.78")
    assert unit["roi_percentage"] == D("41.30")
    assert unit["profit_margin"] == D("24.29")
    assert unit["break_even_price"] == D(
        "74.15"
    )  # rounding of the two fees is in the seller's favour
    assert unit["market_confidence"] == "high"
    assert unit["observed_at"] == NOW - timedelta(hours=1)
    kept = unit["evidence"]
    assert kept["lowest_ask"] == "105.00"
    assert kept["fees"]["transaction_rate"] == "0.08000"
    assert json.dumps(kept)

    costless = rows.loc[named("u2")]
    assert costless["recommended_earn_more"] == D("102.00")
    assert pd.isna(costless["roi_percentage"])
    assert "no cost known" in costless["reason"]
    unknown = rows.loc[named("u4")]
    assert pd.isna(unknown["partner_variant_id"])
    assert unknown["reason"].startswith("not matched")
    thin = rows.loc[named("u5")]
    assert pd.isna(thin["recommended_earn_more"])
    assert thin["reason"] == "too little evidence: 1 of bid, ask and own sale in 180 days"


def test_repricing_replaces_and_a_failure_keeps_the_old_prices(
    marts: Settings, conn: psycopg.Connection[Any]
) -> None:
    recommend_prices(conn, TODAY, NOW)
    first = frame(conn, "enrichment.price_recommendation").drop(columns="made_at")
    recommend_prices(conn, TODAY, NOW)
    second = frame(conn, "enrichment.price_recommendation").drop(columns="made_at")
    pd.testing.assert_frame_equal(first, second)

    with connect(marts, role="transformer") as other:
        other.execute("drop table platform.fee_schedule")
        other.execute("create table platform.fee_schedule (platform text)")
        other.execute("grant select on platform.fee_schedule to soleflip_loader")
    with pytest.raises(psycopg.errors.UndefinedColumn):
        recommend_prices(conn, TODAY, NOW)
    conn.rollback()
    third = frame(conn, "enrichment.price_recommendation").drop(columns="made_at")
    pd.testing.assert_frame_equal(first, third)
