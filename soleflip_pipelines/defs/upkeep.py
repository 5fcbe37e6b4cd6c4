"""The nightly upkeep: Dagster's old runs and logs go, personal data and events past their time.

Dagster itself keeps the events of every run for ever. What was loaded is not touched by that: the
ledger, not Dagster, is the authority on it.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg

from soleflip_pipelines.defs.resources import WarehouseResource
from soleflip_pipelines.ingestion.originals import remove_expired_originals
from soleflip_pipelines.warehouse.retention import apply_retention

KEEP_RUNS = timedelta(days=90)
ENDED = [
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
]
PAGE = 500
# The results of checks lie beside the events, and Dagster forgets to delete them with the run.
OLD_RESULTS_SQL = """
    delete from dagster.asset_check_executions old
    where old.create_timestamp < %s and exists (
        select from dagster.asset_check_executions newer
        where newer.asset_key = old.asset_key and newer.check_name = old.check_name
          and newer.id > old.id
    )
"""


def old_runs(instance: dg.DagsterInstance, before: datetime) -> Iterator[str]:
    """The ids of ended runs from before then, save those with an asset's last success.

    Without its last materialization an asset would look as if it had never been made.
    """
    kept = set()
    for record in instance.get_asset_records(instance.all_asset_keys()):
        latest = record.asset_entry.last_materialization_record
        if latest is not None:
            kept.add(latest.run_id)
    filters = dg.RunsFilter(statuses=ENDED, created_before=before)
    cursor = None
    while page := instance.get_run_ids(filters, cursor=cursor, limit=PAGE):
        yield from (run_id for run_id in page if run_id not in kept)
        cursor = page[-1]


@dg.op
def purge_old_runs(context: dg.OpExecutionContext, warehouse: WarehouseResource) -> None:
    """Delete runs that ended long ago, with their events, check results and captured output."""
    before = datetime.now(UTC) - KEEP_RUNS
    deleted = 0
    for run_id in list(old_runs(context.instance, before)):
        context.instance.compute_log_manager.delete_logs(prefix=[run_id])
        context.instance.delete_run(run_id)
        deleted += 1
    with warehouse.connect(role=None) as conn:
        results = conn.execute(OLD_RESULTS_SQL, [before.replace(tzinfo=None)]).rowcount
        conn.commit()
    context.log.info(
        f"{deleted:,} runs and {results:,} check results from before {before:%Y-%m-%d} deleted"
    )


@dg.op
def remove_expired_personal_data(
    context: dg.OpExecutionContext, warehouse: WarehouseResource
) -> None:
    """Apply the rules of compliance.retention_rule; the erasure log keeps the evidence."""
    with warehouse.connect() as conn:
        today = datetime.now(UTC).date()
        removed = apply_retention(conn, today)
        files = remove_expired_originals(conn, warehouse.settings.inbox_folder, today)
    for place, count in removed.items():
        context.log.info(f"{place}: removed from {count:,} rows")
    for place, count in files.items():
        context.log.info(f"{place}: {count:,} imported files deleted")
    if not removed and not files:
        context.log.info("nothing was past its time")


@dg.job(tags={"dagster/max_runtime": str(3600)})
def upkeep() -> None:
    """Old runs and logs of Dagster, personal data and events past their time are deleted."""
    purge_old_runs()
    remove_expired_personal_data()


@dg.definitions
def upkeep_definitions() -> dg.Definitions:
    """The job and when it runs."""
    return dg.Definitions(
        jobs=[upkeep],
        schedules=[
            dg.ScheduleDefinition(
                name="upkeep_schedule",
                job=upkeep,
                cron_schedule="50 2 * * *",
                execution_timezone="Europe/Berlin",
                description="Every night: old runs, personal data and events past their time.",
                default_status=dg.DefaultScheduleStatus.RUNNING,
            )
        ],
    )
