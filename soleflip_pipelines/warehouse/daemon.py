"""Is Dagster's daemon alive, without which no schedule and no sensor starts anything?

It cannot report its own end, so this is for whoever looks from outside. Its heartbeats are rows of
Dagster's own storage; Dagster itself takes seconds to load and is not needed to read them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import psycopg

# A heartbeat comes every half minute.
LONGEST_SILENCE = "5 minutes"
# Without one of these nothing starts; what further kinds there are depends on Dagster's settings.
NEEDED = ["SCHEDULER", "SENSOR", "QUEUED_RUN_COORDINATOR"]
HEARD_SQL = """
    select heard_at, heard_at < now() - %(longest)s::interval
    from (
        select min(timestamp at time zone 'UTC') as heard_at
        from dagster.daemon_heartbeats
        where daemon_type = any(%(needed)s)
    ) as beats
    where heard_at is not null
"""


@dataclass(frozen=True)
class Schedules:
    """Whether schedules and sensors run.

    Attributes:
        state: "stopped" is an alarm: they ran, and nobody ended them on purpose.
        last_heard_at: UTC, None if they never ran or were ended on purpose.
        text: the same as a sentence.
    """

    state: Literal["running", "off", "stopped"]
    last_heard_at: datetime | None
    text: str


def schedules(conn: psycopg.Connection) -> Schedules:
    """Whether the daemon was heard of lately, by any role that may read Dagster's schema."""
    found = conn.execute("select to_regclass('dagster.daemon_heartbeats') is not null").fetchone()
    row = None
    if found and found[0]:
        parameters = {"needed": NEEDED, "longest": LONGEST_SILENCE}
        row = conn.execute(HEARD_SQL, parameters).fetchone()
    if row is None:
        return Schedules("off", None, "schedules are off: make dev runs them")
    if row[1]:
        text = (
            f"schedules have not run since {row[0]:%Y-%m-%d %H:%M} UTC, when Dagster's daemon was "
            "last heard of: start it again with make dev or make docker-up"
        )
        return Schedules("stopped", row[0], text)
    return Schedules("running", row[0], f"schedules run; last sign of life {row[0]:%H:%M:%S} UTC")


def forget_daemon(conn: psycopg.Connection) -> None:
    """Note that the daemon was ended on purpose, so that nobody misses it."""
    conn.execute("delete from dagster.daemon_heartbeats")
    conn.commit()
