"""The outbox and the evidence: what happened is told once, in order, and only if it is true."""

from __future__ import annotations

from datetime import date

import psycopg
import pytest

from soleflip_pipelines.clients.errors import PermanentPartnerError
from soleflip_pipelines.ingestion.write_audit import WriteAudit
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.connection import connect
from soleflip_pipelines.warehouse.loader import BatchSource, RawTable, Rejection, load_batch
from soleflip_pipelines.warehouse.news import gather_news, record_news

pytestmark = pytest.mark.integration

TODAY = date(2026, 7, 1)
TABLES = """
create schema sales{s}; create schema inventory{s}; create schema pricing{s};
create schema catalog{s}; create schema financial{s};
create table sales{s}."order" (
    id text, platform text, order_number text, order_line text, product_id text, quantity int,
    status text, is_sale boolean, ordered_at timestamptz, sold_on date, amount numeric,
    currency_code text, net_payout_eur numeric, net_profit numeric, profit_state text
);
create table sales{s}.listing (
    platform text, listing_id text, status text, is_active boolean, ask_price numeric,
    currency_code text, updated_at timestamptz
);
create table inventory{s}.stock (product_id text, variant_id text, status text);
create table pricing{s}.market_price (
    partner_variant_id text, variant_id text, currency_code text, lowest_ask numeric,
    observed_at timestamptz
);
create table catalog{s}.product (id text, sku text, name text);
create table financial{s}.payout_reconciliation (
    id text, platform text, order_number text, order_line text, currency_code text,
    payout_gap numeric, gap_reason text, is_open boolean, open_since date
);
insert into catalog{s}.product values ('p', 'SKU', 'Dunk');
"""
ORDER = """
insert into sales{s}."order" values ('{n}', 'stockx', '{n}', '1', 'p', 3, '{status}', true,
    '{day} 10:00Z', '{day}', 100, 'EUR', 85, 20, 'payout_seen')
"""
EVENTS = "select event_type, subject from realtime.event order by event_id"


def build(conn: psycopg.Connection, suffix: str, *statements: str) -> None:
    for statement in (TABLES, *statements):
        conn.execute(statement.replace("{s}", suffix).encode())


def order(number: str, status: str = "open", day: str = "2026-06-20") -> str:
    return ORDER.replace("{n}", number).replace("{status}", status).replace("{day}", day)


def listing(ask: int) -> str:
    return f"insert into sales{{s}}.listing values ('stockx', 'L', 'active', true, {ask}, 'EUR')"


def units(count: int) -> str:
    return (
        "insert into inventory{s}.stock select 'p', 'v', 'listed'"
        f" from generate_series(1, {count})"
    )


def ask(price: int) -> str:
    return f"insert into pricing{{s}}.market_price values ('pv', 'v', 'EUR', {price}, now())"


def gap(is_open: str, since: str = "2026-06-25") -> str:
    return (
        "insert into financial{s}.payout_reconciliation values"
        f" ('A', 'stockx', 'A', '1', 'EUR', -4, 'unknown', {is_open}, '{since}')"
    )


@pytest.fixture
def swapper(settings: Settings) -> psycopg.Connection:
    return connect(settings, role="transformer", autocommit=True)


def test_what_differs_between_two_sets_is_told_once_and_only_if_published(
    swapper: psycopg.Connection,
) -> None:
    build(swapper, "", order("A"), order("B"), units(2), ask(100), gap("false"), listing(200))
    build(
        swapper, "__next", order("A", "completed"), order("B"), order("C"),
        order("old", day="2024-01-01"), units(1), ask(90), gap("true"), listing(190),
    )  # fmt: skip
    gather_news(swapper, "b1", TODAY)
    with swapper.transaction(force_rollback=True):
        record_news(swapper)
    assert swapper.execute(EVENTS).fetchall() == []
    for _ in range(2):
        with swapper.transaction():
            record_news(swapper)
    assert sorted(swapper.execute(EVENTS).fetchall()) == [
        ("order.sold", "sales.order C"),
        ("order.status_changed", "sales.order A"),
        ("payout.gap_found", "financial.payout_reconciliation A"),
        ("price.dropped", "catalog.variant v"),
        ("stock.low", "catalog.product p"),
    ]
    before = "select payload ->> 'status_before' from realtime.event where event_type like '%chan%'"
    assert swapper.execute(before.encode()).fetchone() == ("open",)


