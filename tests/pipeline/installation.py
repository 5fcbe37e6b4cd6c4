"""A whole installation: its own home, database and sandbox, driven as a user would."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from soleflip_pipelines.settings import PROJECT_ROOT
from soleflip_pipelines.warehouse.publish import SWAPPED_SCHEMAS

RUN_TIMEOUT_S = 900
SOLEFLIP = str(Path(sys.executable).with_name("soleflip"))
# What differs between two runs over the same input: when it ran, and the numbers of its batches.
MOMENTS = (
    "build_id",
    "batch_id",
    "made_at",
    "observed_at",
    "market_observed_at",
    "first_seen_at",
    "last_seen_at",
    "changed_at",
    "labelled_at",
    "decided_at",
    "measured_at",
    "valid_from",
    "valid_to",
    "matched_at",
    "opened_at",
    "seen_at",
)
RAW_SCHEMAS = ("raw_stockx", "raw_awin", "raw_csv", "raw_ecb")


@dataclass
class Installation:
    """An installation under test: the environment of its commands, and its database."""

    environment: dict[str, str]
    url: str

    @property
    def home(self) -> Path:
        """The folder that holds its state."""
        return Path(self.environment["SOLEFLIP_HOME"])

    def with_environment(self, **values: str) -> Installation:
        """The same installation, seen through a changed environment."""
        return Installation({**self.environment, **values}, self.url)

    def soleflip(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        done = subprocess.run(
            [SOLEFLIP, *arguments],
            cwd=PROJECT_ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=RUN_TIMEOUT_S,
        )
        if check and done.returncode != 0:
            pytest.fail(f"soleflip {' '.join(arguments)}:\n{done.stdout}\n{done.stderr}")
        return done

    def kill_when(self, arguments: tuple[str, ...], is_time: Callable[[], bool]) -> None:
        """Start a command and kill it with SIGKILL as soon as `is_time` says so."""
        process = subprocess.Popen(
            [SOLEFLIP, *arguments],
            cwd=PROJECT_ROOT,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + RUN_TIMEOUT_S
        while not is_time():
            assert process.poll() is None, "the command ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def query(self, statement: str) -> list[tuple[object, ...]]:
        """Rows of a query as the login user."""
        with psycopg.connect(self.url, autocommit=True) as conn:
            return conn.execute(statement.encode()).fetchall()

    def contents(
        self, schemas: tuple[str, ...] = (*RAW_SCHEMAS, *SWAPPED_SCHEMAS)
    ) -> dict[str, str]:
        """A digest of each table's rows, leaving out the moments at which they were written."""
        tables = self.query(
            "select format('%I.%I', nspname, relname) from pg_class"
            " join pg_namespace on pg_namespace.oid = relnamespace"
            f" where nspname in {schemas!r} and relkind in ('r', 'm', 'v') order by 1"
        )
        digests = {}
        for (table,) in tables:
            moments = ", ".join(f"'{name}'" for name in MOMENTS)
            rows = self.query(
                "select count(*) || ' rows, ' || coalesce(md5(string_agg(line, chr(10)"
                " order by line)), '') from (select"
                # The sandbox's port is part of the addresses that its feed list names.
                f" regexp_replace((to_jsonb(t) - array[{moments}])::text,"
                " '127\\.0\\.0\\.1:\\d+|\"payload_hash\": \"\\w+\"', '', 'g') as line"
                f" from {table} as t) as lines"
            )
            digests[str(table)] = str(rows[0][0])
        return digests
