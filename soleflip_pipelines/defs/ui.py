"""Serving the Dagster UI with its daemon, so that schedules and sensors run. No assets here."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys

from soleflip_pipelines.errors import SoleflipError
from soleflip_pipelines.settings import PROJECT_ROOT, Settings, export_environment
from soleflip_pipelines.warehouse.connection import dagster_environment, prepare_database
from soleflip_pipelines.warehouse.publish import ensure_manifest


class PortBusy(SoleflipError):
    """Another program listens on the port; the text says how to choose another."""


def require_free_port(host: str, port: int) -> None:
    """Raise `PortBusy` when something listens there already."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            raise PortBusy(
                f"{host}:{port} is in use by another program; stop it or pass --port"
            ) from None


def serve(settings: Settings, host: str, port: int) -> int:
    """Run webserver, daemon and code server until interrupted; returns their exit code.

    Raises:
        PortBusy: something listens on the port already.
    """
    require_free_port(host, port)
    prepare_database(settings)
    export_environment(dagster_environment(settings))
    ensure_manifest(settings)
    command = [sys.executable, "-m", "dagster", "dev", "-w", str(PROJECT_ROOT / "workspace.yaml")]
    process = subprocess.Popen(
        [*command, "-h", host, "-p", str(port)], cwd=PROJECT_ROOT, start_new_session=True
    )
    try:
        return process.wait()
    except KeyboardInterrupt:
        process.send_signal(signal.SIGINT)
        try:
            return process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()
