"""The published ledger as files for a tax adviser: a DATEV stack of bookings, and a plain CSV.

Which account a kind of booking belongs on is data (`reference.account_map`); amounts are those of
`financial.transaction` and `financial.profit_and_loss`, and nothing is computed here.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from soleflip_pipelines.errors import SoleflipError
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.connection import connect

_MOST_TEXT, _MOST_REFERENCE = 60, 36
_COLUMNS = (
    "Umsatz (ohne Soll/Haben-Kz)", "Soll/Haben-Kennzeichen", "WKZ Umsatz", "Kurs", "Basis-Umsatz",
    "WKZ Basis-Umsatz", "Konto", "Gegenkonto (ohne BU-Schlüssel)", "BU-Schlüssel", "Belegdatum",
    "Belegfeld 1", "Belegfeld 2", "Skonto", "Buchungstext",
)  # fmt: skip
# A booking on the account of its kind: what is earned there is credited (H). The regime's own
# account comes before that for any.
_BOOKINGS = """
    select distinct on (line.order_id, line.purchase_item_id, line.kind, line.booked_on)
        line.kind, line.booked_on, line.amount_eur, line.reference, line.platform,
        account.account, account.contra_account, account.tax_key, account.booking_text
    from financial.transaction as line
    left join sales."order" as sale on line.order_id = sale.id
    left join reference.account_map as account
        on account.chart = %(chart)s
            and account.kind = line.kind
            and account.vat_regime in ('any', sale.vat_regime)
            and account.sign in ('any', case when line.amount_eur > 0 then 'plus' else 'minus' end)
    where line.booked_on >= %(first)s and line.booked_on < %(next)s
        and line.statement in ('profit', 'settlement', 'purchasing') and line.kind <> 'claim'
    order by
        line.order_id, line.purchase_item_id, line.kind, line.booked_on,
        (account.vat_regime = 'any')
"""
_LINES = """
    select month, line, amount_eur, known_amount_eur
    from financial.profit_and_loss
    where month >= %(first)s and month < %(next)s
    order by month, line_no
"""
# What is bought is owned: more of it stands on the left.
_DEBIT_KINDS = frozenset(("goods", "input vat", "cashback"))


@dataclass(frozen=True)
class Period:
    """A calendar year, or one month of it."""

    year: int
    month: int | None = None

    @property
    def first(self) -> date:
        """The first day."""
        return date(self.year, self.month or 1, 1)

    @property
    def after(self) -> date:
        """The day after the last."""
        if self.month is None or self.month == 12:
            return date(self.year + 1, 1, 1)
        return date(self.year, self.month + 1, 1)


def write_datev(
    settings: Settings, file: Path, period: Period, *, chart: str, adviser: int, client: int
) -> int:
    """Write the bookings of a period; give their number.

    Args:
        settings: of the warehouse.
        file: is written new, in the form's own Windows-1252.
        period: bookings of these Berlin days.
        chart: a chart of `reference.account_map`, in any case.
        adviser: number of the tax adviser at DATEV.
        client: number of the client there.

    Raises:
        SoleflipError: no marts, no such chart, a kind without an account, or the file exists.
    """
    rows = sorted(
        _read(settings, _BOOKINGS, period, chart=chart.upper()),
        key=lambda row: (row["booked_on"], row["reference"], row["kind"]),
    )
    missing = sorted({row["kind"] for row in rows if row["account"] is None})
    if missing:
        raise SoleflipError(
            f"the chart {chart.upper()} has no account for {', '.join(missing)}: add it to"
            " dbt_project/seeds/reference/account_map.csv"
        )
    stamp = datetime.now(UTC).strftime("%Y%m%d%H%M%S000")
    last = period.after - timedelta(days=1)
    header = [
        "EXTF", 700, 21, "Buchungsstapel", 13, stamp, "", "SF", "soleflip", "", adviser, client,
        f"{period.year}0101", 4, f"{period.first:%Y%m%d}", f"{last:%Y%m%d}", "soleflip", "", 1, 0,
        0, "EUR", "", "", "", "", chart.upper().removeprefix("SKR"), "", "", "", "",
    ]  # fmt: skip
    _write(file, "cp1252", (header, _COLUMNS, *map(_booking, rows)))
    return len(rows)


def write_profit_and_loss(settings: Settings, file: Path, period: Period) -> int:
    """Write the lines of `financial.profit_and_loss`, EUR with a decimal point; give their number.

    Raises:
        SoleflipError: no marts, or the file exists.
    """
    rows = _read(settings, _LINES, period)
    _write(file, "utf-8", (list(rows[0]) if rows else ["month"], *(row.values() for row in rows)))
    return len(rows)


def _read(settings: Settings, query: str, period: Period, **values: str) -> list[dict[str, Any]]:
    days = {"first": period.first, "next": period.after}
    with closing(connect(settings, role="loader")) as conn:
        conn.read_only = True
        try:
            rows = conn.cursor(row_factory=dict_row).execute(query.encode(), days | values)
            return rows.fetchall()
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as error:
            raise SoleflipError(
                "there is nothing to export yet: no marts are published; run `soleflip run`"
            ) from error


def _booking(row: dict[str, Any]) -> Iterator[object]:
    """A line of the stack: the amount without a sign, and the side that the account stands on."""
    is_credit = (row["amount_eur"] > 0) != (row["kind"] in _DEBIT_KINDS)
    text = " ".join(filter(None, (row["booking_text"], row["platform"], row["reference"])))
    reference = "".join(c if c.isalnum() or c in "$&%*+-/" else "-" for c in row["reference"])
    yield f"{abs(row['amount_eur']):.2f}".replace(".", ",")
    yield from ("H" if is_credit else "S", "EUR", "", "", "")
    yield from (row["account"], row["contra_account"], row["tax_key"] or "")
    yield f"{row['booked_on']:%d%m}"
    yield from (reference[:_MOST_REFERENCE], row["kind"][:12], "", text[:_MOST_TEXT])


def _write(file: Path, encoding: str, lines: Iterable[Sequence[object] | Iterable[object]]) -> None:
    try:
        with file.open("x", encoding=encoding, errors="replace", newline="") as out:
            csv.writer(out, delimiter=";", lineterminator="\r\n").writerows(
                [list(line) for line in lines]
            )
    except FileExistsError:
        raise SoleflipError(f"{file} exists already: name another file, or move it away") from None
    except OSError as error:
        raise SoleflipError(f"{file} cannot be written: {error.strerror}") from error
