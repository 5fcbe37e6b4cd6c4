"""Compares the marts with the sandbox's truth, row by row and to the cent.

The entry: what is counted and what is in quarantine is here, every mart's comparison is in
`verification`. Both sides are streamed in the same order, so a million orders need no more memory
than a thousand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import LiteralString

import psycopg

from soleflip_pipelines.errors import SoleflipError
from soleflip_pipelines.sandbox import storage
from soleflip_pipelines.sandbox.verification import (
    catalog,
    channels,
    forecasts,
    kpis,
    lists,
    lots,
    money,
    orders,
    payouts,
    performance,
    platforms,
    pricing,
    shelf,
    stock,
    turnover,
)
from soleflip_pipelines.sandbox.verification.sides import Sides, open_sides
from soleflip_pipelines.sandbox.verify_report import Check, VerifyReport
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.connection import connect

COMPARISONS = (
    *orders.COMPARISONS,
    *stock.COMPARISONS,
    *lots.COMPARISONS,
    *shelf.COMPARISONS,
    *money.COMPARISONS,
    *payouts.COMPARISONS,
    *catalog.COMPARISONS,
    *lists.COMPARISONS,
    *pricing.COMPARISONS,
    *platforms.COMPARISONS,
    *forecasts.COMPARISONS,
    *kpis.COMPARISONS,
    *performance.COMPARISONS,
    *channels.COMPARISONS,
    *turnover.COMPARISONS,
)
# What each raw table must hold, and the key of the truth that says so.
_COUNTS: tuple[tuple[str, LiteralString], ...] = (
    ("orders", "select count(*) from raw_stockx.orders"),
    ("purchase_lines", "select count(*) from raw_csv.purchases"),
    ("sheet_rows", "select count(*) from raw_csv.sales"),
    ("offers", "select count(*) from raw_awin.offers"),
    ("ebay_orders", "select count(*) from raw_ebay.orders"),
    ("alias_orders", "select count(*) from raw_alias.orders"),
    ("alias_listings", "select count(*) from raw_alias.listings"),
    ("stockx_report_rows", "select count(*) from raw_csv.stockx_report"),
    ("ebay_report_rows", "select count(*) from raw_csv.ebay_report"),
    ("alias_report_rows", "select count(*) from raw_csv.alias_report"),
    ("product_rows", "select count(*) from raw_csv.products"),
    ("stock_count_rows", "select count(*) from raw_csv.stock_counts"),
    ("rejected_rows", "select count(*) from integration.rejected_rows"),
)


class VerifyImpossible(SoleflipError):
    """There is nothing to compare, or nothing to compare with; the text says what to do."""


def verify(settings: Settings) -> VerifyReport:
    """Compare every mart with the truth, in one snapshot of the database.

    Raises:
        VerifyImpossible: not in sandbox mode, no sandbox business, or no marts yet.
    """
    if settings.mode != "sandbox":
        raise VerifyImpossible("there is a truth only in sandbox mode: set SOLEFLIP_MODE=sandbox")
    meta = storage.read_meta(settings.sandbox_folder / storage.TRUTH)
    if meta is None:
        raise VerifyImpossible("no sandbox business to compare with: run soleflip sandbox start")
    try:
        with connect(settings, role=None) as conn:
            conn.rollback()
            conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            sides = open_sides(settings.sandbox_folder, conn, meta, settings.today())
            try:
                return VerifyReport(meta["generation_id"], list(checks(sides)))
            finally:
                sides.truth.close()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        raise VerifyImpossible("the marts are not built yet: run soleflip run first") from None


def checks(sides: Sides) -> Iterator[Check]:
    """Run every check, one after the other."""
    yield _check_counts(sides.marts, sides.meta)
    yield _check_rejected(sides)
    for comparison in COMPARISONS:
        yield comparison.run(sides)


def _check_counts(conn: psycopg.Connection, meta: Mapping[str, str]) -> Check:
    check = Check("raw rows, counted")
    for key, sql in _COUNTS:
        row = conn.execute(sql).fetchone()
        check.rows += 1
        check.compared += 1
        if row is None or str(row[0]) != meta[key]:
            check.note(sql.split(" from ")[1], "rows", meta[key], row[0] if row else None)
    return check


def _check_rejected(sides: Sides) -> Check:
    """Every irreparable row that was planted is in quarantine."""
    check = Check("integration.rejected_rows")
    refused = [
        " ".join(str(row[0]).replace('""', '"').split()) for row in sides.marts.execute(
            "select raw_row from integration.rejected_rows where asset like 'raw_csv%%'"
        )
    ]  # fmt: skip
    for row in sides.truth.execute("select * from rejected_row"):
        check.rows += 1
        check.compared += 1
        if not any(row["marker"] in text for text in refused):
            check.note(row["marker"], row["flaw"], "in quarantine", "not there")
    return check
