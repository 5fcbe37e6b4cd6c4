"""What to do when the database goes away in the middle of work: tell it apart, and wait for it.

Only whole transactions are ever repeated, by whoever began them; nothing is repeated here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing

import psycopg

from soleflip_pipelines.errors import DatabaseAway
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.batch import LoadError
from soleflip_pipelines.warehouse.connection import connect
from soleflip_pipelines.warehouse.loader import is_transient_state

PATIENCE_S = 15 * 60.0
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0


def is_outage(error: BaseException) -> bool:
    """Whether an error is the database's being away or busy, so that the same work can succeed."""
    if isinstance(error, LoadError):
        return error.is_transient
    if isinstance(error, DatabaseAway):
        return True
    if isinstance(error, psycopg.OperationalError | psycopg.InternalError):
        return error.sqlstate is None or is_transient_state(error.sqlstate)
    return False


def wait_for_database(
    settings: Settings, log: Callable[[str], None], *, patience_s: float = PATIENCE_S
) -> None:
    """Return as soon as the database takes connections; an embedded server is started again.

    Args:
        settings: which database.
        log: told once that it is waited for; must not need the database itself.
        patience_s: how long to wait at most, in seconds.

    Raises:
        DatabaseAway: it is still away after that time.
        DatabaseUnavailable: at once, if it refuses us: no waiting helps.
    """
    deadline = time.monotonic() + patience_s
    wait_s = FIRST_WAIT_S
    while True:
        try:
            with closing(connect(settings)):
                return
        except (DatabaseAway, psycopg.OperationalError) as error:
            if time.monotonic() + wait_s > deadline:
                raise
            if wait_s == FIRST_WAIT_S:
                log(f"{error}; waiting for it")
        time.sleep(wait_s)
        wait_s = min(2 * wait_s, LONGEST_WAIT_S)
