"""What readers see of many publications: errors, sets that are mixed, and how long they wait.

`make bench`, or `python -m bench.publish [--publications 50] [--orders 300] [--builds N]`. The
readers of `bench.readers` poll through all of it, the hostile one among them. N of the publications
are whole builds by dbt, the others publish real side schemas that hold a copy of the set.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path

import psycopg
from psycopg import sql

from bench.filling import filled_warehouse
from bench.marts import UNTIL
from bench.readers import hostile_reader, polling
from bench.watching import load
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse import side_schemas
from soleflip_pipelines.warehouse.connection import connect
from soleflip_pipelines.warehouse.embedded import EmbeddedPostgres
from soleflip_pipelines.warehouse.publish import SWAPPED_SCHEMAS, build_marts, prepare_dbt

TABLES_SQL = """
    select table_schema, table_name from information_schema.columns
    where table_schema = any(%s) and column_name = 'build_id'
    union
    select schemaname, matviewname from pg_matviews where schemaname = any(%s)
"""


def publish_build(settings: Settings, build_id: str) -> float:
    """Build and publish; the seconds of the change itself."""
    return build_marts(settings, build_id).swap_seconds


def publish_copy(settings: Settings, build_id: str) -> float:
    """Publish a copy of the set under another build id; the seconds of the change itself."""
    with closing(connect(settings, "transformer", autocommit=True)) as conn:
        side_schemas.drop_leftovers(conn, SWAPPED_SCHEMAS)
        side_schemas.create_next(conn, SWAPPED_SCHEMAS)
        schemas = list(SWAPPED_SCHEMAS)
        for schema, table in conn.execute(TABLES_SQL, [schemas, schemas]).fetchall():
            _copy(conn, schema, table, build_id)
        started = time.monotonic()
        side_schemas.swap(conn, SWAPPED_SCHEMAS, build_id, "")
        took = time.monotonic() - started
        side_schemas.drop_old(conn, SWAPPED_SCHEMAS)
    return took


def _copy(conn: psycopg.Connection, schema: str, table: str, build_id: str) -> None:
    place = sql.Identifier(schema + side_schemas.NEXT, table)
    source = sql.Identifier(schema, table)
    conn.execute(sql.SQL("create table {} as select * from {}").format(place, source))
    conn.execute(sql.SQL("update {} set build_id = {}").format(place, sql.Literal(build_id)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--publications", type=int, default=50)
    parser.add_argument("--builds", type=int, default=5, help="how many of them dbt builds")
    parser.add_argument("--orders", type=int, default=300)
    parser.add_argument("--home", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soleflip-bench-") as folder:
        home = (arguments.home or Path(folder)) / str(arguments.orders)
        try:
            settings = filled_warehouse(home, arguments.orders, UNTIL)
            prepare_dbt(settings)
            build_marts(settings, "before all")
            report(settings, arguments.publications, arguments.builds)
        finally:
            EmbeddedPostgres(home).stop()


def report(settings: Settings, publications: int, builds: int) -> None:
    """Publish so often, and say what the readers saw."""
    started, swaps = time.monotonic(), []
    with (
        hostile_reader(settings, SWAPPED_SCHEMAS),
        polling(settings) as readers,
        # In a process of its own, dbt does not keep the readers' Python from running.
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool,
    ):
        for number in range(publications):
            work = publish_build if number < builds else publish_copy
            swaps.append(pool.submit(work, settings, f"{number:04d} {time.time_ns()}").result())
    took = time.monotonic() - started
    print(
        f"{publications} publications, {builds} of them whole builds, in {took:.0f} s;"
        f" finding the moment and renaming took {max(swaps):.3f} s at most (load {load():.1f})"
    )
    print(f"{'reader':<8}{'reads':>9}{'errors':>8}{'mixtures':>10}{'sets seen':>11}{'worst s':>9}")
    for number, reader in enumerate(readers):
        print(
            f"{number:<8}{reader.reads:>9,}{len(reader.errors):>8}{len(reader.mixtures):>10}"
            f"{len(reader.seen):>11}{reader.longest_wait_s:>9.3f}"
        )
        for error in reader.errors[:3]:
            print(f"    {error}")


if __name__ == "__main__":
    main()
