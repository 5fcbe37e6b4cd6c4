"""Readings of which each tells how much memory it took; meant for a process of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from soleflip_pipelines.errors import SoleflipError
from soleflip_pipelines.ingestion import awin
from soleflip_pipelines.ingestion.inbox import import_inbox
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.connection import connect


def read_feeds(settings: Settings) -> tuple[list[str], int]:
    """What a reading of all feeds said, and the bytes by which this process grew since its start"""
    return _read(settings, awin.sync_feeds)


def read_inbox(settings: Settings) -> tuple[list[str], int]:
    """The same of the inbox."""
    return _read(settings, import_inbox)


def _read(settings: Settings, reading: Callable[..., Any]) -> tuple[list[str], int]:
    said: list[str] = []
    with connect(settings, role="loader") as conn:
        try:
            reading(settings, conn, log=said.append)
        except SoleflipError as error:
            said.append(str(error))
    return said, _most_memory() - AT_START


def _most_memory() -> int:
    """The most bytes this process has had in memory at once, without those of its parent."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


AT_START = _most_memory()
