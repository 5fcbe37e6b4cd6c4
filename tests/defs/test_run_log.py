"""Ended runs are logged once, with their steps and what these read."""

import dagster as dg
import pytest

from soleflip_pipelines.defs.run_log import record_runs
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.connection import connect
from soleflip_pipelines.warehouse.loader import BatchSource, RawTable, Record, load_batch

pytestmark = pytest.mark.integration

RATES = RawTable("raw_ecb", "reference_rates", ("rate_on", "currency_code"))


def test_a_run_and_its_steps_are_logged_once(
    definitions: dg.Definitions, location_settings: Settings
) -> None:
    @dg.op
    def raw_ecb_reference_rates(context: dg.OpExecutionContext) -> None:
        row = Record(("2020-01-02", "SEK"), {"units_per_eur": "10.5"})
        with connect(location_settings) as conn:
            load_batch(conn, RATES, [row], BatchSource("x", "api", dagster_run_id=context.run_id))

    @dg.op
    def breaks() -> None:
        raise ValueError("broken on purpose")

    @dg.job
    def logged_job() -> None:
        raw_ecb_reference_rates()
        breaks()

    with dg.DagsterInstance.get() as instance, connect(location_settings) as conn:
        record_runs(instance, conn)
        run = logged_job.execute_in_process(instance=instance, raise_on_error=False)
        assert record_runs(instance, conn) == 1
        assert record_runs(instance, conn) == 0
        lines = conn.execute(
            "select step, status, rows_read, rows_changed, seconds >= 0 from logging.run_log"
            " where dagster_run_id = %s order by step",
            [run.run_id],
        ).fetchall()
    assert lines == [
        ("*", "failure", 1, 1, True),
        ("breaks", "failure", None, None, True),
        ("raw_ecb_reference_rates", "success", 1, 1, True),
    ]
