"""What the tests of the loader share: some tables and rows, and what is to be seen of them."""

from __future__ import annotations

import multiprocessing
from typing import Any

import psycopg

from soleflip_pipelines.warehouse.loader import BatchSource, RawTable, Record

ORDERS = RawTable("raw_stockx", "orders", ("order_number",))
OFFERS = RawTable("raw_awin", "offers", ("feed_id", "aw_product_id"))
API = BatchSource("stockx", "api")
FORK = multiprocessing.get_context("fork")


def order(number: object, **payload: Any) -> Record:
    """An order of that number with these fields."""
    return Record((str(number),), payload)


def stored(conn: psycopg.Connection) -> dict[str, Any]:
    """The orders of the table by their numbers."""
    rows = conn.execute("select order_number, payload from raw_stockx.orders").fetchall()
    conn.commit()
    return {str(number): payload for number, payload in rows}


def assert_whole(conn: psycopg.Connection) -> None:
    """Every row is one that a committed batch has inserted; no ledger line is left half written."""
    row = conn.execute(
        "select (select count(*) from raw_stockx.orders),"
        " coalesce(sum(rows_inserted), 0), coalesce(bool_and(rows_read > 0), true)"
        " from integration.import_batches where asset = 'raw_stockx.orders'"
    ).fetchone()
    conn.commit()
    assert row is not None
    assert row[0] == row[1]
    assert row[2]
