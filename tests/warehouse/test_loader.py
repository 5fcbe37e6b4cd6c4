"""The loader: a batch is loaded exactly once, or not at all, and the ledger balances."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.connection import connect
from soleflip_pipelines.warehouse.loader import (
    BatchResult,
    BatchSource,
    LoadError,
    RawTable,
    Record,
    Rejection,
    load_batch,
    read_cursor,
)
from tests.warehouse.loads import API, FORK, OFFERS, ORDERS, order, stored

pytestmark = pytest.mark.integration

RATES = RawTable("raw_ecb", "reference_rates", ("rate_on", "currency_code"))


def counts(result: BatchResult) -> tuple[int, ...]:
    return (
        result.read,
        result.inserted,
        result.updated,
        result.unchanged,
        result.duplicate,
        result.rejected,
    )


def test_a_rerun_changes_nothing(conn: psycopg.Connection) -> None:
    rows = [order("1", amount="10.00"), order("2", amount="20.00")]
    assert counts(load_batch(conn, ORDERS, rows, API)) == (2, 2, 0, 0, 0, 0)
    before = conn.execute("select *, xmin, ctid from raw_stockx.orders order by 1").fetchall()
    assert counts(load_batch(conn, ORDERS, rows, API)) == (2, 0, 0, 2, 0, 0)
    after = conn.execute("select *, xmin, ctid from raw_stockx.orders order by 1").fetchall()
    assert after == before


def test_only_what_differs_is_rewritten(conn: psycopg.Connection) -> None:
    load_batch(conn, ORDERS, [order("1", a=1), order("2", a=1)], API)
    kept = conn.execute("select xmin, ctid from raw_stockx.orders where order_number = '1'")
    kept_before = kept.fetchall()
    result = load_batch(conn, ORDERS, [order("1", a=1), order("2", a=2), order("3", a=3)], API)
    assert counts(result) == (3, 1, 1, 1, 0, 0)
    kept = conn.execute("select xmin, ctid from raw_stockx.orders where order_number = '1'")
    assert kept.fetchall() == kept_before
    assert stored(conn) == {"1": {"a": 1}, "2": {"a": 2}, "3": {"a": 3}}
    changed = conn.execute(
        "select order_number, batch_id, changed_at > first_seen_at from raw_stockx.orders"
        " where batch_id = %s order by 1",
        [result.batch_id],
    ).fetchall()
    assert changed == [("2", result.batch_id, True), ("3", result.batch_id, False)]


def test_key_order_and_whitespace_do_not_make_a_change(conn: psycopg.Connection) -> None:
    load_batch(conn, ORDERS, [Record(("1",), {"a": 1, "b": {"c": 2, "d": 3}})], API)
    result = load_batch(conn, ORDERS, [Record(("1",), {"b": {"d": 3, "c": 2}, "a": 1})], API)
    assert result.unchanged == 1


def test_of_equal_keys_the_last_wins(conn: psycopg.Connection) -> None:
    rows = [order("1", v=1), order("2", v=1), order("1", v=2), order("1", v=3)]
    assert counts(load_batch(conn, ORDERS, rows, API)) == (4, 2, 0, 0, 2, 0)
    assert stored(conn) == {"1": {"v": 3}, "2": {"v": 1}}


def test_typed_and_compound_keys(conn: psycopg.Connection) -> None:
    offers = [Record(("7", "a"), {"p": 1}), Record(("8", "a"), {"p": 2})]
    assert load_batch(conn, OFFERS, offers, BatchSource("awin", "feed")).inserted == 2
    rates = [Record(("2026-11-20", "USD"), {"rate": "1.05"})]
    assert load_batch(conn, RATES, rates, BatchSource("ecb", "api")).inserted == 1
    assert load_batch(conn, RATES, rates, BatchSource("ecb", "api")).unchanged == 1


def test_bad_rows_are_kept_with_their_reason(conn: psycopg.Connection) -> None:
    bad = Rejection("line 3", "bad_number", "not a number", "x;y;n/a", field="price")
    rows = [order("1", a=1), bad, bad, order("", a=1)]
    assert counts(load_batch(conn, ORDERS, rows, API)) == (4, 1, 0, 0, 0, 3)
    kept = conn.execute(
        "select position, field, reason_code, raw_row, status from integration.rejected_rows"
        " order by rejected_id"
    ).fetchall()
    assert sorted(kept, key=str) == [
        ("4", None, "missing_key", '{"key": [""], "payload": {"a": 1}}', "open"),
        ("line 3", "price", "bad_number", "x;y;n/a", "open"),
    ]


def test_a_row_rejected_again_is_seen_again_but_kept_once(conn: psycopg.Connection) -> None:
    first = load_batch(conn, ORDERS, [Rejection("1", "bad", "bad", "raw")], API)
    conn.execute("update integration.rejected_rows set status = 'retried'")
    conn.commit()
    load_batch(conn, ORDERS, [Rejection("2", "worse", "worse", "raw")], API)
    rows = conn.execute(
        "select batch_id, position, reason_code, status, last_seen_at > rejected_at"
        " from integration.rejected_rows"
    ).fetchall()
    assert rows == [(first.batch_id, "2", "worse", "open", True)]


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (order("1", text="a\0b"), "nul_character"),
        (order("1", nested=[{"k\0": 1}]), "nul_character"),
        (order("1\0", a=1), "nul_character"),
        (order("1", text="\ud800"), "bad_unicode"),
        (order("1", weight=float("nan")), "bad_number"),
    ],
)
def test_what_postgres_cannot_hold_is_rejected_not_a_crash(
    conn: psycopg.Connection, record: Record, code: str
) -> None:
    result = load_batch(conn, ORDERS, [record, order("2", text="literal \\u0000")], API)
    assert counts(result) == (2, 1, 0, 0, 0, 1)
    row = conn.execute("select reason_code from integration.rejected_rows").fetchone()
    assert row == (code,)
    assert stored(conn) == {"2": {"text": "literal \\u0000"}}


NAN, INFINITE = float("nan"), float("-inf")


@pytest.mark.parametrize("is_first", [True, False], ids=["empty table", "grown table"])
@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ([1.0, NAN], (2, 1, 0, 0, 0, 1)),
        ([NAN, 1.0], (2, 1, 0, 0, 0, 1)),
        ([1.0, INFINITE, 1.0], (3, 1, 0, 0, 1, 1)),
        ([NAN, INFINITE], (2, 0, 0, 0, 0, 2)),
    ],
)
def test_a_number_that_is_none_never_hides_a_row_of_its_key(
    conn: psycopg.Connection, weights: list[float], expected: tuple[int, ...], is_first: bool
) -> None:
    if not is_first:
        load_batch(conn, ORDERS, [order("9", text="NaN and Infinity are words here")], API)
    before = stored(conn)
    result = load_batch(conn, ORDERS, [order("1", weight=weight) for weight in weights], API)
    assert counts(result) == expected
    assert stored(conn) == before | ({"1": {"weight": 1.0}} if expected[1] else {})
    refused = conn.execute("select raw_row from integration.rejected_rows").fetchall()
    assert len(refused) == expected[5]
    assert all("NaN" in raw or "Infinity" in raw for (raw,) in refused)


def test_an_empty_batch_leaves_a_ledger_line_and_moves_the_cursor(conn: psycopg.Connection) -> None:
    assert read_cursor(conn, "stockx.orders") is None
    result = load_batch(conn, ORDERS, [], API, cursor=("stockx.orders", {"day": "2026-11-22"}))
    assert counts(result) == (0, 0, 0, 0, 0, 0)
    assert read_cursor(conn, "stockx.orders") == {"day": "2026-11-22"}


def test_the_cursor_moves_only_with_its_rows(conn: psycopg.Connection) -> None:
    load_batch(conn, ORDERS, [order("1", a=1)], API, cursor=("s", {"page": 1}))

    def breaks() -> Iterator[Record]:
        yield order("2", a=1)
        raise ConnectionError("the partner went away")

    with pytest.raises(ConnectionError):
        load_batch(conn, ORDERS, breaks(), API, cursor=("s", {"page": 2}))
    assert read_cursor(conn, "s") == {"page": 1}
    assert stored(conn) == {"1": {"a": 1}}
    batches = conn.execute("select count(*) from integration.import_batches").fetchone()
    assert batches == (1,)


def test_after_sees_the_outcomes_and_shares_the_transaction(conn: psycopg.Connection) -> None:
    load_batch(conn, ORDERS, [order("1", a=1), order("2", a=1)], API)
    seen: list[tuple[Any, ...]] = []

    def after(cur: psycopg.Cursor, batch_id: int) -> None:
        cur.execute("select order_number, payload, outcome from incoming order by 1")
        seen.extend(cur.fetchall())

    rows = [order("1", a=1), order("2", a=2), order("3", a=0), order("3", a=3), order("", b=1)]
    load_batch(conn, ORDERS, rows, API, after=after)
    assert seen == [
        ("1", {"a": 1}, "unchanged"),
        ("2", {"a": 2}, "updated"),
        ("3", {"a": 3}, "inserted"),
    ]

    def fails(cur: psycopg.Cursor, batch_id: int) -> None:
        raise RuntimeError("history cannot be written")

    with pytest.raises(RuntimeError):
        load_batch(conn, ORDERS, [order("9", a=9)], API, after=fails)
    assert "9" not in stored(conn)


def test_a_file_loads_once(conn: psycopg.Connection) -> None:
    origin = BatchSource("inbox", "file", file_name="a.csv", file_sha256="ab" * 32)
    first = load_batch(conn, ORDERS, [order("1", a=1)], origin)
    again = load_batch(conn, ORDERS, [order("1", a=2)], origin)
    assert again.is_repeat
    assert (again.batch_id, again.inserted) == (first.batch_id, 1)
    assert stored(conn) == {"1": {"a": 1}}


def test_an_error_names_the_place_and_never_the_row(conn: psycopg.Connection) -> None:
    with pytest.raises(LoadError) as caught:
        load_batch(conn, RATES, [Record(("secret-day", "USD"), {})], API)
    assert "22007" in str(caught.value)
    assert "secret-day" not in str(caught.value)
    assert not caught.value.is_transient


def _load_many(settings: Settings, start: int, results: Any) -> None:
    with connect(settings) as conn:
        rows = (order(str(n), n=n) for n in range(start, start + 2000))
        results.put(counts(load_batch(conn, ORDERS, rows, API)))


def test_two_processes_at_once_have_one_effect(
    settings: Settings, conn: psycopg.Connection
) -> None:
    results = FORK.Queue()
    workers = [FORK.Process(target=_load_many, args=(settings, 0, results)) for _ in range(3)]
    for worker in workers:
        worker.start()
    outcomes = sorted(results.get(timeout=60) for _ in workers)
    for worker in workers:
        worker.join()
    assert outcomes == [(2000, 0, 0, 2000, 0, 0)] * 2 + [(2000, 2000, 0, 0, 0, 0)]
    assert len(stored(conn)) == 2000


def _load_slowly(settings: Settings, reached: Any) -> None:
    def rows() -> Iterator[Record]:
        for n in range(5000):
            if n == 3000:
                reached.set()
                time.sleep(60)
            yield order(str(n), n=n)

    with connect(settings) as conn:
        load_batch(conn, ORDERS, rows(), API, cursor=("s", {"n": 5000}))


def test_a_kill_in_the_middle_leaves_nothing_and_the_next_run_heals_it(
    settings: Settings, conn: psycopg.Connection
) -> None:
    load_batch(conn, ORDERS, [order("1", n=0)], API, cursor=("s", {"n": 1}))
    reached = FORK.Event()
    worker = FORK.Process(target=_load_slowly, args=(settings, reached))
    worker.start()
    assert reached.wait(30)
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)
    worker.join()
    assert stored(conn) == {"1": {"n": 0}}
    assert read_cursor(conn, "s") == {"n": 1}

    rows = [order(str(n), n=n) for n in range(5000)]
    result = load_batch(conn, ORDERS, rows, API, cursor=("s", {"n": 5000}))
    assert counts(result) == (5000, 4999, 1, 0, 0, 0)
    assert stored(conn) == {str(n): {"n": n} for n in range(5000)}


keys = st.sampled_from(["", "a", "b", "c", "d"])
records = st.builds(order, keys, v=st.integers(0, 2))
rejections = st.builds(Rejection, st.just("1"), st.just("bad"), st.just("bad"), keys)
batches = st.lists(st.lists(records | rejections, max_size=6), max_size=5)


@hypothesis_settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(batches)
def test_any_sequence_of_batches_equals_a_dictionary(
    conn: psycopg.Connection, batches: list[list[Record | Rejection]]
) -> None:
    conn.rollback()
    conn.execute("delete from raw_stockx.orders")
    model: dict[str, Any] = {}
    for batch in batches:
        good = [row for row in batch if isinstance(row, Record) and row.key[0]]
        final = {row.key[0]: row.payload for row in good}
        expected = (
            len(batch),
            len(set(final) - set(model)),
            sum(1 for key in final if key in model and model[key] != final[key]),
            sum(1 for key in final if key in model and model[key] == final[key]),
            len(good) - len(final),
            len(batch) - len(good),
        )
        model.update(final)
        assert counts(load_batch(conn, ORDERS, batch, API)) == expected
    assert stored(conn) == model
