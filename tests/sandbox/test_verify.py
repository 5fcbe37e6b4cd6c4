"""The comparison with the truth finds every kind of difference, and nothing where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import LiteralString

import psycopg
import pytest

from soleflip_pipelines.sandbox import storage
from soleflip_pipelines.sandbox.verify import VerifyImpossible, VerifyReport, verify
from soleflip_pipelines.settings import Settings, load_settings
from soleflip_pipelines.warehouse.connection import connect
from tests.sandbox.conftest import make_business

pytestmark = pytest.mark.integration

_MARTS: LiteralString = """
create schema if not exists sales;
create schema if not exists inventory;
create schema if not exists catalog;
create table sales."order" (
    order_number text, platform text, status text, is_sale boolean, sold_on date,
    amount numeric(12, 2), currency_code text, gross_sale_eur numeric(12, 2),
    transaction_fee_eur numeric(12, 2), processing_fee_eur numeric(12, 2),
    shipping_fee_eur numeric(12, 2), other_fee_eur numeric(12, 2), penalty_eur numeric(12, 2),
    net_payout_eur numeric(12, 2), inventory_item_id text, cost_match_method text,
    cost_eur numeric(12, 2), vat_due_eur numeric(12, 2), net_profit numeric(12, 2),
    profit_state text
);
create table inventory.stock (
    id text, line_key text, unit_no int, supplier_name text, external_ids jsonb,
    cost_eur numeric(12, 2), status text, sold_order_number text
);
create table catalog.product (
    stockx_product_id text, name text, brand text, category text, style_code text
);
"""


def _fill(conn: psycopg.Connection, settings: Settings) -> None:
    """Marts and raw tables as a pipeline without a fault would leave them."""
    truth = storage.open_read_only(settings.sandbox_folder / storage.TRUTH)
    meta = storage.read_meta(settings.sandbox_folder / storage.TRUTH) or {}
    conn.execute(_MARTS)
    cursor = conn.cursor()
    cursor.executemany(
        "insert into sales.\"order\" values (%s, 'stockx', %s, %s::int::boolean, %s, %s, %s, %s, "
        "%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            (*row[:13], f"{row['line_key']} {row['unit_no']}", *row[15:20])
            for row in truth.execute("select * from sold_order")
        ],
    )
    cursor.executemany(
        "insert into inventory.stock values (%s, %s, %s, %s, "
        "jsonb_build_object('stockx_variant_id', %s::text), %s, %s, %s)",
        [
            (
                f"{row['line_key']} {row['unit_no']}",
                row["line_key"],
                row["unit_no"],
                row["supplier"],
                row["variant_id"],
                row["cost"],
                "listed" if row["status"] == "on_hand" else row["status"],
                row["order_number"],
            )
            for row in truth.execute("select * from unit")
        ],
    )
    cursor.executemany(
        "insert into catalog.product values (%s, %s, %s, %s, %s)",
        [
            (row["product_id"], row["title"], row["brand"], row["category"], row["style_code"])
            for row in truth.execute("select * from product")
        ],
    )
    batch = conn.execute(
        "insert into integration.import_batches (asset, source, batch_kind, rows_read, "
        "rows_inserted, rows_updated, rows_unchanged, rows_duplicate, rows_rejected, started_at) "
        "values ('a', 's', 'api', 0, 0, 0, 0, 0, 0, now()) returning batch_id"
    ).fetchone()
    assert batch is not None
    raw: tuple[tuple[LiteralString, str], ...] = (
        ("raw_stockx.orders (order_number", "orders"),
        ("raw_csv.purchases (line_key", "purchase_lines"),
        ("raw_csv.sales (sale_key", "sheet_rows"),
        ("raw_awin.offers (feed_id, aw_product_id", "offers"),
    )
    for table, key in raw:
        keys: LiteralString = "n, n" if "aw_product_id" in table else "n"
        conn.execute(
            f"insert into {table}, payload, payload_hash, batch_id) "
            f"select {keys}, '{{}}', '', %s from generate_series(1, %s) as n",
            (batch[0], int(meta[key])),
        )
    for number, row in enumerate(truth.execute("select * from rejected_row")):
        conn.execute(
            "insert into integration.rejected_rows (batch_id, asset, source, position, "
            "reason_code, reason, raw_row, row_hash) values (%s, 'raw_csv.x', 's', 'p', 'c', 'r', "
            "%s, %s)",
            (batch[0], f"1;{row['marker']};2", str(number)),
        )


@pytest.fixture
def marts(settings: Settings) -> Iterator[psycopg.Connection]:
    """A connection to perfect marts of a generated business."""
    make_business(settings.sandbox_folder, 300)
    with connect(settings, role=None, autocommit=True) as conn:
        _fill(conn, settings)
        yield conn


def _differences(report: VerifyReport) -> set[tuple[str, str]]:
    return {(check.name, m.field) for check in report.checks for m in check.shown}


def test_perfect_marts_agree(marts: psycopg.Connection, settings: Settings) -> None:
    report = verify(settings)
    assert report.ok, str(report)
    assert _differences(report) == set()
    compared = {check.name: check.compared for check in report.checks}
    assert compared["orders present once"] == 300
    assert min(compared.values()) > 0
    assert str(report).endswith("the marts agree with the truth")


_SOLD: LiteralString = (
    "(select min(order_number) from sales.\"order\" where profit_state = 'reconciled')"
)


@pytest.mark.parametrize(
    ("damage", "check", "field"),
    [
        ('delete from sales."order" where order_number = ' + _SOLD, "orders present once", "row"),
        (
            'insert into sales."order" select * from sales."order" where order_number = ' + _SOLD,
            "orders present once",
            "row",
        ),
        (
            'update sales."order" set net_profit = net_profit + 0.01 where order_number = ' + _SOLD,
            "order fields, to the cent",
            "net_profit",
        ),
        (
            "update sales.\"order\" set net_profit = 0 where profit_state = 'no_cost'",
            "order fields, to the cent",
            "net_profit",
        ),
        (
            'update sales."order" set inventory_item_id = null where order_number = ' + _SOLD,
            "order fields, to the cent",
            "line_key",
        ),
        (
            "update sales.\"order\" set status = 'open' where order_number = " + _SOLD,
            "order fields, to the cent",
            "status",
        ),
        (
            "update inventory.stock set status = 'available' where status = 'sold'",
            "units: state, cost, variant, sale",
            "status",
        ),
        (
            "update inventory.stock set cost_eur = cost_eur - 0.01",
            "units: state, cost, variant, sale",
            "cost",
        ),
        ("update catalog.product set style_code = null", "style codes", "style_code"),
        (
            "update catalog.product set brand = 'Nike' where brand <> 'Nike'",
            "brands",
            "brand",
        ),
        ("delete from integration.rejected_rows", "row counts", "rows"),
        (
            "update integration.rejected_rows set raw_row = 'another row'",
            "planted rows in quarantine",
            None,
        ),
        ("delete from raw_awin.offers where feed_id = '1'", "row counts", "rows"),
    ],
)
def test_every_difference_is_found(
    marts: psycopg.Connection,
    settings: Settings,
    damage: LiteralString,
    check: str,
    field: str | None,
) -> None:
    marts.execute(damage)
    report = verify(settings)
    assert not report.ok
    fields = {what for name, what in _differences(report) if name == check}
    assert field in fields if field else fields
    assert str(report).endswith("the marts differ from the truth")


def test_some_wrong_labels_are_tolerated(marts: psycopg.Connection, settings: Settings) -> None:
    marts.execute(
        "update catalog.product set brand = 'Somebody' where stockx_product_id in "
        "(select stockx_product_id from catalog.product limit 3)"
    )
    report = verify(settings)
    assert report.ok
    assert ("brands", "brand") in _differences(report)


def test_nothing_to_compare_is_said(settings: Settings) -> None:
    with pytest.raises(VerifyImpossible, match="no sandbox business"):
        verify(settings)
    make_business(settings.sandbox_folder, 10)
    with pytest.raises(VerifyImpossible, match="not built yet"):
        verify(settings)
    live = load_settings({"SOLEFLIP_HOME": str(settings.home), "SOLEFLIP_MODE": "live"})
    with pytest.raises(VerifyImpossible, match="only in sandbox mode"):
        verify(live)
