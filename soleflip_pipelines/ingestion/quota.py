"""A partner's call quota and pace, shared by all processes through one row in Postgres.

Each call is booked before it is made: the row's counter keeps the day's quota, and its time is the
moment of the last call booked, from which the next one keeps its distance.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

import psycopg

from soleflip_pipelines.clients.errors import QuotaExhausted

UNPACED_BLOCK = 25

BOOK = """
    insert into integration.quota_use as q (partner, quota_day, call_count, last_call_at)
    values (
        %(partner)s, (now() at time zone 'UTC')::date, %(calls)s,
        greatest(
            clock_timestamp(),
            (select max(last_call_at) from integration.quota_use where partner = %(partner)s)
                + %(interval)s
        )
    )
    on conflict (partner, quota_day) do update set
        call_count = q.call_count + %(calls)s,
        last_call_at = greatest(clock_timestamp(), q.last_call_at + %(interval)s)
    where q.call_count + %(calls)s <= %(quota)s
    returning extract(epoch from last_call_at - clock_timestamp())::float8
"""
GIVE_BACK = """
    update integration.quota_use set call_count = call_count - %(calls)s
    where partner = %(partner)s and quota_day = %(day)s
"""

USED = """
    select call_count from integration.quota_use
    where partner = %s and quota_day = (now() at time zone 'UTC')::date
"""


def calls_used(conn: psycopg.Connection, partner: str) -> int:
    """The calls of this UTC day that all processes have booked so far."""
    row = conn.execute(USED, [partner]).fetchone()
    return int(row[0]) if row else 0


class QuotaGate:
    """Called before each call to a partner: waits for its turn, counts it, or refuses.

    Without a pace to keep, calls are booked in blocks, and `close` gives back what is left over.

    Args:
        conn: an autocommit connection of the loader role, for this gate's short statements.
        partner: the key of the row, lower case.
        daily_quota: calls a UTC day.
        min_interval_s: seconds between the starts of two calls; 0 for no pacing.
    """

    def __init__(
        self, conn: psycopg.Connection, *, partner: str, daily_quota: int, min_interval_s: float
    ) -> None:
        """Nothing is booked yet."""
        self._conn = conn
        self._partner = partner
        self._quota = daily_quota
        self._interval = timedelta(seconds=min_interval_s)
        self._block = 1 if min_interval_s > 0 else min(UNPACED_BLOCK, daily_quota)
        self._booked = 0
        self._booked_on = datetime.now(UTC).date()
        self._lock = threading.Lock()

    def __call__(self) -> None:
        """Return when the call may be made.

        Raises:
            QuotaExhausted: the day's calls are used up.
        """
        with self._lock:
            today = datetime.now(UTC).date()
            if self._booked == 0 or self._booked_on != today:
                wait_s = self._book()
                self._booked_on = today
            else:
                wait_s = 0.0
            self._booked -= 1
        if wait_s > 0:
            time.sleep(wait_s)

    def close(self) -> None:
        """Give back the calls that were booked and not made."""
        with self._lock:
            if self._booked > 0:
                self._conn.execute(
                    GIVE_BACK,
                    {
                        "calls": self._booked,
                        "partner": self._partner,
                        "day": self._booked_on,
                    },
                )
                self._booked = 0

    def _book(self) -> float:
        for calls in dict.fromkeys((self._block, 1)):
            row = self._conn.execute(
                BOOK,
                {
                    "partner": self._partner,
                    "calls": calls,
                    "interval": self._interval,
                    "quota": self._quota,
                },
            ).fetchone()
            if row is not None:
                self._booked = calls
                return float(row[0])
        midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        resets_at = midnight + timedelta(days=1)
        raise QuotaExhausted(
            f"{self._partner}: the {self._quota:,} calls of this UTC day are used up; what is "
            f"missing is read after {resets_at:%Y-%m-%d %H:%M} UTC",
            partner=self._partner,
            resumes_at=resets_at,
        )
