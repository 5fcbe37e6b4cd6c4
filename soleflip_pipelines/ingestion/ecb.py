"""The ECB's reference rates into `raw_ecb.reference_rates`.

Published rates are not revised, so only days near the newest known one are compared again. Which
rate counts for an event is decided in the marts.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import psycopg

from soleflip_pipelines.clients.ecb import ReferenceRate
from soleflip_pipelines.ingestion.access import open_ecb
from soleflip_pipelines.ingestion.steps import Log
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.loader import (
    BatchResult,
    BatchSource,
    RawTable,
    Record,
    load_batch,
    read_cursor,
)

RATES = RawTable("raw_ecb", "reference_rates", ("rate_on", "currency_code"))
FIRST_DAY = date(2016, 1, 1)  # before StockX opened; no sale of anyone's is older
LOOK_BACK = timedelta(days=30)


def sync_reference_rates(
    settings: Settings, conn: psycopg.Connection, *, run_id: str | None = None, log: Log = print
) -> list[BatchResult]:
    """Read the rates since shortly before the newest known day; at first, all.

    Args:
        settings: the bank's address.
        conn: a connection of the loader role.
        run_id: Dagster's run, for the ledger.
        log: told about the result.

    Raises:
        PartnerError: the file cannot be read; nothing changed.
    """
    cursor = read_cursor(conn, RATES.address) or {}
    conn.commit()
    known_through = date.fromisoformat(cursor.get("rate_on", FIRST_DAY.isoformat()))
    following = {"rate_on": known_through.isoformat()}

    def rows(rates: Iterator[ReferenceRate]) -> Iterator[Record]:
        for rate in rates:
            if rate.rate_on >= max(FIRST_DAY, known_through - LOOK_BACK):
                day = rate.rate_on.isoformat()
                following["rate_on"] = max(following["rate_on"], day)
                yield Record((day, rate.currency_code), {"units_per_eur": rate.units_per_eur})

    with open_ecb(settings) as client:
        result = load_batch(
            conn,
            RATES,
            rows(client.reference_rates()),
            BatchSource("ecb", "feed", dagster_run_id=run_id),
            cursor=(RATES.address, following),
        )
    log(f"reference rates: {result.inserted:,} new, through {following['rate_on']}")
    return [result]
