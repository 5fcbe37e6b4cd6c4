"""Serves a folder of finished pages on loopback. How the pages are made is not its business."""

from __future__ import annotations

import functools
import http.server
import socket
from pathlib import Path

from rich.console import Console

from soleflip_pipelines.errors import SoleflipError

HOST = "127.0.0.1"


class PortBusy(SoleflipError):
    """Another program listens on the port."""


def require_free_port(port: int, host: str = HOST) -> None:
    """Raise PortBusy when the port is taken, before any slow work is done."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            raise PortBusy(
                f"port {port} is in use by another program: choose another with --port"
            ) from None


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Requests are of no interest to the person at the terminal."""


def serve_folder(folder: Path, port: int, console: Console) -> None:
    """Serve until Ctrl+C."""
    require_free_port(port)
    handler = functools.partial(_QuietHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer((HOST, port), handler) as server:
        console.print(f"[green]http://{HOST}:{port}[/green] (stop with Ctrl+C)")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            console.print("stopped")
