"""The European Central Bank's reference rates: one wide CSV, alone or in a zip, as rows.

A rate is the number of units of a currency that one euro costs on a business day.
"""

from __future__ import annotations

import csv
import io
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import BinaryIO, cast

from soleflip_pipelines.clients.errors import BrokenFeed
from soleflip_pipelines.clients.http import PartnerHttp
from soleflip_pipelines.csv_rows import bounded_rows

PARTNER = "ECB"
PATH = "/stats/eurofxref/eurofxref-hist.zip"
ZIP_MAGIC = b"PK\x03\x04"
MAX_BYTES = 64 * 1024 * 1024
MAX_ROW_CHARS = 64 * 1024
SPOOL_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True)
class ReferenceRate:
    """What one euro cost in a currency on a business day, as published: any finite number."""

    rate_on: date
    currency_code: str
    units_per_eur: str


class EcbClient:
    """Reads the whole history of rates.

    Args:
        http: the HTTP client on the bank's host.
    """

    def __init__(self, *, http: PartnerHttp) -> None:
        """Nothing is sent before the first call."""
        self._http = http

    def reference_rates(self) -> Iterator[ReferenceRate]:
        """All published rates, in the file's order (newest day first); days without are left out.

        Raises:
            BrokenFeed: the file is damaged or not the rates' table.
        """
        with tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES) as file:
            body = cast(BinaryIO, file)
            self._http.download(path=PATH, into=body, max_bytes=MAX_BYTES)
            try:
                yield from _rates(io.TextIOWrapper(_opened(body), "utf-8-sig", newline=""))
            except (zipfile.BadZipFile, UnicodeDecodeError, csv.Error, EOFError, ValueError):
                raise _broken("it is damaged") from None


def _opened(body: BinaryIO) -> BinaryIO:
    is_zip = body.read(len(ZIP_MAGIC)) == ZIP_MAGIC
    body.seek(0)
    if not is_zip:
        return body
    archive = zipfile.ZipFile(body)
    members = [m for m in archive.infolist() if m.filename.lower().endswith(".csv")]
    if len(members) != 1 or members[0].file_size > MAX_BYTES:
        raise _broken("the archive does not hold one table")
    return cast(BinaryIO, archive.open(members[0]))


def _rates(text: io.TextIOWrapper) -> Iterator[ReferenceRate]:
    rows = bounded_rows(text, delimiter=",", max_chars=MAX_ROW_CHARS)
    header = [cell.strip() for cell in next(rows, (0, []))[1]]
    if header[:1] != ["Date"]:
        raise _broken("its first column is not Date")
    for _, row in rows:
        if not row:
            continue
        day = date.fromisoformat(row[0].strip())
        for currency, cell in zip(header[1:], row[1:], strict=False):
            if currency and _is_rate(cell):
                yield ReferenceRate(day, currency, cell.strip())


def _is_rate(cell: str) -> bool:
    try:
        return Decimal(cell.strip()).is_finite()
    except InvalidOperation:
        return False  # "N/A": no rate that day


def _broken(what: str) -> BrokenFeed:
    return BrokenFeed(f"{PARTNER}: the reference rates were not loaded: {what}", partner=PARTNER)
