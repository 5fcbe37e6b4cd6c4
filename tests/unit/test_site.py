"""The little server of the documentation: serves a folder, and a busy port is one sentence."""

from __future__ import annotations

import io
import socket
import threading
import time
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from soleflip_pipelines.commands.site import PortBusy, require_free_port, serve_folder

pytestmark = pytest.mark.api


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_folder_is_served_on_loopback(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<h1>what a number means</h1>", "utf-8")
    port, output = free_port(), io.StringIO()
    threading.Thread(
        target=serve_folder, args=(tmp_path, port, Console(file=output)), daemon=True
    ).start()
    for _ in range(100):
        try:
            page = httpx.get(f"http://127.0.0.1:{port}/", timeout=5)
            break
        except httpx.ConnectError:
            time.sleep(0.05)
    assert "what a number means" in page.text
    assert str(port) in output.getvalue()


def test_a_busy_port_is_one_sentence() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(PortBusy, match="choose another with --port"):
            require_free_port(other.getsockname()[1])
