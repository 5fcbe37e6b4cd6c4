"""What a build of the marts was made from, as one hash: is there anything new since?

PostgreSQL counts the rows that were ever inserted, updated and deleted in each table, so the
question costs one query whatever the size. A counter that was reset (after a crash) differs too,
and costs a build that was not needed; it never hides one that was. But a session that stays open
tells its counts up to ten seconds after its commit, so the ledger, which is committed with the
rows, is asked too: for how many batches there are, since the last to commit may be an early one.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date

import psycopg

# All that models read. The tables of results are not among them: views show those at once, and
# what a publication itself writes is no news for the next.
COUNTERS_SQL = """
    select
        pg_database.oid::text,
        (
            select count(*) from integration.import_batches
            where rows_inserted + rows_updated > 0
        ),
        coalesce(jsonb_agg(
            jsonb_build_array(
                tables.schemaname, tables.relname, tables.relid::text,
                tables.n_tup_ins, tables.n_tup_upd, tables.n_tup_del
            ) order by tables.schemaname, tables.relname
        ), '[]')
    from pg_database
    left join pg_stat_user_tables as tables
        on tables.schemaname in (
            'raw_stockx', 'raw_ebay', 'raw_alias', 'raw_awin', 'raw_csv', 'raw_ecb', 'history',
            'reference', 'owner', 'enrichment'
        )
        and tables.schemaname || '.' || tables.relname <> all(%s)
    where pg_database.datname = current_database()
    group by pg_database.oid
"""
RESULT_TABLES = (
    "enrichment.sales_forecast",
    "enrichment.sales_forecast_daily",
    "enrichment.forecast_backtest",
    "enrichment.price_recommendation",
    "history.listing_change",
    "history.order_status",
)


def inputs_digest(conn: psycopg.Connection, project_digest: str, today: date) -> str:
    """A hash over everything that decides what a build would produce.

    Args:
        conn: any role; statistics are readable by all.
        project_digest: of the dbt project's files.
        today: the business day, since ages and windows count from it.
    """
    row = conn.execute(COUNTERS_SQL, [list(RESULT_TABLES)]).fetchone()
    facts = json.dumps([row, project_digest, today.isoformat()], default=str)
    return hashlib.sha256(facts.encode()).hexdigest()
