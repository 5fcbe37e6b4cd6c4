"""Feed files: read whatever their dress, refused whole when damaged."""

from __future__ import annotations

import gzip
import io
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soleflip_pipelines.clients.awin import FEED_KEY, FeedRow, read_rows
from soleflip_pipelines.clients.errors import BrokenFeed

pytestmark = pytest.mark.unit

PLAIN = b'aw_product_id,product_name,ean\n1,Shoe,\n2,"Shoe, white",0195\n'


def rows(body: bytes) -> list[FeedRow]:
    return list(read_rows(io.BytesIO(body), name="feed 7", key_column=FEED_KEY))


def cells(body: bytes) -> list[dict[str, str] | None]:
    return [row.cells for row in rows(body)]


EXPECTED = [
    {"aw_product_id": "1", "product_name": "Shoe"},
    {"aw_product_id": "2", "product_name": "Shoe, white", "ean": "0195"},
]


@pytest.mark.parametrize(
    "body",
    [
        PLAIN,
        gzip.compress(PLAIN),
        b"\xef\xbb\xbf" + PLAIN,
        gzip.compress(PLAIN[:20]) + gzip.compress(PLAIN[20:]),
        PLAIN.replace(b"\n", b"\r\n"),
    ],
    ids=["plain", "gzip", "bom", "two gzip members", "crlf"],
)
def test_one_content_in_many_dresses(body: bytes) -> None:
    assert cells(body) == EXPECTED


@pytest.mark.parametrize("delimiter", [";", "|", "\t"])
def test_every_offered_delimiter_and_any_order(delimiter: str) -> None:
    body = f"ean{delimiter}aw_product_id\n0195{delimiter}1\n".encode()
    assert cells(body) == [{"ean": "0195", "aw_product_id": "1"}]


def test_a_row_that_does_not_fit_is_handed_over_as_it_came() -> None:
    found = rows(b"aw_product_id,ean\n1\n2,3,4\n5,6\n")
    assert [(row.line, row.cells, row.raw) for row in found] == [
        (2, None, ["1"]),
        (3, None, ["2", "3", "4"]),
        (4, {"aw_product_id": "5", "ean": "6"}, ["5", "6"]),
    ]


def test_line_numbers_count_the_breaks_within_cells() -> None:
    found = rows(b'aw_product_id,d\n1,"a\nb\nc"\n2,x\n')
    assert [row.line for row in found] == [2, 5]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (gzip.compress(b""), "empty"),
        (gzip.compress(PLAIN * 50)[:-20], "cut short or damaged"),
        (gzip.compress(PLAIN) + b"garbage", "cut short or damaged"),
        (b"<html><body>Sorry</body></html>", "no column aw_product_id"),
        (b"product_name,ean\n1,2\n", "no column aw_product_id"),
        (b"aw_product_id,ean,ean\n1,2,3\n", "stands twice"),
        (b'aw_product_id,ean\n1,"2\n3,4\n', "CSV is broken"),
        (b"aw_product_id,ean\n1,\xff\xfe\n", "not UTF-8"),
    ],
)
def test_a_damaged_file_is_refused_in_one_sentence(body: bytes, reason: str) -> None:
    with pytest.raises(BrokenFeed, match=reason) as caught:
        rows(body)
    assert str(caught.value).startswith("Awin: feed 7 was not loaded: ")


def test_a_wrong_checksum_is_refused() -> None:
    packed = bytearray(gzip.compress(PLAIN))
    packed[-8] ^= 0xFF
    with pytest.raises(BrokenFeed, match="damaged"):
        rows(bytes(packed))


def test_a_bomb_is_stopped_early() -> None:
    bomb = gzip.compress(b"aw_product_id\n" + (b"1" * 4000 + b"\n") * 16_000)
    with pytest.raises(BrokenFeed, match="implausibly many"):
        for _ in read_rows(io.BytesIO(bomb), name="feed 7", key_column=FEED_KEY):
            pass


@pytest.mark.parametrize("endless", [b"1", b'"a\nb",'], ids=["line", "row"])
def test_a_row_without_end_is_not_collected(endless: bytes) -> None:
    body = b"aw_product_id\n" + endless * 5_000_000
    with pytest.raises(BrokenFeed, match="a row of 4,194,304 characters"):
        rows(body)


@given(st.binary(max_size=300) | st.binary(max_size=200).map(gzip.compress))
def test_any_bytes_give_rows_or_a_refusal(body: bytes) -> None:
    with suppress(BrokenFeed):
        rows(body)


@given(st.integers(0, len(PLAIN) - 1), st.integers(0, 255))
def test_one_wrong_byte_never_loses_a_row_unseen(place: int, value: int) -> None:
    body = bytearray(PLAIN)
    body[place] = value
    try:
        found = rows(bytes(body))
    except BrokenFeed:
        return
    text = " ".join(cell for row in found for cell in row.raw)
    assert sum(mark in text for mark in ("Shoe", "white", "019")) >= 2
