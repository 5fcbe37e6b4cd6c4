"""`soleflip doctor`: checks of the set-up, each with what to do about it. It repairs nothing."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Literal

from rich.console import Console
from rich.markup import escape

from soleflip_pipelines.errors import SoleflipError
from soleflip_pipelines.settings import Settings, get_settings

LEAST_FREE_GB = 1
MARKS = {"ok": "[green]✓[/green]", "warn": "[yellow]![/yellow]", "fail": "[red]✗[/red]"}


@dataclass(frozen=True)
class Finding:
    """One thing looked at: how it is, and what to do when it is not well."""

    topic: str
    state: Literal["ok", "warn", "fail"]
    text: str


def examine(console: Console, *, as_json: bool) -> bool:
    """Print all findings; False when one of them is a failure."""
    findings = list(_findings())
    if as_json:
        console.print_json(data=[asdict(finding) for finding in findings])
    else:
        for finding in findings:
            line = f"{MARKS[finding.state]} {finding.topic:12} {escape(finding.text)}"
            console.print(line, soft_wrap=True, highlight=False)
    return all(finding.state != "fail" for finding in findings)


def _findings() -> Iterator[Finding]:
    yield _python()
    try:
        settings = get_settings()
    except SoleflipError as error:
        yield Finding("settings", "fail", str(error))
        return
    yield Finding("settings", "ok", f"mode {settings.mode}, home {settings.home}")
    for topic, check in _CHECKS.items():
        try:
            yield check(settings)
        except SoleflipError as error:
            yield Finding(topic, "fail", str(error))
    if settings.mode == "sandbox":
        yield _sandbox(settings)
        return
    try:
        yield from _partners(settings)
    except SoleflipError as error:
        yield Finding("partners", "fail", str(error))


def _python() -> Finding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    is_right = (3, 11) <= sys.version_info[:2] <= (3, 13)
    return Finding("python", "ok" if is_right else "fail", f"{version} (3.11 to 3.13 are tested)")


def _home(settings: Settings) -> Finding:
    folder = settings.home
    while not folder.exists():
        folder = folder.parent
    if not os.access(folder, os.W_OK | os.X_OK):
        return Finding("home", "fail", f"{folder} is not writable: set SOLEFLIP_HOME elsewhere")
    free_gb = shutil.disk_usage(folder).free / 1024**3
    state: Literal["ok", "warn"] = "ok" if free_gb >= LEAST_FREE_GB else "warn"
    return Finding("home", state, f"writable, {free_gb:.1f} GB free")


def _database(settings: Settings) -> Finding:
    from soleflip_pipelines.warehouse.connection import connect

    with closing(connect(settings)) as conn:
        version = conn.info.server_version
        kind = "embedded" if settings.database_url is None else "external"
        return Finding(
            "database", "ok", f"{kind} PostgreSQL {version // 10_000}.{version % 10_000} answers"
        )


def _migrations(settings: Settings) -> Finding:
    from soleflip_pipelines.warehouse.connection import MIGRATIONS_FOLDER, connect
    from soleflip_pipelines.warehouse.migrations import pending_migrations

    with closing(connect(settings, role=None, autocommit=True)) as conn:
        missing = pending_migrations(conn, MIGRATIONS_FOLDER)
    if missing:
        return Finding("migrations", "warn", f"{len(missing)} to apply: soleflip db upgrade")
    return Finding("migrations", "ok", "all applied")


def _keys(settings: Settings) -> Finding:
    from soleflip_pipelines.warehouse.connection import connect
    from soleflip_pipelines.warehouse.vault import open_vault

    with closing(connect(settings)) as conn:
        vault = open_vault(conn, settings)
        names = [entry.name for entry in vault.entries()]
        for name in names:
            vault.get(name)
    return Finding("credentials", "ok", f"{len(names)} stored, all readable")


def _sandbox(settings: Settings) -> Finding:
    from soleflip_pipelines.sandbox import server

    address = server.url(settings)
    if address is None:
        return Finding("sandbox", "warn", "does not run; a job or `sandbox start` starts it")
    return Finding("sandbox", "ok", f"runs at {address}")


def _partners(settings: Settings) -> Iterator[Finding]:
    from soleflip_pipelines.clients.credentials import CREDENTIALS, guide_of, missing_credentials
    from soleflip_pipelines.ingestion.login_end import login_end
    from soleflip_pipelines.ingestion.source_state import is_anything_connected
    from soleflip_pipelines.warehouse.connection import connect
    from soleflip_pipelines.warehouse.vault import open_vault

    with closing(connect(settings, autocommit=True)) as conn:
        vault = open_vault(conn, settings)
        for partner, names in CREDENTIALS.items():
            missing = missing_credentials(settings, vault, partner)
            if not missing:
                end = login_end(settings, conn, partner)
                state: Literal["ok", "warn"] = "warn" if end and end.needs_care else "ok"
                yield Finding(partner, state, f"connected; {end.text}" if end else "connected")
            elif len(missing) < len(names):
                text = f"connected in part: {', '.join(missing)} missing; see {guide_of(partner)}"
                yield Finding(partner, "fail", text)
            else:
                yield Finding(partner, "ok", f"not connected: skipped; see {guide_of(partner)}")
        if not is_anything_connected(settings, conn):
            text = "no account is connected and no file was imported: connect one of the above"
            yield Finding("sources", "fail", text)


_CHECKS: dict[str, Callable[[Settings], Finding]] = {
    "home": _home,
    "database": _database,
    "migrations": _migrations,
    "credentials": _keys,
}
