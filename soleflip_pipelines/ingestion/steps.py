"""What the streams of this package share: keys from the database, pace, and what did not come."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import psycopg

from soleflip_pipelines.ingestion.chunks import Fetched
from soleflip_pipelines.ingestion.fields import refused
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.loader import Rejection

UNPACED_WORKERS = 4

Log = Callable[[str], None]


def select_keys(conn: psycopg.Connection, query: str, params: Mapping[str, Any]) -> list[str]:
    """The first column of a query's rows; no transaction is left open for the long calls after."""
    found = conn.execute(query, params).fetchall()
    conn.commit()
    return [row[0] for row in found]


def stockx_workers(settings: Settings) -> int:
    """How many calls may be under way at once; a pace to keep leaves nothing to overlap."""
    return UNPACED_WORKERS if settings.stockx_min_interval_s == 0 else 1


def missing_row(item: Fetched[Any], log: Log) -> list[Rejection]:
    """What to keep of a document that did not come: a rejection, or nothing if it may come yet."""
    if item.is_gone:
        return [refused(item.key, "not_found", f"the partner does not know it: {item.error}")]
    log(f"left for the next run: {item.error}")
    return []
