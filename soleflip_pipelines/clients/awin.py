"""Awin's product feeds: the list of feeds, and a feed's file opened safely and row by row.

Columns are found by name, in any order and any of the offered delimiters. What a row means is
staging's business. The key is part of every address, so no address leaves this module unredacted.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, cast
from urllib.parse import quote

from soleflip_pipelines.clients.errors import BrokenFeed, PermanentPartnerError
from soleflip_pipelines.clients.http import PartnerHttp
from soleflip_pipelines.clients.redaction import redact_url
from soleflip_pipelines.csv_rows import bounded_rows

PARTNER = "Awin"
GUIDE = "docs/connect-awin.md"
GZIP_MAGIC = b"\x1f\x8b"
DELIMITERS = ",;|\t"
MAX_LIST_BYTES = 64 * 1024 * 1024
MAX_FEED_BYTES = 2 * 1024**3
MAX_UNPACKED_BYTES = 16 * 1024**3
MAX_RATIO = 200
RATIO_FREE_BYTES = 16 * 1024 * 1024
MAX_FIELD_CHARS = 1024 * 1024
MAX_ROW_CHARS = 4 * MAX_FIELD_CHARS
SPOOL_BYTES = 8 * 1024 * 1024
LIST_KEY = "Feed ID"
FEED_KEY = "aw_product_id"

# What is asked for: identity, price, stock, codes, and what matching and people need to see.
COLUMNS = (
    "aw_deep_link,product_name,aw_product_id,merchant_product_id,merchant_image_url,description,"
    "merchant_category,search_price,merchant_name,merchant_id,category_name,category_id,"
    "aw_image_url,currency,store_price,delivery_cost,merchant_deep_link,language,last_updated,"
    "display_price,data_feed_id,brand_name,brand_id,colour,product_short_description,"
    "specifications,condition,product_model,model_number,dimensions,keywords,promotional_text,"
    "product_type,merchant_product_category_path,rrp_price,saving,savings_percent,base_price,"
    "product_price_old,delivery_time,in_stock,stock_quantity,valid_from,valid_to,is_for_sale,"
    "web_offer,pre_order,stock_status,size_stock_status,size_stock_amount,ean,isbn,upc,mpn,"
    "parent_product_id,product_GTIN,Fashion:suitable_for,Fashion:category,Fashion:size,"
    "Fashion:material,Fashion:pattern,Fashion:swatch"
)


@dataclass(frozen=True)
class FeedRow:
    """One line of a feed: where it began, and its cells by column, or None if it does not fit."""

    line: int
    cells: dict[str, str] | None
    raw: list[str]
    header: list[str]


@dataclass(frozen=True)
class FeedFile:
    """A downloaded feed: the SHA-256 of its bytes as they came, and its rows."""

    sha256: str
    rows: Iterator[FeedRow]


class AwinClient:
    """Reads the feed list and downloads feeds.

    Args:
        http: the HTTP client on the host that serves the feeds.
        api_key: the data-feed key (not the publisher API's).
    """

    def __init__(self, *, http: PartnerHttp, api_key: str) -> None:
        """Nothing is sent before the first call."""
        self._http = http
        self._key = quote(api_key, safe="")
        http.add_secret(api_key)
        http.add_secret(self._key)

    def feeds(self) -> Iterator[dict[str, str]]:
        """The rows of the feed list by header name; keys within addresses are masked.

        Raises:
            BrokenFeed: the list is no CSV with a feed id.
        """
        with tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES) as file:
            body = cast(BinaryIO, file)
            self._fetch(f"/datafeed/list/apikey/{self._key}", body, MAX_LIST_BYTES)
            for row in read_rows(body, name="the feed list", key_column=LIST_KEY):
                if row.cells is not None:
                    yield {
                        name: redact_url(cell) if "://" in cell else cell
                        for name, cell in row.cells.items()
                    }

    @contextmanager
    def feed(self, *, feed_id: str) -> Iterator[FeedFile]:
        """One feed, downloaded whole before its first row is read.

        Raises:
            BrokenFeed: while reading: cut short, damaged, too large, or not a feed.
        """
        path = (
            f"/datafeed/download/apikey/{self._key}/language/any/fid/{quote(feed_id, safe='')}"
            f"/rid/0/hasEnhancedFeeds/0/columns/{quote(COLUMNS)}"
            "/format/csv/delimiter/%2C/compression/gzip/adultcontent/1/"
        )
        with tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES) as file:
            body = cast(BinaryIO, file)
            self._fetch(path, body, MAX_FEED_BYTES)
            digest = hashlib.file_digest(cast(io.BytesIO, body), "sha256").hexdigest()
            body.seek(0)
            yield FeedFile(digest, read_rows(body, name=f"feed {feed_id}", key_column=FEED_KEY))

    def _fetch(self, path: str, into: BinaryIO, max_bytes: int) -> None:
        try:
            self._http.download(path=path, into=into, max_bytes=max_bytes)
        except PermanentPartnerError as error:
            hint = f": check AWIN_API_KEY; see {GUIDE}" if error.status in (401, 403) else ""
            raise PermanentPartnerError(
                f"{error}{hint}",
                partner=error.partner,
                status=error.status,
                method=error.method,
                url=error.url,
            ) from None


def read_rows(body: BinaryIO, *, name: str, key_column: str) -> Iterator[FeedRow]:
    """The rows of a CSV file, gzipped or not, under the header that names `key_column`.

    Args:
        body: a seekable file that stands at its start.
        name: how errors call the file.
        key_column: a column that must be there; also tells the delimiter.

    Raises:
        BrokenFeed: see `AwinClient.feed`.
    """
    try:
        yield from _parsed(io.BufferedReader(_Unpacked(body, name)), name, key_column)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise _broken(name, "its gzip data is cut short or damaged") from None
    except UnicodeDecodeError:
        raise _broken(name, "it is not UTF-8 text") from None
    except csv.Error as error:
        raise _broken(name, f"its CSV is broken ({error})") from None


def _parsed(stream: io.BufferedReader, name: str, key_column: str) -> Iterator[FeedRow]:
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
    first = text.readline(MAX_FIELD_CHARS)
    if not first.strip():
        raise _broken(name, "it is empty")
    for delimiter in DELIMITERS:
        header = [cell.strip() for cell in next(csv.reader([first], delimiter=delimiter))]
        if key_column in header:
            break
    else:
        raise _broken(name, f"its first line has no column {key_column}")
    if len(set(header)) != len(header):
        raise _broken(name, "a column name stands twice in its first line")
    csv.field_size_limit(MAX_FIELD_CHARS)
    line = 2
    for end, cells in bounded_rows(text, delimiter=delimiter, max_chars=MAX_ROW_CHARS):
        if cells:
            yield FeedRow(line, named(header, cells), cells, header)
        line = end + 2


def named(header: list[str], cells: list[str]) -> dict[str, str] | None:
    """A line's cells by column, or None if there are more or fewer of them than columns.

    Blank cells are left out: most of the 92 columns are blank in every row.
    """
    if len(cells) != len(header):
        return None
    return {column: cell for column, cell in zip(header, cells, strict=True) if cell}


def _broken(name: str, what: str) -> BrokenFeed:
    return BrokenFeed(f"{PARTNER}: {name} was not loaded: {what}", partner=PARTNER)


class _Unpacked(io.RawIOBase):
    """The bytes of a file, unpacked if it is gzip, and never more of them than is plausible."""

    def __init__(self, body: BinaryIO, name: str) -> None:
        size = body.seek(0, io.SEEK_END)
        body.seek(0)
        is_gzip = body.read(len(GZIP_MAGIC)) == GZIP_MAGIC
        body.seek(0)
        self._source = gzip.GzipFile(fileobj=body, mode="rb") if is_gzip else body
        self._left = min(MAX_UNPACKED_BYTES, max(size * MAX_RATIO, RATIO_FREE_BYTES))
        self._name = name

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        data = self._source.read(len(view))
        self._left -= len(data)
        if self._left < 0:
            raise _broken(self._name, "it unpacks to implausibly many bytes")
        view[: len(data)] = data
        return len(data)
