"""Awin's feeds and the reference rates into raw, and the offers' change-only history."""

from __future__ import annotations

import gzip
from typing import Any

import psycopg
import pytest

from soleflip_pipelines.clients.errors import BrokenFeed, PartnerDeferred, PermanentPartnerError
from soleflip_pipelines.ingestion import awin, ecb
from soleflip_pipelines.ingestion.rejected import retry_open
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.loader import BatchResult

pytestmark = [pytest.mark.integration, pytest.mark.api, pytest.mark.usefixtures("no_waiting")]

HEADER = "aw_product_id,product_name,search_price,currency,in_stock,stock_quantity"


class Feeds:
    """A publisher's feeds on the scripted server."""

    def __init__(self, partner: Any) -> None:
        self.partner = partner
        self.imported = "2026-06-01 08:00:00"
        self.status = "Joined"
        self.rows = [f"{n},Shoe {n},100.00,EUR,1,5" for n in range(10)]
        self.body: bytes | None = None
        self.declared: int | None = None
        self.extra = ""
        partner.answer = self.answer

    def answer(self, call: Any) -> Any:
        if "/apikey/CANARY-awin-key" not in call.path:
            return self.partner.reply(401, b"Invalid API key")
        if call.path.startswith("/awin/datafeed/list/"):
            return self.partner.reply(body=self.feed_list().encode())
        text = "\n".join([HEADER, *self.rows]) + self.extra
        packed = gzip.compress(text.encode(), mtime=0)
        return self.partner.reply(body=packed if self.body is None else self.body)

    def feed_list(self) -> str:
        declared = len(self.rows) if self.declared is None else self.declared
        url = f"{self.partner.url}/awin/datafeed/download/apikey/CANARY-awin-key/fid/7/"
        return (
            "\ufeffAdvertiser ID,Feed ID,Membership Status,Last Imported,No of products,URL\n"
            f'1,7,{self.status},{self.imported},"{declared:,}",{url}\n'
            f"2,8,Not Joined,{self.imported},5,{url}\n"
        )

    def changed(self) -> None:
        """Awin imports the feed anew."""
        self.imported = self.imported.replace("-01 ", "-02 ")

    @property
    def downloads(self) -> int:
        return sum("/download/" in call.path for call in self.partner.calls)


@pytest.fixture
def feeds(partner: Any) -> Feeds:
    return Feeds(partner)


def sync(settings: Settings, conn: psycopg.Connection) -> list[str]:
    lines: list[str] = []
    awin.sync_feeds(settings, conn, log=lines.append)
    return lines


def history(conn: psycopg.Connection) -> list[tuple[Any, ...]]:
    return conn.execute(
        "select aw_product_id, price::text, stock_quantity, is_in_stock, is_listed"
        " from history.offer_change order by changed_at, aw_product_id"
    ).fetchall()


def offers(result: list[BatchResult]) -> list[int]:
    only = [r for r in result if r.asset == "raw_awin.offers"]
    return [sum(getattr(r, n) for r in only) for n in ("read", "inserted", "updated", "unchanged")]


def test_a_feed_is_downloaded_once_until_it_is_imported_anew(
    feeds: Feeds, partner_settings: Settings, conn: psycopg.Connection
) -> None:
    assert offers(awin.sync_feeds(partner_settings, conn, log=str)) == [10, 10, 0, 0]
    assert offers(awin.sync_feeds(partner_settings, conn, log=str)) == [0, 0, 0, 0]
    assert feeds.downloads == 1
    feeds.changed()
    feeds.extra = "\n"
    assert offers(awin.sync_feeds(partner_settings, conn, log=str)) == [10, 0, 0, 10]
    assert feeds.downloads == 2
    assert len(history(conn)) == 10


def test_a_feed_whose_content_is_known_costs_its_hash_alone(
    feeds: Feeds, partner_settings: Settings, conn: psycopg.Connection
) -> None:
    sync(partner_settings, conn)
    feeds.changed()
    assert offers(awin.sync_feeds(partner_settings, conn, log=str)) == [0, 0, 0, 0]
    assert offers(awin.sync_feeds(partner_settings, conn, log=str)) == [0, 0, 0, 0]
    assert feeds.downloads == 2


def test_a_feed_short_of_what_is_declared_is_read_again_and_then_believed(
    feeds: Feeds, partner_settings: Settings, conn: psycopg.Connection
) -> None:
    whole, feeds.declared = feeds.rows, 10
    feeds.rows = whole[:1]
    assert "feed 7: 1 of the 10 offers that Awin declares came" in sync(partner_settings, conn)[-1]
    feeds.rows = whole[:9]
    sync(partner_settings, conn)
    assert "of the 10" not in sync(partner_settings, conn)[-1]
    assert feeds.downloads == 3
    sync(partner_settings, conn)
    assert feeds.downloads == 3
    assert len(history(conn)) == 9