def test_what_stays_the_same_is_no_news(swapper: psycopg.Connection) -> None:
    same = (order("A", "completed"), units(1), ask(100), gap("true"), listing(200))
    build(swapper, "", *same)
    build(swapper, "__next", *same)
    gather_news(swapper, "b1", TODAY)
    record_news(swapper)
    assert swapper.execute(EVENTS).fetchall() == []


def test_the_first_set_tells_what_is_recent(swapper: psycopg.Connection) -> None:
    build(
        swapper, "__next", order("A"), order("old", day="2024-01-01"), units(1), ask(9),
        gap("true", since="2024-02-01"), listing(200),
    )  # fmt: skip
    gather_news(swapper, "b1", TODAY)
    record_news(swapper)
    assert sorted(swapper.execute(EVENTS).fetchall()) == [
        ("order.sold", "sales.order A"),
        ("stock.low", "catalog.product p"),
    ]
    seen = swapper.execute("select listing_id, ask_price from history.listing_change").fetchall()
    assert seen == [("L", 200)]
    swapper.execute("drop schema sales__next cascade")


def test_two_writers_never_commit_out_of_order(settings: Settings) -> None:
    event = (
        "insert into realtime.event (event_key, event_type, subject, occurred_at, payload)"
        " values (%s, 'order.sold', 'x', now(), '{}')"
    )
    with connect(settings, "loader") as first, connect(settings, "transformer") as second:
        first.execute(event, ["one"])
        second.execute("set lock_timeout = '200ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            second.execute(event, ["two"])
        second.rollback()
        first.commit()
        second.execute(event, ["two"])
        second.commit()


def test_events_are_claimed_by_one_worker_each(settings: Settings) -> None:
    claim = """
        update realtime.event set claimed_by = %s, claimed_at = now(),
            attempt_count = attempt_count + 1
        where event_id = any(array(
            select event_id from realtime.event where delivered_at is null and claimed_by is null
            order by event_id limit 2 for update skip locked
        )) returning event_key
    """
    with connect(settings, "loader") as one, connect(settings, "loader") as two:
        one.execute(
            "insert into realtime.event (event_key, event_type, subject, occurred_at, payload)"
            " select n::text, 'order.sold', 'x', now(), '{}' from generate_series(1, 3) as n"
        )
        one.commit()
        assert sorted(one.execute(claim, ["one"]).fetchall()) == [("1",), ("2",)]
        assert two.execute(claim, ["two"]).fetchall() == [("3",)]


def test_refused_rows_are_told_once(conn: psycopg.Connection) -> None:
    table = RawTable("raw_csv", "sales", ("sale_key",))
    bad = Rejection("line 2", "bad_date", "no day", "a;b")
    for _ in range(2):
        load_batch(conn, table, [bad], BatchSource("sales.csv", "api"))
    found = conn.execute("select event_type, payload ->> 'row_count' from realtime.event")
    assert found.fetchall() == [("rows.refused", "1")]


def test_a_write_to_a_partner_is_noted_before_it_is_sent(settings: Settings) -> None:
    lines = "select partner, method, path, outcome from logging.outside_write order by write_id"
    with connect(settings, "loader", autocommit=True) as conn:
        audit = WriteAudit(conn, "stockx")
        with audit("POST", "/oauth/token"):
            sent = conn.execute(lines).fetchall()
        refused = PermanentPartnerError(
            "no", partner="StockX", status=403, method="POST", url="https://x/y"
        )
        with pytest.raises(PermanentPartnerError), audit("POST", "/listings"):
            raise refused
        with pytest.raises(TimeoutError), audit("DELETE", "/listings/1"):
            raise TimeoutError
        ended = [row[2:] for row in conn.execute(lines).fetchall()]
    assert sent == [("stockx", "POST", "/oauth/token", "sent")]
    assert ended == [
        ("/oauth/token", "done"),
        ("/listings", "refused (403)"),
        ("/listings/1", "unknown"),
    ]


def test_permissions_are_those_that_were_granted(settings: Settings) -> None:
    may = "select readable_count, insertable_count + changeable_count from compliance.permission"
    with connect(settings, "reader") as conn:
        raw = conn.execute(
            f"{may} where account_name = 'soleflip_reader' and schema_name ~ '^(raw_|core|owner)'"
        ).fetchall()
        ledger = conn.execute(
            f"{may} where account_name = 'soleflip_reader' and schema_name = 'realtime'"
        ).fetchall()
    assert raw
    assert set(raw) == {(0, 0)}
    assert ledger == [(1, 0)]
