"""Batches that go wrong: old news, repeats over chunks, kills at any moment, races."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse import loader_rows, loader_sql
from soleflip_pipelines.warehouse.connection import connect
from soleflip_pipelines.warehouse.loader import (
    BatchResult,
    BatchSource,
    LoadError,
    RawTable,
    Record,
    load_batch,
    read_cursor,
)
from tests.warehouse.loads import API, FORK, OFFERS, ORDERS, assert_whole, order, stored

pytestmark = pytest.mark.integration

DATED = RawTable("raw_stockx", "orders", ("order_number",), newer_by="times.updatedAt")


def dated(number: str, day: int | None, **payload: Any) -> Record:
    times = {"updatedAt": f"2026-01-{day:02}T00:00:00Z"} if day else {}
    return order(number, times=times, **payload)


def test_an_older_version_never_replaces_a_newer_one(conn: psycopg.Connection) -> None:
    load_batch(conn, DATED, [dated("1", 5, v="new")], API)
    result = load_batch(conn, DATED, [dated("1", 3, v="old"), dated("2", 1)], API)
    assert (result.read, result.inserted, result.updated, result.unchanged) == (2, 1, 0, 1)
    assert stored(conn)["1"]["v"] == "new"
    assert load_batch(conn, DATED, [dated("1", 5, v="corrected")], API).updated == 1
    assert load_batch(conn, DATED, [dated("1", None, v="no time")], API).updated == 1


versions = st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 6)), min_size=1, max_size=8)


@hypothesis_settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(versions, st.randoms(use_true_random=False), st.integers(1, 3), st.integers(1, 8))
def test_the_order_of_delivery_does_not_matter(
    conn: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
    delivered: list[tuple[str, int]],
    chance: random.Random,
    chunk_rows: int,
    batch_rows: int,
) -> None:
    """Whatever the batches and chunks, the newest version of each order is what stays."""
    monkeypatch.setattr(loader_rows, "CHUNK_ROWS", chunk_rows)
    conn.execute("delete from raw_stockx.orders")
    chance.shuffle(delivered)
    rows = [dated(number, day, v=day) for number, day in delivered]
    for start in range(0, len(rows), batch_rows):
        batch = rows[start : start + batch_rows]
        result = load_batch(conn, DATED, batch, API)
        assert result.read == len(batch)
        assert result.duplicate == len(batch) - len({row.key for row in batch})
    newest = {number: max(d for n, d in delivered if n == number) for number, _ in delivered}
    assert {number: payload["v"] for number, payload in stored(conn).items()} == newest


def test_repeats_over_chunks_balance_and_the_last_wins(
    conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loader_rows, "CHUNK_ROWS", 2)
    load_batch(conn, ORDERS, [order(n, v=0) for n in range(4)], API)
    seen: list[tuple[str, str]] = []

    def after(cur: psycopg.Cursor, batch_id: int) -> None:
        cur.execute("select order_number, outcome from incoming order by 1")
        seen.extend(cur.fetchall())

    rows = [
        order(0, v=0), order(1, v=1), order(0, v=0), order(1, v=2), order(2, v=0), order(9, v=1),
        order(2, v=5), order(9, v=2), order(9, v=2),
    ]  # fmt: skip
    result = load_batch(conn, ORDERS, rows, API, after=after)
    assert result == BatchResult("raw_stockx.orders", result.batch_id, 9, 1, 2, 1, 5, 0)
    assert seen == [("0", "unchanged"), ("1", "updated"), ("2", "updated"), ("9", "inserted")]
    assert {k: v["v"] for k, v in stored(conn).items()} == {"0": 0, "1": 2, "2": 5, "3": 0, "9": 2}


def test_a_first_load_whose_keys_repeat_over_chunks_balances(
    conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """New rows are sent unasked as long as nothing but new rows come: a repeat ends that."""
    monkeypatch.setattr(loader_rows, "CHUNK_ROWS", 2)
    rows = [order(n, v=v) for n, v in ((1, 1), (2, 1), (3, 1), (1, 2), (4, 1), (5, 1), (6, 1))]
    rows += [order(5, v=1), order(7, v=1)]
    seen: list[tuple[str, str, int]] = []

    def after(cur: psycopg.Cursor, batch_id: int) -> None:
        query = "select order_number, outcome, (payload ->> 'v')::int from incoming order by 1"
        seen.extend(cur.execute(query).fetchall())

    result = load_batch(conn, ORDERS, rows, API, after=after)
    assert result == BatchResult("raw_stockx.orders", result.batch_id, 9, 7, 0, 0, 2, 0)
    assert seen == [("1", "inserted", 2), *((n, "inserted", 1) for n in "234567")]
    assert {k: v["v"] for k, v in stored(conn).items()} == dict.fromkeys("234567", 1) | {"1": 2}


def test_a_new_field_is_noted_wherever_in_a_batch_it_comes(
    conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loader_rows, "CHUNK_ROWS", 2)
    load_batch(conn, ORDERS, [order(n, v=0) for n in range(6)], API)
    rows = [order(n, v=0) for n in range(4)]
    rows += [order(4, v=0, late={"inner": 1}), order(5, v=0), order(9, last=1)]
    load_batch(conn, ORDERS, rows, API)
    known = conn.execute(
        "select field_path from integration.known_field where asset = %s order by 1",
        [ORDERS.address],
    ).fetchall()
    assert [path for (path,) in known] == ["last", "late", "late.inner", "v"]


def test_a_plan_made_for_an_empty_table_does_not_outlive_it(
    conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plan kept from then once compared each row of a first import with all those before it."""
    monkeypatch.setattr(loader_rows, "CHUNK_ROWS", 10)
    plans: list[Any] = []

    def after(cur: psycopg.Cursor, _: int) -> None:
        cur.execute(
            "select sum(custom_plans) > 9, sum(generic_plans) from pg_prepared_statements"
            " where statement like '%judged%'"
        )
        plans.append(cur.fetchone())

    load_batch(conn, ORDERS, [order(0, v=0)], API)
    # A known row in each chunk makes it ask.
    rows = [order(n if n % 10 else 0, v=0) for n in range(300)]
    load_batch(conn, ORDERS, rows, API, after=after)
    assert plans == [(True, 0)]


