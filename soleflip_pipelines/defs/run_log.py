"""Copies what Dagster knows of ended runs and their steps into `logging.run_log`.

Dagster's own records are purged after some months and lie in its own tables; the log stays and is
SQL like everything else. No assets here.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import dagster as dg
import psycopg

ENDED = [
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
]
# A run may end after one that began later.
OVERLAP = timedelta(days=1)
MOST_RUNS = 500
LAST_SQL = "select max(ended_at) from logging.run_log where step = '*'"
NEW_SQL = """
    select run_id from unnest(%s::text[]) as given (run_id)
    where not exists (select from logging.run_log where dagster_run_id = run_id and step = '*')
"""
# A step is named after its asset or the schema of its assets; its batches are in the ledger.
WRITE_SQL = """
    insert into logging.run_log
    select %(run_id)s, %(step)s, %(job)s, %(status)s,
           to_timestamp(%(start)s), to_timestamp(%(end)s),
           %(end)s::numeric - %(start)s::numeric, sum(rows_read), sum(rows_inserted + rows_updated)
    from integration.import_batches
    where dagster_run_id = %(run_id)s
      and %(step)s in ('*', split_part(asset, '.', 1), replace(asset, '.', '_'))
    on conflict (dagster_run_id, step) do nothing
"""


def record_runs(instance: dg.DagsterInstance, conn: psycopg.Connection) -> int:
    """Log every ended run that is not in the log yet, each whole; returns how many.

    Args:
        instance: where the runs are recorded.
        conn: a connection of the loader role; left committed.
    """
    last = (conn.execute(LAST_SQL).fetchone() or (None,))[0] or datetime.min.replace(tzinfo=UTC)
    since = last - OVERLAP if last.year > 1 else None
    records = instance.get_run_records(
        dg.RunsFilter(statuses=ENDED, updated_after=since), limit=MOST_RUNS, ascending=True
    )
    by_id = {record.dagster_run.run_id: record for record in records}
    new = [run_id for (run_id,) in conn.execute(NEW_SQL, [list(by_id)]).fetchall()]
    for run_id in new:
        _write(instance, conn, by_id[run_id])
        conn.commit()
    return len(new)


def _write(instance: dg.DagsterInstance, conn: psycopg.Connection, record: dg.RunRecord) -> None:
    run = record.dagster_run
    lines = [("*", run.status.value.lower(), record.start_time, record.end_time)]
    for step in instance.get_run_step_stats(run.run_id):
        status = step.status.value.lower() if step.status else "unknown"
        lines.append((step.step_key, status, step.start_time, step.end_time))
    with conn.cursor() as cur:
        cur.executemany(
            WRITE_SQL,
            [
                {
                    "run_id": run.run_id, "job": run.job_name, "step": step, "status": status,
                    "start": start, "end": end,
                }
                for step, status, start, end in lines
            ],
        )  # fmt: skip
