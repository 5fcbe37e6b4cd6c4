"""The one resource: the warehouse, which hands out plain settings and connections.

It holds no secret and no business logic; what is done with a connection is the caller's affair.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
import psycopg
from dagster_postgres.utils import DagsterPostgresException
from sqlalchemy.exc import OperationalError

from soleflip_pipelines.defs.instance import PROCESS_TAG, process_identity
from soleflip_pipelines.processes import end_worker_with_parent
from soleflip_pipelines.settings import Settings, get_settings
from soleflip_pipelines.warehouse.connection import Role, connect
from soleflip_pipelines.warehouse.outage import is_outage, wait_for_database

OUTAGES = 3  # how often a step or run begins anew before it fails


def is_outage_of_any(error: BaseException) -> bool:
    """Whether an error is the database's being away, for us or for Dagster's own storage in it."""
    return is_outage(error) or isinstance(error, DagsterPostgresException | OperationalError)


class WarehouseResource(dg.ConfigurableResource):
    """The warehouse of this installation, as its environment describes it."""

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Note which process a daemon's run is in, and let that end with its code server.

        Nobody would hear of what a worker does that has outlived it.
        """
        run = context.run
        if context.instance is not None and run is not None and PROCESS_TAG not in run.tags:
            identity = {PROCESS_TAG: process_identity(os.getpid())}
            context.instance.add_run_tags(run.run_id, identity)
            end_worker_with_parent()

    @property
    def settings(self) -> Settings:
        """The settings of the process."""
        return get_settings()

    @contextmanager
    def connect(self, role: Role | None = "loader") -> Iterator[psycopg.Connection]:
        """A connection in the given role, closed (and rolled back if not committed) on exit.

        Where the database goes away or has no room for the work at the moment, it is waited for and
        the step begins anew: what it had committed is known to be there, the rest never happened.
        """
        try:
            with connect(self.settings, role=role) as conn:
                yield conn
        except Exception as error:
            if not is_outage_of_any(error):
                raise
            # Dagster's own log is in the same database.
            wait_for_database(self.settings, logging.getLogger(__name__).warning)
            raise dg.RetryRequested(max_retries=OUTAGES) from error


@dg.definitions
def resources() -> dg.Definitions:
    """The resources that assets and checks name as parameters."""
    return dg.Definitions(resources={"warehouse": WarehouseResource()})