def test_the_history_holds_changes_only(
    feeds: Feeds, partner_settings: Settings, conn: psycopg.Connection
) -> None:
    sync(partner_settings, conn)
    before = len(history(conn))
    feeds.changed()
    feeds.rows[0] = "0,Shoe 0 renamed,100.00,EUR,1,5"
    feeds.rows[1] = "1,Shoe 1,90.00,EUR,1,5"
    feeds.rows[2] = "2,Shoe 2,100.00,EUR,0,0"
    feeds.rows[3] = "new,Shoe,50.00,EUR,1,lots"
    sync(partner_settings, conn)
    assert sorted(history(conn)[before:]) == [
        ("1", "90.00", 5, True, True),
        ("2", "100.00", 0, False, True),
        ("3", "100.00", 5, True, False),
        ("new", "50.00", None, True, True),
    ]
    feeds.imported = "2026-06-03 08:00:00"
    feeds.rows[3] = "3,Shoe 3,100.00,EUR,1,5"
    sync(partner_settings, conn)
    assert sorted(history(conn)[before + 4 :]) == [
        ("3", "100.00", 5, True, True),
        ("new", "50.00", None, True, False),
    ]


@pytest.mark.parametrize("left", [4, 0])
def test_a_feed_that_shrank_closes_nothing_and_is_read_again(
    feeds: Feeds, partner_settings: Settings, conn: psycopg.Connection, left: int
) -> None:
    sync(partner_settings, conn)
    whole = feeds.rows
    feeds.changed()
    feeds.rows = whole[:left]
    with pytest.raises(PartnerDeferred, match=f"feed 7: only {left} of 10 known offers came; none"):
        sync(partner_settings, conn)
    assert all(is_listed for *_, is_listed in history(conn))
    feeds.rows = whole[:6]
    sync(partner_settings, conn)
    assert sum(not is_listed for *_, is_listed in history(conn)) == 4


def test_what_a_broken_feed_has_changed_is_put_right_by_the_content_before_it(
    feeds: Feeds, partner_settings: Settings, conn: psycopg.Connection
) -> None:
    sync(partner_settings, conn)
    whole, imported = feeds.rows, feeds.imported
    feeds.changed()
    feeds.rows = ["0,Shoe 0,1.00,EUR,1,5"]
    with pytest.raises(PartnerDeferred):
        sync(partner_settings, conn)
    feeds.rows, feeds.imported = whole, imported
    sync(partner_settings, conn)
    assert [price for offer, price, *_ in history(conn) if offer == "0"] == [
        "100.00",
        "1.00",
        "100.00",
    ]


def test_a_feed_that_shrank_for_good_is_believed_when_the_owner_says_so(
    feeds: Feeds, partner_settings: Settings, conn: psycopg.Connection
) -> None:
    sync(partner_settings, conn)
    feeds.changed()
    feeds.rows = feeds.rows[:2]
    for _ in range(2):
        with pytest.raises(PartnerDeferred, match="soleflip run sync_feeds --whole-feed 7"):
            sync(partner_settings, conn)
    with pytest.raises(PermanentPartnerError, match="Awin's list has no feed 70: nothing was read"):
        awin.sync_feeds(partner_settings, conn, whole_feeds=["7", "70"], log=str)
    awin.sync_feeds(partner_settings, conn, whole_feeds=["7"], log=str)
    assert sum(not is_listed for *_, is_listed in history(conn)) == 8
    downloads = feeds.downloads
    sync(partner_settings, conn)
    assert feeds.downloads == downloads


@pytest.mark.parametrize(
    "damage",
    [lambda packed: packed[:-30], lambda _: b"", lambda _: b"<html>try later</html>"],
    ids=["cut short", "empty", "html"],
)
def test_a_broken_feed_changes_nothing_and_the_next_run_heals(
    feeds: Feeds, partner_settings: Settings, conn: psycopg.Connection, damage: Any
) -> None:
    sync(partner_settings, conn)
    before = conn.execute("select * from raw_awin.offers order by 2").fetchall()
    feeds.changed()
    feeds.rows = [row.replace("100.00", "80.00") for row in feeds.rows]
    feeds.body = damage(gzip.compress("\n".join([HEADER, *feeds.rows * 40]).encode()))
    with pytest.raises(BrokenFeed, match="feed 7 was not loaded"):
        sync(partner_settings, conn)
    assert conn.execute("select * from raw_awin.offers order by 2").fetchall() == before
    assert len(history(conn)) == 10
    feeds.body = None
    sync(partner_settings, conn)
    assert [price for _, price, *_ in history(conn)[10:]] == ["80.00"] * 10


