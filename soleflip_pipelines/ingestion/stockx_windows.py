"""Which stretches of StockX's order history are to be read now, by day of creation.

The history is cut into quarters and one open stretch for what lies before them. Each is read and
committed for itself and read again after a week, so a first import goes on where it was stopped.
Reading them is the business of `stockx_orders`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import psycopg

from soleflip_pipelines.ingestion.periods import Period

STREAM = "raw_stockx.orders/created "
READ_AGAIN_AFTER = timedelta(days=7)
# What is left of the history is read in one go once it is no more than ten pages.
REST_ORDERS = 1_000
EARLIEST_DAY = date(2015, 1, 1)
# Nobody documents whether the days are inclusive or whose midnight they mean.
OVERLAP = timedelta(days=1)

STATES_SQL = """
    select substr(stream, length(%(prefix)s) + 1), cursor
    from integration.sync_state where starts_with(stream, %(prefix)s)
"""
FORGET_SQL = """
    update integration.sync_state set cursor = cursor - 'read_at'
    where starts_with(stream, %(prefix)s)
"""


@dataclass(frozen=True)
class Window:
    """Days on which orders were created, both included; None stands for no bound."""

    first: date | None
    last: date | None

    def __str__(self) -> str:
        """The days as a person reads them."""
        return f"{self.first or 'before'}..{self.last or ''}"

    @property
    def stream(self) -> str:
        """The name under which it is kept in `integration.sync_state` that it was read."""
        return f"{STREAM}{self}"

    @property
    def asked_from(self) -> date | None:
        """The first day to ask for."""
        return self.first - OVERLAP if self.first else None

    @property
    def asked_to(self) -> date | None:
        """The last day to ask for."""
        return self.last + OVERLAP if self.last else None

    def bounds(self) -> tuple[datetime | None, datetime | None]:
        """The days asked for as moments (UTC), for the ledger; the second is not included."""
        start, end = self.asked_from, self.asked_to
        return (
            datetime.combine(start, time.min, UTC) if start else None,
            datetime.combine(end + timedelta(days=1), time.min, UTC) if end else None,
        )

    def state(self, *, read_at: datetime, is_settled: bool) -> dict[str, Any]:
        """What to keep once it was read; a list that moved meanwhile leaves it open."""
        days = {"first": _text(self.first), "last": _text(self.last)}
        return {**days, "read_at": read_at.isoformat()} if is_settled else {**days, "open": True}


def windows_of(period: Period, today: date) -> Iterator[Window]:
    """The quarters of a period, newest first, the outer ones cut to it."""
    last = period.last or today
    if period.first is None:
        yield Window(None, last)
        return
    while last >= period.first:
        first = max(_quarter(last), period.first)
        yield Window(first, last)
        last = first - timedelta(days=1)


def read_states(conn: psycopg.Connection) -> dict[str, dict[str, Any]]:
    """What is kept of the windows read so far, by stream without its prefix."""
    found = conn.execute(STATES_SQL, {"prefix": STREAM}).fetchall()
    conn.commit()
    return {name: dict(cursor) for name, cursor in found}


def forget_readings(conn: psycopg.Connection) -> None:
    """Make every window due; a full read that is stopped is thus finished by later runs."""
    conn.execute(FORGET_SQL, {"prefix": STREAM})
    conn.commit()


def due_windows(
    states: Mapping[str, Mapping[str, Any]],
    *,
    newest_day: date,
    now: datetime,
    count_until: Callable[[date], int],
) -> Iterator[Window]:
    """The windows that are to be read now: those left open first, then the newest first.

    The newest orders are what the business asks about, so a first import begins with them.

    Args:
        states: as `read_states` gives them.
        newest_day: younger orders are read by every run anyway.
        now: windows read within a week before it are left alone.
        count_until: asks how many past orders were created until a day.
    """
    is_open = [state for state in states.values() if state.get("open")]
    yield from (Window(_day(state["first"]), _day(state["last"])) for state in is_open)

    def is_done(window: Window) -> bool:
        state = states.get(str(window), {})
        read_at = state.get("read_at")
        is_fresh = read_at and now - datetime.fromisoformat(read_at) <= READ_AGAIN_AFTER
        return bool(is_fresh or state.get("open"))

    last = _next_quarter(newest_day) - timedelta(days=1)
    while not is_done(rest := Window(None, last)):
        quarter = Window(_quarter(last), last)
        if not is_done(quarter):
            if _quarter(last) <= EARLIEST_DAY or count_until(last + OVERLAP) <= REST_ORDERS:
                yield rest
                return
            yield quarter
        last = _quarter(last) - timedelta(days=1)


def _quarter(day: date) -> date:
    """The first day of a day's quarter."""
    return date(day.year, 3 * ((day.month - 1) // 3) + 1, 1)


def _next_quarter(day: date) -> date:
    return _quarter(_quarter(day) + timedelta(days=100))


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _text(day: date | None) -> str | None:
    return day.isoformat() if day else None
