"""The checks of raw tables: what each says of the batches of a run."""

from __future__ import annotations

from typing import Any

import dagster as dg
import psycopg
import pytest

from soleflip_pipelines.defs.checks import raw_checks, raw_results
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.connection import connect
from soleflip_pipelines.warehouse.loader import (
    BatchResult,
    BatchSource,
    RawTable,
    Record,
    Rejection,
    load_batch,
)

pytestmark = pytest.mark.integration

ORDERS = RawTable("raw_stockx", "orders", ("order_number",))
BAD = [Rejection(f"line {n}", "bad", f"reason {n}", f"raw {n}") for n in range(20)]


def load(conn: psycopg.Connection, *rows: Any, declared: int | None = None) -> BatchResult:
    origin = BatchSource("stockx", "api", rows_declared=declared)
    return load_batch(conn, ORDERS, rows, origin)


def order(number: int, **payload: Any) -> Record:
    return Record((str(number),), {"status": "COMPLETED", **payload})


def results(conn: psycopg.Connection, *batches: BatchResult) -> dict[str, dg.AssetCheckResult]:
    found = raw_results(conn, ORDERS.address, [batch.batch_id for batch in batches])
    named = {str(result.check_name): result for result in found}
    assert set(named) == {spec.name for spec in raw_checks(ORDERS.address)}
    conn.commit()
    return named


def test_a_good_run_passes_every_check(conn: psycopg.Connection) -> None:
    batch = load(conn, order(1), order(2), declared=2)
    assert all(result.passed for result in results(conn, batch).values())
    assert all(result.passed for result in results(conn).values())


def test_a_row_that_no_batch_has_written_fails_the_ledger(conn: psycopg.Connection) -> None:
    batch = load(conn, order(1))
    conn.execute("insert into raw_stockx.orders select '2', '{}', 'x', now(), now(), 1")
    assert not results(conn, batch)["ledger_balances"].passed


@pytest.mark.parametrize(
    ("declared", "passed", "severity"),
    [(1, True, None), (2, False, dg.AssetCheckSeverity.ERROR), (0, False, "WARN")],
)
def test_declared_and_read_are_compared(
    conn: psycopg.Connection, declared: int, passed: bool, severity: Any
) -> None:
    result = results(conn, load(conn, order(1), declared=declared))["declared_rows_read"]
    assert result.passed is passed
    if severity:
        assert result.severity == dg.AssetCheckSeverity(severity)


def test_many_refused_rows_fail_and_a_few_warn(conn: psycopg.Connection) -> None:
    few = results(conn, load(conn, *BAD[:9]))
    assert few["few_rejections"].passed
    assert not few["no_open_rejections"].passed
    assert "reason 8" in str(few["no_open_rejections"].metadata["newest"].value)
    many = results(conn, load(conn, *BAD, *(order(n) for n in range(100))))
    assert not many["few_rejections"].passed
    share = results(conn, load(conn, *BAD, *(order(n) for n in range(200))))
    assert share["few_rejections"].passed


def test_a_new_field_is_named_once_wherever_it_appears(conn: psycopg.Connection) -> None:
    first = results(conn, load(conn, order(1, product={"id": 1})), load(conn, order(2, extra=1)))
    assert first["drift"].passed
    again = load(conn, order(3, product={"id": 2, "colour": "red"}), order(4, tax=None))
    drift = results(conn, again)["drift"]
    assert not drift.passed
    assert drift.severity == dg.AssetCheckSeverity.WARN
    assert drift.metadata["new fields"].value == "- product.colour\n- tax"
    kept = conn.execute("select payload from raw_stockx.orders where order_number = '3'").fetchone()
    assert kept is not None
    assert kept[0]["product"]["colour"] == "red"
    assert results(conn, load(conn, order(5, tax=1)))["drift"].passed


def test_an_unknown_status_is_kept_and_named(settings: Settings, conn: psycopg.Connection) -> None:
    with connect(settings, role="transformer", autocommit=True) as dbt:
        dbt.execute("create table reference.order_status (platform text, status_raw text)")
        dbt.execute("insert into reference.order_status values ('stockx', 'COMPLETED')")
    known = load(conn, order(1), order(2, status="completed"))
    assert results(conn, known)["known_statuses"].passed
    batch = load(conn, order(3, status="TELEPORTED"))
    result = results(conn, batch)["known_statuses"]
    assert not result.passed
    assert result.metadata["unknown"].value == "- TELEPORTED: 1 orders"
    assert batch.inserted == 1


@pytest.mark.parametrize(
    ("changed", "unknown"),
    [
        ({}, None),
        ({"orderPaymentStatus": "ON_HOLD"}, "- ON_HOLD: 1 orders"),
        ({"cancelStatus": {"cancelState": "PERHAPS"}}, "- PERHAPS: 1 orders"),
        ({"lineItems": [{"lineItemFulfillmentStatus": "BEAMED"}]}, "- BEAMED: 1 orders"),
    ],
)
def test_an_unknown_state_at_ebay_is_named(
    settings: Settings, conn: psycopg.Connection, changed: dict[str, Any], unknown: str | None
) -> None:
    with connect(settings, role="transformer", autocommit=True) as dbt:
        dbt.execute("create table reference.order_status (platform text, status_raw text)")
    known = {
        "orderPaymentStatus": "PAID",
        "orderFulfillmentStatus": "FULFILLED",
        "cancelStatus": {"cancelState": "NONE_REQUESTED"},
        "lineItems": [{"lineItemFulfillmentStatus": "FULFILLED"}],
    }
    table = RawTable("raw_ebay", "orders", ("order_id",))
    batch = load_batch(conn, table, [Record(("1",), {**known, **changed})], BatchSource("e", "api"))
    found = {r.check_name: r for r in raw_results(conn, table.address, [batch.batch_id])}
    result = found["known_statuses"]
    assert result.passed is (unknown is None)
    assert result.metadata["unknown"].value == (unknown or "none")
