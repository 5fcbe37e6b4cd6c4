"""What several commands share. No command lives here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from rich.console import Console

from soleflip_pipelines.settings import Settings, get_settings

if TYPE_CHECKING:
    import psycopg


@contextmanager
def owner_connection() -> Iterator[psycopg.Connection]:
    """A connection for reading and writing what the owner decides, each statement on its own."""
    from soleflip_pipelines.warehouse.connection import connect

    with closing(connect(get_settings(), autocommit=True)) as conn:
        yield conn


def running_settings(console: Console) -> Settings:
    """The settings with the marketplaces reachable: in sandbox mode the sandbox is started first.

    The sandbox publishes its addresses when it starts, so the settings are read again after that.
    """
    settings = get_settings()
    if settings.mode == "sandbox":
        from soleflip_pipelines.sandbox import server

        with console.status("starting the sandbox marketplaces …"):
            server.start(settings)
        get_settings.cache_clear()
        settings = get_settings()
    return settings
