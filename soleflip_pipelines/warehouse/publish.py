"""Builds the marts beside the published ones, tests them there, and puts them in their place.

The order of steps and what may go wrong belongs here; how dbt is run is `dbt_runner`, the DDL on
schemas is `side_schemas`, and what the marts mean is the dbt project.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from soleflip_pipelines.errors import SoleflipError
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse import side_schemas
from soleflip_pipelines.warehouse.bad_rows import record_test_failures
from soleflip_pipelines.warehouse.connection import connect
from soleflip_pipelines.warehouse.dbt_runner import (
    DBT_PROJECT,
    DbtFailed,
    NodeResult,
    ensure_manifest,
    run_dbt,
    sources_digest,
    state_folder,
)
from soleflip_pipelines.warehouse.inputs import inputs_digest
from soleflip_pipelines.warehouse.news import gather_news, record_news
from soleflip_pipelines.warehouse.side_schemas import ColumnFacts, TableFacts

__all__ = [
    "SWAPPED_SCHEMAS",
    "BuildFailed",
    "BuildResult",
    "ColumnFacts",
    "DbtFailed",
    "NodeResult",
    "TableFacts",
    "build_marts",
    "ensure_manifest",
    "generate_docs",
    "prepare_dbt",
    "refresh_summaries",
    "up_to_date_build",
]

SWAPPED_SCHEMAS = (
    "intermediate",
    "catalog",
    "inventory",
    "sales",
    "supplier",
    "financial",
    "platform",
    "pricing",
    "analytics",
    "operations",
)
SUMMARIES = (
    "analytics.inventory_status_summary",
    "analytics.sales_summary_daily",
    "analytics.supplier_performance_summary",
)
PREPARED_KEY = "dbt_prepared_hash"
BUILD_KEY = "last_build_id"
INPUTS_KEY = "last_build_inputs"
LOCK_NAME = "soleflip.dbt"
LOCK_WAIT_S = 900.0
LOCK_POLL_S = 0.5


class BuildFailed(SoleflipError):
    """The new set was not published and readers still see the old one; the text says why.

    Attributes:
        nodes: every result of the run, for those who want more than the sentence.
    """

    def __init__(self, message: str, nodes: Sequence[NodeResult] = ()) -> None:
        super().__init__(message)
        self.nodes = tuple(nodes)


@dataclass(frozen=True)
class BuildResult:
    """A published build: what dbt did, and what readers now find.

    Attributes:
        build_id: as in the column of every mart.
        nodes: one result a model and test, in the order they ended.
        tables: rows and columns by address ("sales.order").
        seconds: the whole build, from the lock to the end of the old set.
        swap_seconds: finding a moment between two readers, and the renaming transaction.
    """

    build_id: str
    nodes: tuple[NodeResult, ...]
    tables: dict[str, TableFacts]
    seconds: float
    swap_seconds: float

    @property
    def warnings(self) -> tuple[NodeResult, ...]:
        """Tests of severity `warn` that found rows."""
        return tuple(node for node in self.nodes if node.status == "warn")


def prepare_dbt(settings: Settings, force: bool = False) -> bool:
    """Put seeds (`reference`) and staging views in place if the project has changed since.

    Returns whether anything was done. The manifest is there afterwards in either case.

    Raises:
        BuildFailed: a seed or view could not be made.
        DbtFailed: the project does not parse.
    """
    digest = _prepared_digest()
    with (
        connect(settings, role="transformer", autocommit=True) as conn,
        _dbt_lock(conn),
    ):
        if not force and _setting(conn, PREPARED_KEY) == digest:
            ensure_manifest(settings)
            return False
        nodes = run_dbt(
            settings,
            "prepare",
            ["build", "--select", "path:seeds", "path:models/staging"]
            + [
                "--exclude-resource-type",
                "test",
                "--exclude-resource-type",
                "unit_test",
            ],
        )
        _raise_failures("seeds and staging views", nodes)
        with conn.transaction():
            conn.execute("set local role soleflip_loader")
            conn.execute(
                "insert into core.setting (setting_key, setting_value) values (%s, %s)"
                " on conflict (setting_key) do update"
                " set setting_value = excluded.setting_value, updated_at = now()",
                [PREPARED_KEY, digest],
            )
    ensure_manifest(settings)
    return True


def build_marts(
    settings: Settings,
    build_id: str,
    on_event: Callable[[NodeResult], None] | None = None,
) -> BuildResult:
    """Build and test the whole set of marts, and publish it if no test of severity error failed.

    Args:
        settings: whose warehouse.
        build_id: the name of this build, unique; every mart carries it.
        on_event: called whenever a model or test has ended, in one of dbt's threads.

    Raises:
        BuildFailed: a model or a test failed, or another build went on for too long; the
            published set is untouched.
        DbtFailed: dbt could not run at all.
    """
    started = time.monotonic()
    with (
        connect(settings, role="transformer", autocommit=True) as conn,
        _dbt_lock(conn),
    ):
        # Read before dbt reads: what changes meanwhile makes the next digest differ.
        inputs = _inputs_digest(settings, conn)
        side_schemas.drop_leftovers(conn, SWAPPED_SCHEMAS)
        side_schemas.create_next(conn, SWAPPED_SCHEMAS)
        nodes = run_dbt(
            settings,
            "publish",
            ["build", "--select", "path:models/intermediate", "path:models/marts"]
            + [
                "path:models/staging,resource_type:test",
                "--exclude-resource-type",
                "unit_test",
            ],
            environment={"DBT_BUILD_ID": build_id},
            on_node=on_event,
        )
        record_test_failures(conn, build_id, nodes)
        _raise_failures("the marts were not published", nodes)
        tables = side_schemas.read_facts(conn, SWAPPED_SCHEMAS)
        gather_news(conn, build_id, settings.today())
        swap_started = time.monotonic()
        try:
            side_schemas.swap(conn, SWAPPED_SCHEMAS, build_id, inputs, also=record_news)
        except psycopg.errors.LockNotAvailable:
            raise BuildFailed(
                "the marts were not published: somebody keeps a schema locked", nodes
            ) from None
        swapped = time.monotonic()
        side_schemas.drop_old(conn, SWAPPED_SCHEMAS)
        ended = time.monotonic()
    return BuildResult(build_id, tuple(nodes), tables, ended - started, swapped - swap_started)


def up_to_date_build(settings: Settings) -> str | None:
    """The id of the published build if a new one would show the same, else None."""
    with connect(settings, role="transformer", autocommit=True) as conn:
        found = conn.execute("select to_regclass('sales.order') is not null").fetchone()
        is_published = bool(found and found[0])
        if is_published and _setting(conn, INPUTS_KEY) == _inputs_digest(settings, conn):
            return _setting(conn, BUILD_KEY)
    return None


def refresh_summaries(settings: Settings) -> dict[str, float]:
    """Refresh the materialized views while they are read; seconds by address.

    Raises:
        BuildFailed: nothing is published yet.
    """
    seconds = {}
    with connect(settings, role="transformer", autocommit=True) as conn:
        for address in SUMMARIES:
            started = time.monotonic()
            name = sql.Identifier(*address.split("."))
            try:
                conn.execute(sql.SQL("refresh materialized view concurrently {}").format(name))
            except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
                raise BuildFailed(
                    f"{address} is not there yet: run `soleflip run rebuild_marts` first"
                ) from None
            seconds[address] = round(time.monotonic() - started, 3)
    return seconds


def generate_docs(settings: Settings) -> Path:
    """Write the dbt docs site of the published marts; the folder holds one `index.html`.

    Raises:
        DbtFailed: dbt could not read the project or the database.
    """
    with (
        connect(settings, role="transformer", autocommit=True) as conn,
        _dbt_lock(conn),
    ):
        run_dbt(settings, "prepare", ["docs", "generate", "--static"])
    folder = settings.home / "dbt" / "docs"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(state_folder(settings, "prepare") / "static_index.html", folder / "index.html")
    return folder


def _inputs_digest(settings: Settings, conn: psycopg.Connection) -> str:
    return inputs_digest(conn, sources_digest(DBT_PROJECT.rglob("*")), settings.today())


def _prepared_digest() -> str:
    """What seeds and staging views depend on; a change of a mart alone leaves them in place."""
    return sources_digest(
        path
        for folder in ("seeds", "macros", "models/staging")
        for path in (DBT_PROJECT / folder).rglob("*")
    ) + sources_digest([DBT_PROJECT / "dbt_project.yml"])


@contextmanager
def _dbt_lock(conn: psycopg.Connection) -> Iterator[None]:
    """Keep two builds apart; the lock dies with its process."""
    deadline = time.monotonic() + LOCK_WAIT_S
    while not _try_lock(conn):
        if time.monotonic() > deadline:
            raise BuildFailed("another build has been running for too long: nothing was done")
        time.sleep(LOCK_POLL_S)
    try:
        yield
    finally:
        if not conn.closed:
            conn.execute("select pg_advisory_unlock(hashtextextended(%s, 0))", [LOCK_NAME])


def _try_lock(conn: psycopg.Connection) -> bool:
    row = conn.execute(
        "select pg_try_advisory_lock(hashtextextended(%s, 0))", [LOCK_NAME]
    ).fetchone()
    return bool(row and row[0])


def _setting(conn: psycopg.Connection, key: str) -> str | None:
    row = conn.execute(
        "select setting_value from core.setting where setting_key = %s", [key]
    ).fetchone()
    return str(row[0]) if row else None


def _raise_failures(what: str, nodes: Sequence[NodeResult]) -> None:
    failed = [node for node in nodes if node.is_failed]
    if not failed:
        return
    sentences = [_sentence(node) for node in failed[:5]]
    if len(failed) > len(sentences):
        sentences.append(f"and {len(failed) - len(sentences)} more")
    raise BuildFailed(f"{what}: " + "; ".join(sentences), nodes)


def _sentence(node: NodeResult) -> str:
    if node.resource_type == "test":
        place = f"test {node.name}" + (f" of {node.address}" if node.address else "")
    else:
        place = f"{node.resource_type} {node.address or node.name}"
    if node.status == "fail":
        rows = node.failures or 0
        return f"{place} found {rows} bad row{'' if rows == 1 else 's'}"
    return f"{place} could not be built: {node.message}"
