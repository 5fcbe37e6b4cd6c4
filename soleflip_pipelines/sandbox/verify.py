"""Compares the marts with the sandbox's truth, order by order and unit by unit, to the cent.

Reads the warehouse and `truth.sqlite`; both are streamed in the same order, so a million orders
need no more memory than a thousand. What the truth holds is made in `costing` and `business`.
"""

from __future__ import annotations

import sqlite3
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, LiteralString

import psycopg
from psycopg.rows import DictRow, dict_row

from soleflip_pipelines.errors import SoleflipError
from soleflip_pipelines.sandbox import storage
from soleflip_pipelines.sandbox.codes import style_key
from soleflip_pipelines.sandbox.verify_report import Check, VerifyReport
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.connection import connect

LABEL_FLOOR = 0.97
_FEES = ("transaction_fee", "processing_fee", "shipping_fee", "other_fee")
_CENTS = Decimal("0.01")

_MART_ORDERS: LiteralString = """
select o.order_number, o.status, o.is_sale, o.sold_on::text as sold_on, o.amount,
       o.currency_code as currency, o.gross_sale_eur as gross,
       o.transaction_fee_eur as transaction_fee, o.processing_fee_eur as processing_fee,
       o.shipping_fee_eur as shipping_fee, o.other_fee_eur as other_fee,
       o.penalty_eur as penalty, o.net_payout_eur as net_payout, s.line_key, s.unit_no,
       o.cost_match_method as method, o.cost_eur as cost, o.vat_due_eur as vat_due,
       o.net_profit, o.profit_state as state
from sales."order" o
left join inventory.stock s on s.id = o.inventory_item_id
where o.platform = 'stockx'
order by o.order_number collate "C"
"""
_MART_UNITS: LiteralString = """
select line_key, unit_no, supplier_name as supplier,
       external_ids ->> 'stockx_variant_id' as variant_id, cost_eur as cost,
       case when status in ('available', 'listed') then 'on_hand' else status end as status,
       sold_order_number as order_number
from inventory.stock
order by line_key collate "C", unit_no
"""
_MART_PRODUCTS: LiteralString = """
select stockx_product_id as product_id, name as title, brand, category, style_code
from catalog.product
where stockx_product_id is not null
order by stockx_product_id collate "C"
"""
_MART_TOTALS: LiteralString = """
select sum(gross_sale_eur) filter (where is_sale) as gross,
       sum(cost_eur) filter (where is_sale) as cost, sum(penalty_eur) as penalty,
       sum(net_profit) filter (where profit_state in ('reconciled', 'payout_seen', 'not_a_sale'))
           as net_profit
from sales."order"
"""
_TRUE_TOTALS = """
select gross, cost, penalty, net_profit, is_sale from sold_order
"""
# What each table must hold, and the query or the key of the truth that says so.
_COUNTS: tuple[tuple[str, LiteralString], ...] = (
    ("orders", "select count(*) from raw_stockx.orders"),
    ("orders", 'select count(*) from sales."order"'),
    ("units", "select count(*) from inventory.stock"),
    ("products", "select count(*) from catalog.product"),
    ("purchase_lines", "select count(*) from raw_csv.purchases"),
    ("sheet_rows", "select count(*) from raw_csv.sales"),
    ("offers", "select count(*) from raw_awin.offers"),
    ("rejected_rows", "select count(*) from integration.rejected_rows"),
)


class VerifyImpossible(SoleflipError):
    """There is nothing to compare, or nothing to compare with; the text says what to do."""


def verify(settings: Settings) -> VerifyReport:
    """Compare every mart that the truth knows about.

    Raises:
        VerifyImpossible: not in sandbox mode, no sandbox business, or no marts yet.
    """
    if settings.mode != "sandbox":
        raise VerifyImpossible("there is a truth only in sandbox mode: set SOLEFLIP_MODE=sandbox")
    path = settings.sandbox_folder / storage.TRUTH
    meta = storage.read_meta(path)
    if meta is None:
        raise VerifyImpossible("no sandbox business to compare with: run soleflip sandbox start")
    truth = storage.open_read_only(path)
    try:
        with connect(settings, role=None) as conn:
            return VerifyReport(meta["generation_id"], _run(truth, conn, meta))
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        raise VerifyImpossible("the marts are not built yet: run soleflip run first") from None
    finally:
        truth.close()


def _run(
    truth: sqlite3.Connection, conn: psycopg.Connection, meta: Mapping[str, str]
) -> list[Check]:
    return [
        _check_counts(conn, meta),
        *_check_orders(truth, conn),
        _check_units(truth, conn),
        *_check_products(truth, conn),
        _check_rejected(truth, conn),
        _check_totals(truth, conn),
    ]


def _check_counts(conn: psycopg.Connection, meta: Mapping[str, str]) -> Check:
    check = Check("row counts")
    for key, sql in _COUNTS:
        row = conn.execute(sql).fetchone()
        check.compared += 1
        if row is None or str(row[0]) != meta[key]:
            check.note(sql.split(" from ")[1], "rows", meta[key], row[0] if row else None)
    return check


def _stream(conn: psycopg.Connection, sql: LiteralString) -> Iterator[DictRow]:
    with conn.cursor(name="verify", row_factory=dict_row) as cursor:
        cursor.itersize = 5_000
        cursor.execute(sql)
        yield from cursor


