"""When a login that does not last for ever comes to its end, so that it is renewed in time.

Only logins in the vault are known by their age. What stands in `.env` says nothing of it, and of
that much its owner is warned.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg

from soleflip_pipelines.clients.credentials import from_settings
from soleflip_pipelines.settings import Settings

# eBay's refresh tokens live for 18 months, and using them does not prolong that.
LIFE = {"ebay": timedelta(seconds=47_304_000)}
WARN_BEFORE = timedelta(days=60)
SET_SQL = """
    select max(happened_at), now() from core.secret_event
    where config_key = %s and action = 'set'
"""


@dataclass(frozen=True)
class LoginEnd:
    """When a partner's login ends (UTC; None if nobody knows), and what to say about it."""

    partner: str
    ends_at: datetime | None
    needs_care: bool

    @property
    def text(self) -> str:
        """One sentence for its owner."""
        if self.ends_at is None:
            return (
                f"the login stands in .env, which does not tell when it ends: `soleflip connect "
                f"{self.partner}` gets one whose end is known, then take it out of .env"
            )
        day = f"{self.ends_at:%Y-%m-%d}"
        if self.needs_care:
            return f"the login ends on {day}: run `soleflip connect {self.partner}` before that"
        return f"the login ends on {day}"


def login_end(settings: Settings, conn: psycopg.Connection, partner: str) -> LoginEnd | None:
    """The end of a partner's login; None where it does not end, or there is none."""
    name = f"{partner.upper()}_REFRESH_TOKEN"
    if partner not in LIFE:
        return None
    if from_settings(settings, name):
        # The sandbox hands its own login out the same way, and that does not end.
        return LoginEnd(partner, None, needs_care=True) if settings.mode == "live" else None
    begun_at, now = conn.execute(SET_SQL, [name]).fetchone() or (None, None)
    if begun_at is None or now is None:
        return None
    ends_at = begun_at + LIFE[partner]
    return LoginEnd(partner, ends_at, needs_care=ends_at - now < WARN_BEFORE)
