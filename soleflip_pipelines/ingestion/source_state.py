"""Reads a source and writes down in `integration.source_state` what became of it.

A partner that is down or half connected must not keep the rest of a run from its work, so its error
ends here as a state with its sentence. What cannot be the partner's fault is not caught.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import class_row

from soleflip_pipelines.clients.credentials import CREDENTIALS, guide_of
from soleflip_pipelines.clients.errors import MissingCredential, PartnerDeferred, PartnerError
from soleflip_pipelines.ingestion.access import partner_is_connected
from soleflip_pipelines.ingestion.steps import Log
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.vault import VaultError

NAMES = {"stockx": "StockX", "ebay": "eBay", "alias": "Alias", "awin": "Awin", "ecb": "ECB"}
BEHIND_AFTER = timedelta(hours=48)

Stream = Callable[..., Any]

NOTE_SQL = """
    insert into integration.source_state as known (
        asset, partner, state, detail, dagster_run_id, read_at
    )
    values (
        %(asset)s, %(partner)s, %(state)s, %(detail)s, %(run)s,
        case when %(state)s = 'read' then now() end
    )
    on conflict (asset) do update set
        state = excluded.state, detail = excluded.detail, dagster_run_id = excluded.dagster_run_id,
        tried_at = excluded.tried_at, read_at = coalesce(excluded.read_at, known.read_at)
    returning asset, partner, state, detail, tried_at, read_at
"""
STATES_SQL = """
    select asset, partner, state, detail, tried_at, read_at from integration.source_state
    where %(run)s::text is null or dagster_run_id = %(run)s order by tried_at, asset
"""
FILES_SQL = "select exists (select from integration.import_batches where batch_kind = 'file')"


@dataclass(frozen=True)
class SourceState:
    """How a partner's table stands; times are UTC, `read_at` None if it was never read whole."""

    asset: str
    partner: str
    state: str
    detail: str | None
    tried_at: datetime
    read_at: datetime | None

    @property
    def is_behind(self) -> bool:
        """It failed, or has not been read to its end for long."""
        if self.state == "failed":
            return True
        return self.read_at is not None and self.tried_at - self.read_at > BEHIND_AFTER

    @property
    def as_of(self) -> str:
        """Up to when it is known, in words."""
        if self.read_at is None:
            return "never read to the end"
        return f"last read to the end on {self.read_at:%Y-%m-%d %H:%M} UTC"


def read_source(
    settings: Settings,
    conn: psycopg.Connection,
    assets: Sequence[str],
    streams: Iterable[Stream],
    *,
    run_id: str | None,
    log: Log,
) -> SourceState:
    """Run the streams that fill tables of one partner, and note how it went.

    Args:
        settings: addresses and credentials.
        conn: a connection of the loader role, with no transaction open.
        assets: the tables, as "raw_stockx.orders"; they share one fate.
        streams: called one after the other with settings, connection, `run_id` and `log`.
        run_id: Dagster's run, for the ledger.
        log: told about the progress, and why not everything was read.

    Returns:
        the state of the first of the tables; the others have the same.
    """
    partner = assets[0].split(".")[0].removeprefix("raw_")
    state, detail = "read", None
    try:
        if partner in CREDENTIALS and not partner_is_connected(settings, partner):
            state, detail = "not_connected", f"not connected: see {guide_of(partner)}"
            log(f"{NAMES[partner]} is not connected: skipped ({guide_of(partner)})")
        else:
            for stream in streams:
                stream(settings, conn, run_id=run_id, log=log)
    except PartnerDeferred as error:
        state, detail = "put_off", str(error)
    except (PartnerError, MissingCredential, VaultError) as error:
        state, detail = "failed", str(error)
    conn.rollback()
    noted = [_note(conn, asset, partner, state, detail, run_id) for asset in assets]
    conn.commit()
    return noted[0]


def read_states(conn: psycopg.Connection, run_id: str | None = None) -> list[SourceState]:
    """What is known of all sources, or what a run found of those that it read, in that order."""
    with conn.cursor(row_factory=class_row(SourceState)) as cur:
        return cur.execute(STATES_SQL, {"run": run_id}).fetchall()


def is_anything_connected(settings: Settings, conn: psycopg.Connection) -> bool:
    """Whether there is any source at all: a partner's account, be it by half, or a file."""
    for partner in CREDENTIALS:
        try:
            if partner_is_connected(settings, partner):
                return True
        except (MissingCredential, VaultError):
            return True
    found = conn.execute(FILES_SQL).fetchone()
    return bool(found and found[0])


def failure_sentence(states: Iterable[SourceState]) -> str | None:
    """Which partners failed, why, and up to when they are known; None if none did."""
    failed: dict[str, SourceState] = {}
    for state in states:
        if state.state == "failed":
            known = failed.setdefault(state.partner, state)
            if known.read_at is not None and (state.read_at or known.read_at) < known.read_at:
                failed[state.partner] = state
    return (
        "; ".join(
            f"{NAMES[partner]} could not be read ({state.asset}: {state.detail}), "
            f"what builds on it uses what was there before: {state.as_of}"
            for partner, state in failed.items()
        )
        or None
    )


def _note(
    conn: psycopg.Connection,
    asset: str,
    partner: str,
    state: str,
    detail: str | None,
    run_id: str | None,
) -> SourceState:
    values = {
        "asset": asset, "partner": partner, "state": state, "detail": detail, "run": run_id,
    }  # fmt: skip
    with conn.cursor(row_factory=class_row(SourceState)) as cur:
        noted = cur.execute(NOTE_SQL, values).fetchone()
    assert noted is not None
    return noted