def _joined(
    true_rows: Iterator[sqlite3.Row],
    mart_rows: Iterator[DictRow],
    key: Callable[[Any], tuple[Any, ...]],
    check: Check,
) -> Iterator[tuple[sqlite3.Row, DictRow]]:
    """Pairs of equal key from two streams in order of key; the lonely ones are noted."""
    true, mart = next(true_rows, None), next(mart_rows, None)
    while true is not None or mart is not None:
        true_key = key(true) if true is not None else None
        mart_key = key(mart) if mart is not None else None
        if true is not None and mart is not None and true_key == mart_key:
            check.compared += 1
            yield true, mart
            true, mart = next(true_rows, None), next(mart_rows, None)
        elif mart_key is None or (true_key is not None and true_key < mart_key):
            check.compared += 1
            check.note(_name(true_key), "row", "present", "missing")
            true = next(true_rows, None)
        else:
            check.compared += 1
            check.note(_name(mart_key), "row", "absent", "present or present twice")
            mart = next(mart_rows, None)


def _name(key: tuple[Any, ...] | None) -> str:
    return " #".join(map(str, key or ()))


def _same(expected: object, found: object) -> bool:
    """Equal, with amounts compared in cents."""
    if expected is None or found is None:
        return expected is found
    if isinstance(found, Decimal):
        return Decimal(str(expected)).quantize(_CENTS) == found.quantize(_CENTS)
    if isinstance(found, bool):
        return bool(expected) == found
    return str(expected) == str(found)


def _fields_of(true: sqlite3.Row) -> Iterator[str]:
    """The fields of an order that can be known from what the pipeline was shown."""
    yield from ("status", "is_sale", "sold_on", "amount", "currency", "penalty", "state")
    if not true["is_sale"]:
        yield "net_profit"
        return
    yield from ("gross", "line_key", "unit_no", "method", "cost", "vat_due")
    if true["net_payout"] is not None:
        yield from _FEES
        yield "net_payout"
    if true["state"] != "estimated":
        yield "net_profit"


def _check_orders(truth: sqlite3.Connection, conn: psycopg.Connection) -> list[Check]:
    orders, money = Check("orders present once"), Check("order fields, to the cent")
    rows = truth.execute("select * from sold_order order by order_number")
    for true, mart in _joined(rows, _stream(conn, _MART_ORDERS), lambda r: (r["order_number"],),
                              orders):  # fmt: skip
        for name in _fields_of(true):
            money.compared += 1
            if not _same(true[name], mart[name]):
                money.note(true["order_number"], name, true[name], mart[name])
    return [orders, money]


def _check_units(truth: sqlite3.Connection, conn: psycopg.Connection) -> Check:
    check = Check("units: state, cost, variant, sale")
    rows = truth.execute("select * from unit order by line_key, unit_no")
    pairs = _joined(
        rows, _stream(conn, _MART_UNITS), lambda r: (r["line_key"], r["unit_no"]), check
    )
    for true, mart in pairs:
        subject = _name((true["line_key"], true["unit_no"]))
        for name in ("supplier", "variant_id", "cost", "status", "order_number"):
            if not _same(true[name], mart[name]):
                check.note(subject, name, true[name], mart[name])
    return check


def _fold(text: str | None) -> str:
    plain = unicodedata.normalize("NFKD", text or "").encode("ascii", "ignore").decode()
    return "".join(sign for sign in plain.lower() if sign.isalnum())


def _check_products(truth: sqlite3.Connection, conn: psycopg.Connection) -> list[Check]:
    """Names and codes exactly; brand and category to a floor, since they are detected.

    The parent or a partner of the true brand is not wrong as a brand.
    """
    present, codes = Check("products present once"), Check("style codes")
    brands, categories = Check("brands", floor=LABEL_FLOOR), Check("categories", floor=LABEL_FLOOR)
    rows = truth.execute("select * from product order by product_id")
    for true, mart in _joined(rows, _stream(conn, _MART_PRODUCTS), lambda r: (r["product_id"],),
                              present):  # fmt: skip
        codes.compared += 1
        if style_key(true["style_code"] or "") != style_key(mart["style_code"] or ""):
            codes.note(true["title"], "style_code", true["style_code"], mart["style_code"])
        brands.compared += 1
        fitting = {_fold(true["brand"]), _fold(true["parent_brand"])}
        fitting |= {_fold(name) for name in true["collaborators"].split("|")}
        if _fold(mart["brand"]) not in fitting - {""}:
            brands.note(true["title"], "brand", true["brand"], mart["brand"])
        categories.compared += 1
        if true["category"] != mart["category"]:
            categories.note(true["title"], "category", true["category"], mart["category"])
    return [present, codes, brands, categories]


def _check_rejected(truth: sqlite3.Connection, conn: psycopg.Connection) -> Check:
    """Every irreparable row that was planted is in quarantine."""
    check = Check("planted rows in quarantine")
    refused = [
        " ".join(str(row[0]).split()) for row in conn.execute(
            "select raw_row from integration.rejected_rows where asset like 'raw_csv%%'"
        )
    ]  # fmt: skip
    for row in truth.execute("select * from rejected_row"):
        check.compared += 1
        if not any(row["marker"] in text for text in refused):
            check.note(row["marker"], row["flaw"], "in quarantine", "not there")
    return check


def _check_totals(truth: sqlite3.Connection, conn: psycopg.Connection) -> Check:
    check = Check("totals in EUR")
    sums = dict.fromkeys(("gross", "cost", "penalty", "net_profit"), Decimal(0))
    for row in truth.execute(_TRUE_TOTALS):
        for name in sums:
            sums[name] += Decimal(row[name] or 0)
    with conn.cursor(row_factory=dict_row) as cursor:
        mart = cursor.execute(_MART_TOTALS).fetchone() or {}
    for name, expected in sums.items():
        check.compared += 1
        if not _same(expected, mart.get(name) or Decimal(0)):
            check.note(name, "sum", expected, mart.get(name))
    return check