def test_the_same_fields_in_another_order_rewrite_nothing(conn: psycopg.Connection) -> None:
    load_batch(conn, ORDERS, [Record(("1",), {"a": 1, "b": {"c": 2, "d": 3}})], API)
    before = conn.execute("select xmin, ctid, payload_hash from raw_stockx.orders").fetchall()
    result = load_batch(conn, ORDERS, [Record(("1",), {"b": {"d": 3, "c": 2}, "a": 1})], API)
    after = conn.execute("select xmin, ctid, payload_hash from raw_stockx.orders").fetchall()
    assert (result.unchanged, result.updated, after) == (1, 0, before)


def test_keys_may_hold_what_formats_use(conn: psycopg.Connection) -> None:
    keys = ['a"b', "a\\b", "a\tb", "a\nb", "{a,b}", "NULL", "\\N", "ä ö", " ", "'", "a\rb"]
    rows = [Record((key, key), {"key": key}) for key in keys]
    assert load_batch(conn, OFFERS, rows, API).inserted == len(keys)
    assert load_batch(conn, OFFERS, rows, API).unchanged == len(keys)
    found = conn.execute("select feed_id, aw_product_id, payload ->> 'key' from raw_awin.offers")
    assert sorted(found.fetchall()) == sorted((key, key, key) for key in keys)


# --- kills ----------------------------------------------------------------------------------------


def _load_for_ever(settings: Settings, go: Any) -> None:
    with connect(settings) as conn:
        go.set()
        for number in range(10_000):
            rows = (order(n, n=n, batch=number) for n in range(number * 200, number * 300 + 900))
            load_batch(conn, ORDERS, rows, API, cursor=("s", {"batch": number}))


