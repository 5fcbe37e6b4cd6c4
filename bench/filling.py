"""Fills a warehouse with a generated business, as quickly as is honest.

StockX's orders and their details, nearly all of the rows, go from the business file through the
marketplace's payloads and the real forms and loader, without HTTP between; everything else is read
by the real streams from the running sandbox. Then the labels, which the marts need, are made.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import psycopg

from bench.measure import seconds
from soleflip_pipelines.catalog import accuracy, matching, product_labelling, size_labelling
from soleflip_pipelines.ingestion import alias, awin, ebay, ecb, inbox, stockx
from soleflip_pipelines.ingestion.steps import select_keys
from soleflip_pipelines.ingestion.stockx_orders import (
    FINAL_STATUSES,
    ORDER_DETAILS,
    ORDER_FORM,
    ORDERS,
    WANTED_SQL,
)
from soleflip_pipelines.sandbox import payloads, server
from soleflip_pipelines.sandbox.business import DEFAULT_SEED, Generation, current_generation
from soleflip_pipelines.sandbox.store import Filter, Page, Store
from soleflip_pipelines.settings import Settings, load_settings
from soleflip_pipelines.warehouse.connection import connect, prepare_database
from soleflip_pipelines.warehouse.loader import BatchSource, Record, Rejection, load_batch
from soleflip_pipelines.warehouse.publish import prepare_dbt
from soleflip_pipelines.warehouse.statistics import refresh_statistics

PAGE = 5_000
WRITTEN = ("raw_stockx", "raw_ebay", "raw_alias", "raw_awin", "raw_csv", "raw_ecb", "history",
           "reference", "enrichment")  # fmt: skip
API = BatchSource("stockx", "api")


def filled_warehouse(home: Path, orders: int, until: date, seed: int = DEFAULT_SEED) -> Settings:
    """Settings of a home whose warehouse holds the business; what is there already is kept."""
    environment = {"SOLEFLIP_HOME": str(home), "SOLEFLIP_AS_OF": until.isoformat()}
    home.mkdir(parents=True, exist_ok=True)
    settings = load_settings(environment)
    prepare_database(settings)
    wanted = Generation(seed, orders, until).generation_id
    with connect(settings) as conn:
        if _filled_with(conn) == wanted:
            return settings
    if current_generation(settings.sandbox_folder) != wanted:
        took = seconds(lambda: server.reset(settings, orders=orders, seed=seed, until=until))
        print(f"  {took:6.1f} s  generated {orders:,} orders", flush=True)
    server.start(settings)
    try:
        with connect(load_settings(environment)) as conn:
            _fill(load_settings(environment), conn)
            conn.execute(
                "insert into core.setting (setting_key, setting_value) values ('bench_fill', %s)"
                " on conflict (setting_key) do update set setting_value = excluded.setting_value",
                [wanted],
            )
    finally:
        server.stop(settings)
    return settings


def _filled_with(conn: psycopg.Connection) -> str | None:
    row = conn.execute(
        "select setting_value from core.setting where setting_key = 'bench_fill'"
    ).fetchone()
    conn.commit()
    return str(row[0]) if row else None


def _fill(settings: Settings, conn: psycopg.Connection) -> None:
    store = Store(settings.sandbox_folder)

    def silent(_: str) -> None:
        return

    def orders() -> None:
        load_batch(conn, ORDERS, _listed(store), API)

    def details() -> None:
        numbers = select_keys(conn, WANTED_SQL, {"final": FINAL_STATUSES})
        load_batch(conn, ORDER_DETAILS, _detailed(store, numbers), API)

    def analyze() -> None:
        refresh_statistics(settings, WRITTEN)

    steps = (
        ("orders", orders),
        ("order details", details),
        ("listings", lambda: stockx.sync_listings(settings, conn, log=silent)),
        ("eBay", lambda: ebay.sync_ebay_orders(settings, conn, log=silent)),
        ("Alias", lambda: alias.sync_alias_orders(settings, conn, log=silent)),
        ("Alias listings", lambda: alias.sync_alias_listings(settings, conn, log=silent)),
        ("files", lambda: inbox.import_inbox(settings, conn, log=silent)),
        ("feeds", lambda: awin.sync_feeds(settings, conn, log=silent)),
        ("rates", lambda: ecb.sync_reference_rates(settings, conn, log=silent)),
        ("statistics", analyze),
        ("products", lambda: stockx.sync_products(settings, conn, log=silent)),
        ("variants", lambda: stockx.sync_variants(settings, conn, log=silent)),
        ("search", lambda: stockx.find_products(settings, conn, log=silent)),
        ("more variants", lambda: stockx.sync_variants(settings, conn, log=silent)),
        ("seeds and views", lambda: prepare_dbt(settings)),
        ("statistics", analyze),
        ("product labels", lambda: product_labelling.label_products(conn, creates_brands=True)),
        ("statistics", analyze),
        ("size labels", lambda: size_labelling.label_sizes(conn)),
        ("statistics", analyze),
        ("purchases matched", lambda: matching.match_purchases(conn)),
        ("offers matched", lambda: matching.match_offers(conn)),
        ("sales matched", lambda: matching.match_sales(conn)),
        ("items matched", lambda: matching.match_items(conn)),
        ("accuracy", lambda: accuracy.measure_shipped(conn)),
        ("statistics", analyze),
        ("market", lambda: stockx.sync_market_data(settings, conn, log=silent)),
        ("statistics", analyze),
    )
    for name, step in steps:
        took = seconds(step)
        conn.commit()
        print(f"  {took:6.1f} s  {name}", flush=True)


def _listed(store: Store) -> Iterator[Record | Rejection]:
    first = 0
    while True:
        found = Filter()
        found.add("o.position > ? and o.position <= ?", first, first + PAGE)
        _, rows = store.orders(found, Page(1, PAGE))
        if not rows:
            return
        for row in rows:
            yield ORDER_FORM.record(payloads.order_in_list(row), row["order_number"])
        first += PAGE


def _detailed(store: Store, numbers: list[str]) -> Iterator[Record | Rejection]:
    for number in numbers:
        row = store.order(number)
        if row is not None:
            yield ORDER_FORM.record(payloads.order_detail(row), number)
