"""Known pages: one that is stored as it came costs its hash alone, and hides nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from soleflip_pipelines.ingestion.fields import DocumentForm, is_amount
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse import loader_rows
from soleflip_pipelines.warehouse.connection import connect
from soleflip_pipelines.warehouse.loader import (
    BatchResult,
    BatchSource,
    Page,
    RawTable,
    Record,
    Rejection,
    load_batch,
)

pytestmark = pytest.mark.integration

ORDERS = RawTable("raw_stockx", "orders", ("order_number",))
API = BatchSource("stockx", "api")
FORM = DocumentForm(key="number", required={"number": bool}, optional={"v": is_amount})
Document = dict[str, Any]


class Judge:
    """Makes pages of documents and counts how many documents were really judged."""

    def __init__(self) -> None:
        self.judged = 0

    def record(self, document: Any, position: str) -> Record | Rejection:
        self.judged += 1
        return FORM.record(document, position)

    def page(self, documents: list[Any], place: str = "page 1") -> Page:
        return Page(place, documents, FORM.key, self.record)


def orders(*numbers: int, v: Any = 0) -> list[Document]:
    return [{"number": str(number), "v": v} for number in numbers]


def counts(result: BatchResult) -> tuple[int, ...]:
    assert result.read == (
        result.inserted + result.updated + result.unchanged + result.duplicate + result.rejected
    )
    return result.inserted, result.updated, result.unchanged, result.duplicate, result.rejected


def load(conn: psycopg.Connection, *pages: Page) -> tuple[int, ...]:
    return counts(load_batch(conn, ORDERS, pages, API))


def test_a_known_page_costs_its_hash_alone(conn: psycopg.Connection) -> None:
    judge, seen = Judge(), []
    first, second = judge.page(orders(1, 2, 3)), judge.page(orders(4, 5), "page 2")
    assert load(conn, first, second) == (5, 0, 0, 0, 0)
    before = conn.execute("select *, xmin, ctid from raw_stockx.orders order by 1").fetchall()

    def after(cur: psycopg.Cursor, _: int) -> None:
        seen.extend(cur.execute("select order_number, outcome from incoming order by 1").fetchall())

    judge.judged = 0
    result = load_batch(conn, ORDERS, [first, second], API, after=after)
    assert (counts(result), judge.judged) == ((0, 0, 5, 0, 0), 0)
    assert seen == [(str(number), "unchanged") for number in range(1, 6)]
    after_rows = conn.execute("select *, xmin, ctid from raw_stockx.orders order by 1").fetchall()
    assert after_rows == before
    assert load(conn, judge.page(orders(1, 2, 3, 9)), second) == (1, 0, 5, 0, 0)
    assert judge.judged == 4


@pytest.mark.parametrize(
    ("meanwhile", "expected"),
    [
        ("delete from raw_stockx.orders where order_number = '2'", (1, 0, 2, 0, 0)),
        ("update raw_stockx.orders set payload = '{}', payload_hash = 'x'", (0, 3, 0, 0, 0)),
        # What retention cuts out of a payload stays out: the row is the one that came.
        ("update raw_stockx.orders set payload = payload - 'v'", (0, 0, 3, 0, 0)),
    ],
)
def test_a_page_whose_rows_are_others_now_is_read_again(
    conn: psycopg.Connection, meanwhile: str, expected: tuple[int, ...]
) -> None:
    page = Judge().page(orders(1, 2, 3))
    load(conn, page)
    conn.execute(meanwhile)
    conn.commit()
    assert load(conn, page) == expected
    assert load(conn, page) == (0, 0, 3, 0, 0)


def test_a_known_page_is_looked_up_by_its_keys_whatever_statistics_say(
    conn: psycopg.Connection, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Analyzed while its first rows were on their way, a table is thought to be empty."""
    monkeypatch.setattr(loader_rows, "CHUNK_ROWS", 100)
    judge, read = Judge(), list[int]()
    known = judge.page(orders(1, 2, 3))

    def pages() -> Iterable[Page]:
        yield known
        for number in range(1, 10):
            yield judge.page(orders(*range(number * 100, number * 100 + 100)), f"more {number}")
        with connect(settings, role=None, autocommit=True) as other:
            other.execute("analyze raw_stockx.orders")

    def look(cur: psycopg.Cursor, _: int = 0) -> None:
        seen = "select idx_tup_fetch from pg_stat_xact_user_tables where relid = %s::regclass"
        read.extend(cur.execute(seen, ["raw_stockx.orders"]).fetchone() or ())

    assert counts(load_batch(conn, ORDERS, pages(), API)) == (903, 0, 0, 0, 0)
    tuples = "select reltuples from pg_class where oid = 'raw_stockx.orders'::regclass"
    assert conn.execute(tuples).fetchone() == (0,)
    look(conn.cursor())
    assert counts(load_batch(conn, ORDERS, [known], API, after=look)) == (0, 0, 3, 0, 0)
    assert 3 <= read[1] - read[0] < 20, "more was read than the page's rows"


