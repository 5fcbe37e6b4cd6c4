"""The one resource: the warehouse, which hands out plain settings and connections.

It holds no secret and no business logic; what is done with a connection is the caller's affair.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

import dagster as dg
import psycopg

from soleflip_pipelines.settings import Settings, get_settings
from soleflip_pipelines.warehouse.connection import Role, connect


class WarehouseResource(dg.ConfigurableResource):
    """The warehouse of this installation, as its environment describes it."""

    @property
    def settings(self) -> Settings:
        """The settings of the process."""
        return get_settings()

    def connect(self, role: Role = "loader") -> AbstractContextManager[psycopg.Connection]:
        """A connection in the given role, closed (and rolled back if not committed) on exit."""
        return connect(self.settings, role=role)


@dg.definitions
def resources() -> dg.Definitions:
    """The resources that assets and checks name as parameters."""
    return dg.Definitions(resources={"warehouse": WarehouseResource()})