def test_sigkill_at_random_moments_leaves_whole_batches_only(
    settings: Settings, conn: psycopg.Connection
) -> None:
    chance = random.Random(36)
    for _ in range(15):
        go = FORK.Event()
        worker = FORK.Process(target=_load_for_ever, args=(settings, go))
        worker.start()
        assert go.wait(30)
        time.sleep(chance.uniform(0.0, 0.15))
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGKILL)
        worker.join()
        assert_whole(conn)
        cursor = read_cursor(conn, "s")
        conn.commit()
        newest = conn.execute(
            "select count(*) from integration.import_batches"
            " where batch_id > (select batch_id from integration.sync_state)"
        ).fetchone()
        conn.commit()
        assert newest == ((0,) if cursor else None) or cursor is None
    rows = [order(n, n=n) for n in range(500)]
    load_batch(conn, ORDERS, rows, API)
    assert load_batch(conn, ORDERS, rows, API).unchanged == 500
    assert_whole(conn)


def test_a_lock_that_another_load_keeps_is_not_waited_for_without_end(
    settings: Settings, conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loader_sql, "LOCK_TIMEOUT", "100ms")
    with connect(settings) as other:
        loader_sql.lock(other.cursor(), ORDERS.address)
        expected = "raw_stockx.orders: another load of it has been running for over 100ms; nothing"
        with pytest.raises(LoadError, match=expected) as caught:
            load_batch(conn, ORDERS, [order(1)], API)
    assert not caught.value.is_transient
    assert load_batch(conn, ORDERS, [order(1)], API).inserted == 1


def _hold(settings: Settings, reached: Any, seconds: float) -> None:
    def rows() -> Iterator[Record]:
        yield order("held", by="orphan")
        reached.set()
        time.sleep(seconds)

    with connect(settings) as conn:
        load_batch(conn, ORDERS, rows(), API)


def test_an_orphan_is_fenced_off_and_its_death_frees_the_asset(
    settings: Settings, conn: psycopg.Connection
) -> None:
    reached = FORK.Event()
    orphan = FORK.Process(target=_hold, args=(settings, reached, 60))
    orphan.start()
    assert reached.wait(30)
    waiting = FORK.Process(target=_hold, args=(settings, FORK.Event(), 0))
    waiting.start()
    waiting.join(1)
    assert waiting.exitcode is None, "two loads of one asset were at work at once"
    assert orphan.pid is not None
    os.kill(orphan.pid, signal.SIGKILL)
    waiting.join(30)
    assert waiting.exitcode == 0
    orphan.join()
    assert_whole(conn)


def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    told = tmp_path / "child"
    parent = subprocess.Popen([
        sys.executable, "-c",
        "import subprocess, pathlib\n"
        "from soleflip_pipelines.processes import end_with_parent\n"
        "child = subprocess.Popen(['sleep', '600'], preexec_fn=end_with_parent)\n"
        f"pathlib.Path({str(told)!r}).write_text(str(child.pid))\n"
        "child.wait()",
    ])  # fmt: skip
    _until(lambda: told.exists() and told.read_text() != "")
    parent.kill()
    parent.wait()
    child = Path(f"/proc/{told.read_text()}/cmdline")
    _until(lambda: not child.exists() or child.read_bytes() == b"")


# --- races ----------------------------------------------------------------------------------------


def _load_both(settings: Settings, seed: int, results: Any) -> None:
    """Loads two assets in an order of its own, with rows that all processes share."""
    chance = random.Random(seed)
    with connect(settings) as conn:
        for number in range(4):
            rows = [order(n, n=n, round=number) for n in chance.sample(range(400), 300)]
            offers = [Record(("1", row.key[0]), row.payload) for row in rows]
            jobs: list[Callable[[], BatchResult]] = [
                lambda r=rows: load_batch(conn, ORDERS, r, API, cursor=("s", {"by": seed})),  # type: ignore[misc]
                lambda o=offers: load_batch(conn, OFFERS, o, BatchSource("awin", "feed")),  # type: ignore[misc]
            ]
            for job in jobs if seed % 2 else reversed(jobs):
                job()
    results.put(seed)


def test_eight_processes_neither_double_nor_deadlock(
    settings: Settings, conn: psycopg.Connection
) -> None:
    results = FORK.Queue()
    workers = [FORK.Process(target=_load_both, args=(settings, n, results)) for n in range(8)]
    for worker in workers:
        worker.start()
    assert sorted(results.get(timeout=60) for _ in workers) == list(range(8))
    for worker in workers:
        worker.join()
    assert_whole(conn)
    assert len(stored(conn)) == 400


def _until(is_done: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not is_done():
        assert time.monotonic() < deadline
        time.sleep(0.02)