def test_bad_rows_are_quarantined_and_their_offers_not_closed(
    feeds: Feeds, partner_settings: Settings, conn: psycopg.Connection
) -> None:
    feeds.rows += [f"{n},Shoe {n},100.00,EUR,1,5" for n in range(10, 20)]
    sync(partner_settings, conn)
    feeds.changed()
    feeds.rows[0] = "0,Shoe,cheap,EUR,1,5"
    feeds.rows[1] = "1,Shoe,100.00,EUR,1"
    feeds.rows[2] = ",Shoe,100.00,EUR,1,5"
    feeds.rows[3] = "3,Shoe,0.00,EUR,1,5"
    feeds.rows[4] = "4,Shoe,-100.00,EUR,1,5"
    feeds.rows[5] = "5,Sh\0oe,100.00,EUR,1,5"
    feeds.rows[6] = "6\0,Shoe,100.00,EUR,1,5"
    feeds.rows[7] = "7,Shoe,1000000.01,EUR,1,5"
    feeds.rows[8] = "8,Shoe,1000000.01,JPY,1,5"
    sync(partner_settings, conn)
    rejected = conn.execute(
        "select position, reason_code from integration.rejected_rows order by 1"
    ).fetchall()
    assert rejected == [
        ("feed 7, line 2", "bad_value"),
        ("feed 7, line 3", "row_shape"),
        ("feed 7, line 4", "missing_value"),
        ("feed 7, line 5", "bad_value"),
        ("feed 7, line 6", "bad_value"),
        ("feed 7, line 7", "nul_character"),
        ("feed 7, line 8", "nul_character"),
        ("feed 7, line 9", "implausible"),
    ]
    assert retry_open(conn, "raw_awin.offers").batches == []
    gone = [offer for offer, *_, is_listed in history(conn) if not is_listed]
    assert gone == ["1", "2"]


def test_a_wrong_key_is_one_clear_sentence_without_the_key(
    feeds: Feeds, partner_settings: Settings, conn: psycopg.Connection
) -> None:
    feeds.partner.script(feeds.partner.reply(401, b"Invalid API key"))
    with pytest.raises(PermanentPartnerError) as caught:
        sync(partner_settings, conn)
    assert "apikey/*** gave 401: check AWIN_API_KEY; see docs/connect-awin.md" in str(caught.value)
    assert "CANARY" not in str(caught.value)


def test_the_key_in_the_feed_lists_addresses_is_not_stored(
    feeds: Feeds, partner_settings: Settings, conn: psycopg.Connection
) -> None:
    lines = sync(partner_settings, conn)
    urls = conn.execute("select payload ->> 'URL' from raw_awin.feeds").fetchall()
    assert [url.count("/apikey/***/") for (url,) in urls] == [1, 1]
    assert "CANARY" not in "".join(lines)


def test_rates_are_read_whole_once_and_then_from_the_newest_day(
    partner: Any, partner_settings: Settings, conn: psycopg.Connection
) -> None:
    def sync_rates(table: bytes) -> list[int]:
        partner.script(partner.reply(body=table))
        (result,) = ecb.sync_reference_rates(partner_settings, conn, log=str)
        return [result.read, result.inserted]

    old = b"2026-05-29,1.10,150\n2026-01-02,1.03,N/A\n2015-01-02,1.20,140\n"
    assert sync_rates(b"Date,USD,JPY\n" + old) == [3, 3]
    assert sync_rates(b"Date,USD,JPY\n" + old) == [2, 0]
    assert sync_rates(b"Date,USD,JPY\n2026-06-01,1.11,151\n" + old) == [4, 2]
    stored = conn.execute(
        "select rate_on::text, currency_code, payload ->> 'units_per_eur'"
        " from raw_ecb.reference_rates where currency_code = 'USD' order by 1"
    ).fetchall()
    assert stored == [
        ("2026-01-02", "USD", "1.03"),
        ("2026-05-29", "USD", "1.10"),
        ("2026-06-01", "USD", "1.11"),
    ]


def test_an_absurd_rate_is_refused_and_the_next_one_is_not(
    partner: Any, partner_settings: Settings, conn: psycopg.Connection
) -> None:
    table = (
        b"Date,USD,JPY\n2026-06-05,1.12,151\n2026-06-04,0,150\n2026-06-03,-1.1,150\n"
        b"2026-06-02,110,150\n2026-06-01,1.10,150\n"
    )
    partner.script(partner.reply(body=table))
    (result,) = ecb.sync_reference_rates(partner_settings, conn, log=str)
    assert (result.inserted, result.rejected) == (7, 3)
    refused = conn.execute(
        "select position, reason_code from integration.rejected_rows order by 1"
    ).fetchall()
    assert refused == [(f"USD 2026-06-0{day}", "implausible_rate") for day in (2, 3, 4)]
