"""dlt doing the same merge, for comparison. It is no dependency: without it there is no figure."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.connection import database_url
from soleflip_pipelines.warehouse.loader import RawTable

# Run in a process of its own with a home of its own; prints the seconds of the merge alone.
PROGRAM = """
import json, sys, time
import dlt
path, keys, url, name = sys.argv[1], sys.argv[2].split(","), sys.argv[3], sys.argv[4]

@dlt.resource(name="rows", primary_key=keys, write_disposition="merge", max_table_nesting=0)
def rows():
    with open(path, encoding="utf-8") as file:
        for line in file:
            *key, text = line.rstrip("\\n").split("\\x01")
            yield {**dict(zip(keys, key)), "payload": json.loads(text)}

pipeline = dlt.pipeline(name, destination=dlt.destinations.postgres(url), dataset_name=name)
begin = time.perf_counter()
pipeline.run(rows(), columns={"payload": {"data_type": "json"}})
print(time.perf_counter() - begin)
"""


def python() -> str | None:
    """A Python that has dlt: this one, or the one that BENCH_DLT_PYTHON names."""
    named = os.environ.get("BENCH_DLT_PYTHON")
    return named or (sys.executable if importlib.util.find_spec("dlt") else None)


def seconds(settings: Settings, table: RawTable, rows: Path, number: int) -> float | None:
    """How long dlt takes for its first merge of the rows, this `number` of times; None without."""
    program = python()
    if program is None:
        return None
    name = f"dlt_{rows.stem}_{rows.stat().st_size}_{number}"
    home = rows.parent / name
    keys = ",".join(table.key_columns)
    done = subprocess.run(
        [program, "-c", PROGRAM, str(rows), keys, database_url(settings), name],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "DLT_DATA_DIR": str(home),
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            "RUNTIME__LOG_LEVEL": "CRITICAL",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout.strip().splitlines()[-1])
