"""The inbox as assets: a table for each kind of file, and a check that shows what was left."""

from __future__ import annotations

import os

import dagster as dg
import pytest

from soleflip_pipelines.defs.raw_feeds import CSV_TABLES, INBOX, raw_csv
from soleflip_pipelines.defs.resources import WarehouseResource
from soleflip_pipelines.imports.kinds import load_kinds
from soleflip_pipelines.settings import Settings

pytestmark = pytest.mark.integration


@pytest.mark.unit
def test_every_kind_of_file_has_its_asset() -> None:
    assert set(CSV_TABLES) == {kind.table.address for kind in load_kinds().values()}


def test_a_file_that_was_left_warns_with_its_reason(location_settings: Settings) -> None:
    inbox = location_settings.inbox_folder
    inbox.mkdir(parents=True, exist_ok=True)
    files = {
        "products.csv": "Name,Style Code,EAN\nShoe,DV0982-100,4006381333931\n",
        "holiday.jpg": "x",
    }
    for name, content in files.items():
        (inbox / name).write_text(content)
        os.utime(inbox / name, (1, 1))
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            [raw_csv], resources={"warehouse": WarehouseResource()}, instance=instance
        )
        (inbox / "holiday.jpg").unlink()
        clear = dg.materialize(
            [raw_csv], resources={"warehouse": WarehouseResource()}, instance=instance
        )
    landed = {
        event.asset_key.path[-1]: event for event in result.get_asset_materialization_events()
    }
    assert {f"raw_csv.{name}" for name in landed} == set(CSV_TABLES)
    metadata = landed["products"].materialization.metadata
    assert metadata["inserted"].value == 1
    first, second = (
        next(e for e in run.get_asset_check_evaluations() if e.check_name == INBOX)
        for run in (result, clear)
    )
    assert (first.passed, first.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert first.metadata["reasons"].value == (
        "- holiday.jpg: its name does not end in .csv, .tsv or .txt"
    )
    assert second.passed
