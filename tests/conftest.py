"""Fixtures for all tests: a throw-away PostgreSQL a session, a fresh migrated database a test."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import stamina
from xdist.scheduler.loadscope import LoadScopeScheduling

from soleflip_pipelines.settings import Settings, load_settings
from soleflip_pipelines.warehouse import dbt_runner, publish
from soleflip_pipelines.warehouse.connection import connect, prepare_database
from soleflip_pipelines.warehouse.dbt_runner import run_dbt
from soleflip_pipelines.warehouse.embedded import EmbeddedPostgres, ServerAddress

MIGRATED = "template_migrated"
OWN_SET_UP = ("test_bad_input.py", "test_outages.py")
LONGEST_FIRST = {"pipeline": 0, "faults": 1, "warehouse": 2, "ingestion": 3, "defs": 4}


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--snapshot-update` records the code location anew, after a change on purpose."""
    parser.addoption("--snapshot-update", action="store_true")


@pytest.fixture(autouse=True, scope="session")
def _no_settings_from_outside() -> None:
    for name in list(os.environ):
        if name.startswith(("SOLEFLIP_", "STOCKX_", "AWIN_", "ECB_", "EBAY_", "ALIAS_")):
            del os.environ[name]


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Bytes are no name: a packed file holds the second of its packing, and workers must agree."""
    return argname if isinstance(val, bytes) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The folders with the longest tests go first: no worker is left with one at the end."""
    items.sort(key=lambda item: LONGEST_FIRST.get(item.path.parent.name, len(LONGEST_FIRST)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than processors: much of a worker's time is waiting for a process of its own."""
    return (os.cpu_count() or 1) + 1


class BySetUp(LoadScopeScheduling):
    """A file runs whole on one worker, and so does a folder whose files share a costly set-up."""

    def _split_scope(self, nodeid: str) -> str:
        path = PurePosixPath(nodeid.split("::")[0])
        is_shared = path.parent.name in ("pipeline", "defs") and path.name not in OWN_SET_UP
        return str(path.parent if is_shared else path)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> BySetUp:
    """What hands out the tests to the workers."""
    return BySetUp(config, log)


@pytest.fixture(autouse=True, scope="session")
def _dbt_is_not_traced() -> Iterator[None]:
    """Coverage is of this package alone, but tracing dbt would cost two thirds of dbt's own time.

    The lines of `run_dbt` are measured where a test calls it itself.
    """

    def untraced(*arguments: Any, **options: Any) -> Any:
        own, of_threads = sys.gettrace(), threading.gettrace()
        sys.settrace(None)
        threading.settrace(None)  # type: ignore[arg-type]
        try:
            return run_dbt(*arguments, **options)
        finally:
            threading.settrace(of_threads)  # type: ignore[arg-type]
            sys.settrace(own)

    with pytest.MonkeyPatch.context() as patch:
        for module in (dbt_runner, publish):
            patch.setattr(module, "run_dbt", untraced)
        yield


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerAddress]:
    """A PostgreSQL server for this session; it trades durability for speed."""
    embedded = EmbeddedPostgres(tmp_path_factory.mktemp("server"), options={"fsync": "off"})
    address = embedded.ensure_running()
    # Guessing is made expensive by thousands of rounds; a test connects some thousand times.
    with psycopg.connect(address.url("postgres"), autocommit=True) as conn:
        conn.execute("set scram_iterations = 1")
        conn.execute(f"alter role {address.user} password '{address.password}'")
    yield address
    embedded.stop()


@pytest.fixture(scope="session")
def template_database(server: ServerAddress, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with all migrations applied, from which each test's own is copied."""
    create_database(server, MIGRATED)
    prepare_database(settings_for(server, MIGRATED, tmp_path_factory.mktemp("template")))
    return MIGRATED


@pytest.fixture
def settings(server: ServerAddress, template_database: str, tmp_path: Path) -> Iterator[Settings]:
    """Settings of a fresh, migrated sandbox database and an empty home of this test alone."""
    name = f"test_{uuid4().hex[:12]}"
    create_database(server, name, template=template_database)
    yield settings_for(server, name, tmp_path / "home")
    with psycopg.connect(server.url("postgres"), autocommit=True) as conn:
        conn.execute(f'drop database "{name}" with (force)')


@pytest.fixture
def conn(settings: Settings) -> Iterator[psycopg.Connection]:
    """A connection of the loader role to the test's database."""
    with connect(settings, role="loader") as connection:
        yield connection


@pytest.fixture
def no_waiting() -> Iterator[None]:
    """Retries follow at once; how long they wait is tested where it matters."""
    with stamina.set_testing(True, attempts=5, cap=True):
        yield


def create_database(server: ServerAddress, name: str, template: str = "template1") -> None:
    """Create a database as a copy of a template."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as conn:
        # Files are copied at half the cost of a copy through the log.
        conn.execute(f'create database "{name}" template "{template}" strategy file_copy')
        # A copy has the template's contents, but not the rights on the database itself.
        if template == MIGRATED:
            conn.execute(f'grant create on database "{name}" to soleflip_transformer')


def settings_for(server: ServerAddress, database: str, home: Path) -> Settings:
    """Settings whose database is one of the session's server."""
    home.mkdir(exist_ok=True)
    return load_settings(
        {"SOLEFLIP_HOME": str(home), "SOLEFLIP_DATABASE_URL": server.url(database)}
    )
