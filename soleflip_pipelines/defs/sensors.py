"""What starts, ends or records runs by itself: the CSV inbox, and runs that ended or failed."""

import hashlib
import json
from pathlib import Path
from typing import Any

import dagster as dg

from soleflip_pipelines.defs.instance import clean_up
from soleflip_pipelines.defs.resources import WarehouseResource
from soleflip_pipelines.defs.run_log import record_runs
from soleflip_pipelines.ingestion.inbox import inbox_stamps

FAILURE_SQL = """
    insert into logging.run_failure (dagster_run_id, job_name, failed_steps, message, failed_at)
    values (%s, %s, %s, %s, now())
    on conflict (dagster_run_id) do nothing
"""


@dg.sensor(
    job_name="import_files",
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts import_files when the inbox holds whole files that were not seen before.",
)
def inbox_sensor(
    context: dg.SensorEvaluationContext, warehouse: WarehouseResource
) -> dg.SensorResult | dg.SkipReason:
    """Compare the inbox and its mappings with the cursor: name, size and time of each file."""
    folder: Path = warehouse.settings.inbox_folder
    now = inbox_stamps(folder)
    seen: dict[str, str] = json.loads(context.cursor or "{}")
    if not any(seen.get(name) != stamp for name, stamp in now.items()):
        return dg.SkipReason(f"nothing new in {folder}")
    cursor = json.dumps(now, sort_keys=True)
    # A key is indexed by PostgreSQL, which takes no text of hundreds of names there.
    key = hashlib.sha256(cursor.encode()).hexdigest()
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=key)], cursor=cursor)


@dg.run_failure_sensor(
    name="run_failure_sensor",
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Records every failed run in logging.run_failure.",
)
def run_failure_sensor(context: dg.RunFailureSensorContext, warehouse: WarehouseResource) -> None:
    """Write the failed steps and the first error down where SQL can see them."""
    events: Any = context.get_step_failure_events()
    steps = ", ".join(event.step_key or "" for event in events) or "(none)"
    message = context.failure_event.message or ""
    for event in events:
        data = event.step_failure_data
        cause = data.error.cause if data.error and data.error.cause else data.error
        message = (cause.message if cause else message).strip()
        break
    with warehouse.connect() as conn:
        conn.execute(
            FAILURE_SQL, [context.dagster_run.run_id, context.dagster_run.job_name, steps, message]
        )
        conn.commit()


@dg.sensor(
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Fails runs whose process was killed, frees their pools, and copies runs that have "
    "ended, and their steps, into logging.run_log.",
)
def run_log_sensor(
    context: dg.SensorEvaluationContext, warehouse: WarehouseResource
) -> dg.SkipReason:
    """Log what ended since the last look, whoever had started it.

    A run whose worker and code server died together ends here: the daemon would notice after hours.
    """
    clean_up(context.instance)
    with warehouse.connect() as conn:
        return dg.SkipReason(f"{record_runs(context.instance, conn)} ended runs logged")
