"""Serving the Dagster UI with its daemon, so that schedules and sensors run."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import closing, suppress

from soleflip_pipelines.commands.site import require_free_port
from soleflip_pipelines.defs.instance import open_instance
from soleflip_pipelines.errors import DatabaseUnavailable
from soleflip_pipelines.processes import end_with_parent
from soleflip_pipelines.settings import PROJECT_ROOT, Settings, export_environment
from soleflip_pipelines.warehouse.connection import (
    connect,
    dagster_environment,
    database_url,
    prepare_database,
)
from soleflip_pipelines.warehouse.daemon import forget_daemon
from soleflip_pipelines.warehouse.publish import ensure_manifest

LOOK_SECONDS = 5.0


def serve(settings: Settings, host: str, port: int) -> int:
    """Run webserver, daemon and code server until interrupted; returns their exit code.

    Raises:
        PortBusy: something listens on the port already.
    """
    require_free_port(port, host)
    prepare_database(settings)
    export_environment(dagster_environment(settings))
    ensure_manifest(settings)
    # Runs that ended with an earlier daemon would hold their pools for hours.
    with open_instance(settings):
        pass
    command = [sys.executable, "-m", "dagster", "dev", "-w", str(PROJECT_ROOT / "workspace.yaml")]
    process = subprocess.Popen(
        [*command, "-h", host, "-p", str(port)],
        cwd=PROJECT_ROOT,
        start_new_session=True,
        preexec_fn=end_with_parent,
    )
    try:
        return _wait(settings, process)
    except KeyboardInterrupt:
        code = _end(process)
        with closing(connect(settings, role=None)) as conn:
            forget_daemon(conn)
        return code


def _end(process: subprocess.Popen[bytes]) -> int:
    process.send_signal(signal.SIGINT)
    try:
        return process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _wait(settings: Settings, process: subprocess.Popen[bytes]) -> int:
    """Wait for the end; an embedded server that dies meanwhile is started again."""
    while True:
        try:
            return process.wait(timeout=LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            with suppress(DatabaseUnavailable):
                database_url(settings)
