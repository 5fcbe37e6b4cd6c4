"""What is personal leaves raw when its time is over, and a second reading brings nothing back."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from soleflip_pipelines.ingestion.originals import remove_expired_originals
from soleflip_pipelines.warehouse import retention
from soleflip_pipelines.warehouse.loader import (
    BatchSource,
    RawTable,
    Record,
    Rejection,
    load_batch,
)
from soleflip_pipelines.warehouse.retention import apply_retention

pytestmark = pytest.mark.integration

EBAY = RawTable("raw_ebay", "orders", ("order_id",))
REPORT = RawTable("raw_csv", "ebay_report", ("line_key",))
ORDER: dict[str, Any] = {
    "orderId": "1",
    "buyer": {"username": "canary-user", "taxAddress": {"city": "canary-city"}},
    "pricingSummary": {"total": {"value": "155.00", "currency": "EUR"}},
    "fulfillmentHrefs": ["https://x/shipping_fulfillment/canary-tracking"],
    "fulfillmentStartInstructions": [
        {"fulfillmentInstructionsType": "SHIP_TO"},
        {"shippingStep": {"shipTo": {"fullName": "canary-name"}, "shippingCarrierCode": "DHL"}},
    ],
    "lineItems": [{"lineItemId": "9", "title": "Shoe"}],
}
LINE = {"order_number": "1", "product_name": "Shoe", "cells": {"Buyer Username": "canary-user"}}


def load(conn: psycopg.Connection, table: RawTable, *rows: Record | Rejection) -> Any:
    return load_batch(conn, table, rows, BatchSource("test", "api"))


def payload(conn: psycopg.Connection, table: str) -> dict[str, Any]:
    row = conn.execute(f"select payload from {table}").fetchone()
    conn.commit()
    assert row is not None
    return dict(row[0])


def after(days: int) -> date:
    return (datetime.now(UTC) + timedelta(days=days)).date()


def test_paths_go_when_their_days_are_over_and_everything_else_stays(
    conn: psycopg.Connection,
) -> None:
    load(conn, EBAY, Record(("1",), ORDER))
    load(conn, REPORT, Record(("1|9",), LINE))
    assert apply_retention(conn, after(729)) == {}
    assert payload(conn, "raw_ebay.orders") == ORDER

    assert apply_retention(conn, after(732)) == {
        "raw_csv.ebay_report cells": 1,
        "raw_ebay.orders buyer": 1,
        "raw_ebay.orders fulfillmentHrefs": 1,
        "raw_ebay.orders fulfillmentStartInstructions.*.shippingStep.shipTo": 1,
    }
    assert payload(conn, "raw_csv.ebay_report") == {"order_number": "1", "product_name": "Shoe"}
    kept = payload(conn, "raw_ebay.orders")
    assert "canary" not in str(kept)
    assert kept == {
        "orderId": "1",
        "pricingSummary": ORDER["pricingSummary"],
        "fulfillmentStartInstructions": [
            {"fulfillmentInstructionsType": "SHIP_TO"},
            {"shippingStep": {"shippingCarrierCode": "DHL"}},
        ],
        "lineItems": ORDER["lineItems"],
    }
    assert apply_retention(conn, after(733)) == {}


def test_the_same_order_read_again_brings_nothing_back_but_a_change_is_cleaned_too(
    conn: psycopg.Connection,
) -> None:
    load(conn, EBAY, Record(("1",), ORDER))
    apply_retention(conn, after(800))
    assert load(conn, EBAY, Record(("1",), ORDER)).unchanged == 1
    assert "canary" not in str(payload(conn, "raw_ebay.orders"))
    assert load(conn, EBAY, Record(("1",), {**ORDER, "refunded": True})).updated == 1
    assert apply_retention(conn, after(800))["raw_ebay.orders buyer"] == 1
    kept = payload(conn, "raw_ebay.orders")
    assert kept["refunded"] is True
    assert "canary" not in str(kept)


def test_every_batch_leaves_its_evidence(
    conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH_ROWS", 2)
    load(conn, REPORT, *(Record((str(number),), LINE) for number in range(5)))
    today = after(1000)
    assert apply_retention(conn, today) == {"raw_csv.ebay_report cells": 5}
    assert conn.execute(
        "select raw_table, json_path, seen_before_on, sum(row_count), count(*)"
        " from compliance.erasure_log group by 1, 2, 3"
    ).fetchall() == [("raw_csv.ebay_report", ["cells"], today - timedelta(days=730), 5, 3)]


def test_the_text_of_refused_rows_goes_sooner_once_they_are_decided(
    conn: psycopg.Connection,
) -> None:
    refused = [Rejection(f"f:{n}", "bad", "why", f"canary {n}", context={"k": n}) for n in (1, 2)]
    load(conn, REPORT, *refused)
    conn.execute("update integration.rejected_rows set status = 'discarded' where position = 'f:1'")
    conn.commit()
    query = "select raw_row, context, reason from integration.rejected_rows order by position"
    gone = (retention.REMOVED, None, "why")
    assert apply_retention(conn, after(32)) == {"integration.rejected_rows raw_row.decided": 1}
    assert conn.execute(query).fetchall() == [gone, ("canary 2", {"k": 2}, "why")]
    conn.commit()
    assert apply_retention(conn, after(367)) == {
        "integration.rejected_rows raw_row.open": 1, "realtime.event undelivered": 1,
    }  # fmt: skip
    assert conn.execute(query).fetchall() == [gone, gone]


def test_a_rule_that_finds_another_shape_ends_and_removes_nothing(
    conn: psycopg.Connection,
) -> None:
    odd = {"fulfillmentStartInstructions": {"shippingStep": [{"shipTo": 1}]}, "buyer": None}
    load(conn, EBAY, Record(("1",), odd))
    assert apply_retention(conn, after(1000)) == {"raw_ebay.orders buyer": 1}
    assert payload(conn, "raw_ebay.orders") == {k: v for k, v in odd.items() if k != "buyer"}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (["a"], {"l": [{"x": 1, "y": 2}, {"y": 3}, 4]}),
        (["l", "*", "y"], {"a": 1, "l": [{"x": 1}, {}, 4]}),
        (["l", "*", "z"], None),
        (["a", "*", "y"], None),
        (["l", "y"], None),
    ],
)
def test_a_path_is_taken_out_of_a_document(
    conn: psycopg.Connection, path: list[str], expected: dict[str, Any] | None
) -> None:
    document = {"a": 1, "l": [{"x": 1, "y": 2}, {"y": 3}, 4]}
    row = conn.execute("select compliance.without_path(%s, %s)", [Jsonb(document), path]).fetchone()
    assert row == (document if expected is None else expected,)


def test_events_go_after_their_delivery_and_in_the_end_without_one(
    conn: psycopg.Connection,
) -> None:
    conn.execute(
        "insert into realtime.event (event_key, event_type, subject, occurred_at, payload,"
        " delivered_at) select key, 'order.sold', 'x', now(), '{}', delivered_at"
        " from (values ('taken', now()), ('waiting', null)) as event (key, delivered_at)"
    )
    conn.commit()
    left = "select event_key from realtime.event order by 1"
    assert apply_retention(conn, after(90)) == {}
    assert apply_retention(conn, after(92)) == {"realtime.event delivered": 1}
    assert conn.execute(left).fetchall() == [("waiting",)]
    conn.commit()
    assert apply_retention(conn, after(367)) == {"realtime.event undelivered": 1}
    assert conn.execute(left).fetchall() == []


def test_viewers_do_not_see_the_text_of_refused_rows(conn: psycopg.Connection) -> None:
    query = (
        "select has_column_privilege('soleflip_reader', 'integration.rejected_rows', %s, 'select')"
    )
    assert conn.execute(query, ["reason"]).fetchone() == (True,)
    assert conn.execute(query, ["raw_row"]).fetchone() == (False,)
    assert conn.execute(query, ["context"]).fetchone() == (False,)


def test_an_imported_file_goes_when_its_rows_have_forgotten_it(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    folder = tmp_path / "imported"
    folder.mkdir()
    for number, table in enumerate(("ebay_report", "products", "purchases")):
        digest = f"{number}" * 64
        origin = BatchSource("inbox", "file", file_name="x.csv", file_sha256=digest)
        columns = {"ebay_report": "line_key", "products": "product_key", "purchases": "line_key"}
        load_batch(conn, RawTable("raw_csv", table, (columns[table],)), [], origin)
        (folder / f"{digest[:8]}_x.csv").write_text("canary")
    (folder / "someone-elses.csv").write_text("x")
    assert remove_expired_originals(conn, tmp_path, after(729)) == {}
    assert remove_expired_originals(conn, tmp_path, after(732)) == {"raw_csv.ebay_report": 1}
    assert sorted(path.name for path in folder.iterdir()) == [
        "11111111_x.csv", "22222222_x.csv", "someone-elses.csv",
    ]  # fmt: skip
    evidence = conn.execute("select raw_table, json_path from compliance.erasure_log").fetchall()
    assert evidence == [("raw_csv.ebay_report", ["imported file"])]
    assert remove_expired_originals(conn, tmp_path / "none", after(732)) == {}