def test_a_page_with_a_refused_row_is_judged_each_time(conn: psycopg.Connection) -> None:
    judge = Judge()
    page = judge.page([*orders(1, 2), *orders(3, v="n/a"), {"number": "4", "v": "\ud800"}])
    assert load(conn, page) == (2, 0, 0, 0, 2)
    conn.execute("update integration.rejected_rows set status = 'retried'")
    conn.commit()
    assert load(conn, page) == (0, 0, 2, 0, 2)
    assert judge.judged == 8
    states = conn.execute("select distinct status from integration.rejected_rows").fetchall()
    assert states == [("open",)]
    assert load(conn, judge.page([]), judge.page([])) == (0, 0, 0, 0, 0)


def test_a_page_that_repeats_a_row_counts_the_repeat_each_time(conn: psycopg.Connection) -> None:
    page = Judge().page(orders(3, 1, 3))
    assert load(conn, page) == (2, 0, 0, 1, 0)
    assert load(conn, page) == (0, 0, 2, 1, 0)


documents = st.builds(lambda n, v: orders(n, v=v)[0], st.integers(1, 4), st.sampled_from("01x"))
parts = st.tuples(st.booleans(), st.sampled_from("ab"), st.lists(documents, max_size=4))


@hypothesis_settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.lists(parts, max_size=3), max_size=5), st.integers(1, 5))
def test_pages_do_what_their_rows_do(
    conn: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
    batches: list[list[tuple[bool, str, list[Document]]]],
    chunk_rows: int,
) -> None:
    """Whatever comes as pages or as rows, in whatever chunks: counts and table as by rows alone."""
    monkeypatch.setattr(loader_rows, "CHUNK_ROWS", chunk_rows)
    conn.rollback()
    conn.execute("delete from raw_stockx.orders")
    model: dict[str, Document] = {}
    for batch in batches:
        pages = [(is_page, FORM.page(items, place)) for is_page, place, items in batch]
        rows = [row for _, page in pages for row in page.rows()]
        given_parts: list[Iterable[Any]] = [
            [page] if is_page else page.rows() for is_page, page in pages
        ]
        final = {row.key[0]: row.payload for row in rows if isinstance(row, Record)}
        refused = sum(isinstance(row, Rejection) for row in rows)
        changed = sum(model.get(number) != payload for number, payload in final.items())
        inserted = len(final.keys() - model.keys())
        model.update(final)
        result = load_batch(conn, ORDERS, (row for part in given_parts for row in part), API)
        new, updated, unchanged, duplicate, rejected = counts(result)
        assert (result.read, new, rejected) == (len(rows), inserted, refused)
        assert (updated + unchanged, duplicate) == (
            len(final) - inserted,
            len(rows) - refused - len(final),
        )
        # A row that was changed and changed back within a batch was written, so it counts as such.
        assert updated >= changed - inserted
    stored = conn.execute("select order_number, payload from raw_stockx.orders").fetchall()
    assert dict(stored) == model
