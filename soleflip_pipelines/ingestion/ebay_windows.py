"""Which spans of time to ask eBay for, and the cursor that each of them leads to.

Pure planning: what is asked and stored is `ebay`'s business. A cursor holds when the last whole
reading began, how far it is while it is under way, and up to when changes have been read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from soleflip_pipelines.clients.ebay import Json
from soleflip_pipelines.ingestion.periods import Period

# Two years are what eBay gives out; an hour less, since the asking takes time.
HISTORY = timedelta(days=730) - timedelta(hours=1)
WINDOW = timedelta(days=90)
LOOK_BACK = timedelta(days=1)
FULL_READ_EVERY = timedelta(days=7)


@dataclass(frozen=True)
class Window:
    """A span of time to ask for, both ends included.

    Attributes:
        is_by_creation: by creation date, else by the date of the last change.
        start: its first moment.
        end: its last moment, or None for no end.
        cursor: the stream's cursor once the span has been read.
    """

    is_by_creation: bool
    start: datetime
    end: datetime | None
    cursor: Json


def planned_windows(cursor: Json, now: datetime) -> Iterator[Window]:
    """What to ask for, in order: a whole reading (or its rest) if one is due, then the changes.

    Args:
        cursor: as the last batch left it; empty before the first.
        now: our time.
    """
    earliest = now - HISTORY
    if "created_to" in cursor:
        begun_at, created_to = moment_of(cursor["full_read_at"]), moment_of(cursor["created_to"])
    elif "full_read_at" not in cursor or now - moment_of(cursor["full_read_at"]) > FULL_READ_EVERY:
        begun_at, created_to = now, earliest
    else:
        begun_at, created_to = moment_of(cursor["full_read_at"]), None
    base = {"full_read_at": begun_at.isoformat()}
    modified_to = begun_at
    if created_to is None:
        modified_to = moment_of(cursor["modified_to"])
    else:
        for start, end in _spans(max(created_to, earliest), begun_at):
            done = {"created_to": end} if end else {"modified_to": begun_at}
            yield Window(True, start, end, {**base, **_as_text(done)})
    for start, end in _spans(max(modified_to - LOOK_BACK, earliest), now):
        done = {"modified_to": max(end or modified_to, modified_to)}
        yield Window(False, start, end, {**base, **_as_text(done)})


def period_windows(period: Period, cursor: Json, now: datetime) -> Iterator[Window]:
    """The orders created in a period, as far as eBay still gives them out; the cursor stays."""
    earliest, end = now - HISTORY, now
    start = datetime.combine(period.first, time.min, UTC) if period.first else earliest
    if period.last:
        end = min(end, datetime.combine(period.last, time.min, UTC) + timedelta(days=1))
    start = max(start, earliest)
    for first, last in _spans(start, end) if start < end else ():
        yield Window(True, first, last or end, cursor)


def _spans(start: datetime, stop: datetime) -> Iterator[tuple[datetime, datetime | None]]:
    """The time from `start` on in pieces; the last one, which holds `stop`, is open."""
    while stop - start > WINDOW:
        yield start, start + WINDOW
        start += WINDOW
    yield start, None


def moment_of(text: str) -> datetime:
    """A time as text; one without a zone is UTC."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _as_text(moments: dict[str, datetime]) -> dict[str, str]:
    return {name: moment.isoformat() for name, moment in moments.items()}
