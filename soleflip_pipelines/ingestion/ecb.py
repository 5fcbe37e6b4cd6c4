"""The ECB's reference rates into `raw_ecb.reference_rates`.

Published rates are not revised, so only days near the newest known one are compared again. Which
rate counts for an event is decided in the marts.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

import psycopg

from soleflip_pipelines.clients.ecb import ReferenceRate
from soleflip_pipelines.ingestion.access import open_ecb
from soleflip_pipelines.ingestion.fields import refused
from soleflip_pipelines.ingestion.steps import Log
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.loader import (
    BatchResult,
    BatchSource,
    RawTable,
    Record,
    Rejection,
    load_batch,
    read_cursor,
)

RATES = RawTable("raw_ecb", "reference_rates", ("rate_on", "currency_code"))
FIRST_DAY = date(2016, 1, 1)  # before StockX opened; no sale of anyone's is older
LOOK_BACK = timedelta(days=30)
MOST_IN_A_DAY = 3  # no currency of the table has ever changed by that factor overnight


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

    def rows(rates: Iterator[ReferenceRate]) -> Iterator[Record | Rejection]:
        first = max(FIRST_DAY, known_through - LOOK_BACK)
        before: dict[str, Decimal] = {}
        # Oldest first, so that each is compared with what it comes from.
        for rate in sorted((r for r in rates if r.rate_on >= first), key=lambda r: r.rate_on):
            day, units = rate.rate_on.isoformat(), Decimal(rate.units_per_eur)
            known = before.get(rate.currency_code, units)
            if units <= 0 or not known / MOST_IN_A_DAY <= units <= known * MOST_IN_A_DAY:
                reason = f"{rate.units_per_eur} is implausible beside {known} of the day before"
                yield refused(f"{rate.currency_code} {day}", "implausible_rate", reason)
                continue
            before[rate.currency_code] = units
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
