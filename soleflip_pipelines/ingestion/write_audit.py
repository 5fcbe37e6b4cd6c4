"""Keeps a line of every request that could change something at a partner, before it is sent.

What is sent belongs to the clients; that it was sent, and how it ended, is evidence and is kept in
`logging.outside_write`. Paths are kept without parameters and bodies not at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from soleflip_pipelines.clients.errors import PartnerError

SENT_SQL = """
    insert into logging.outside_write (partner, method, path, outcome)
    values (%s, %s, %s, 'sent') returning write_id
"""
ANSWERED_SQL = """
    update logging.outside_write set outcome = %s, answered_at = clock_timestamp()
    where write_id = %s
"""


@dataclass(frozen=True)
class WriteAudit:
    """The evidence of one partner's writes.

    Attributes:
        conn: an autocommit connection of the loader role, so that a line outlives what follows.
        partner: the partner's key, lower case.
    """

    conn: psycopg.Connection
    partner: str

    @contextmanager
    def __call__(self, method: str, path: str) -> Iterator[None]:
        """Note the request, then how it ended: done, refused, or unknown where no answer came."""
        row = self.conn.execute(SENT_SQL, [self.partner, method, path]).fetchone()
        outcome = "unknown"
        try:
            yield
            outcome = "done"
        except PartnerError as error:
            outcome = f"refused ({error.status})" if error.status else outcome
            raise
        finally:
            self.conn.execute(ANSWERED_SQL, [outcome, row[0] if row else None])
