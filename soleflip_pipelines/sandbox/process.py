"""The sandbox's process: launching it, knowing it again, ending it, and what it runs.

Which business it serves and where its files go is decided in `server`.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from soleflip_pipelines.errors import SoleflipError
from soleflip_pipelines.sandbox.keys import Limits

HOST = "127.0.0.1"
STATE = "server.json"
_LOG = "server.log"
_START_SECONDS = 30.0
_PORT_SECONDS = 3.0


class SandboxUnavailable(SoleflipError):
    """The sandbox cannot be started; the text says why and what to do."""


def read_json(path: Path) -> dict[str, Any]:
    """A small note of the sandbox; empty where there is none that can be read."""
    try:
        return dict(json.loads(path.read_text("utf-8")))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}


def write_json(path: Path, values: Mapping[str, object]) -> None:
    """Write a note so that readers see the old one or the new one, never a part."""
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(values, indent=2), "utf-8")
    temporary.rename(path)


def is_healthy(address: str, state: Mapping[str, Any]) -> bool:
    """Whether the service that answers there is the one that was started here."""
    try:
        # It speaks no TLS: reading the authorities' certificates for each look would be for nobody.
        answer = httpx.get(f"{address}/_sandbox/health", timeout=3.0, verify=False)
        return bool(answer.json().get("instance") == state.get("instance"))
    except (httpx.HTTPError, ValueError):
        return False


def launch(folder: Path, limits: Limits) -> str:
    """Start the service in a process of its own, on the port it had before; wait until it answers.

    Raises:
        SandboxUnavailable: the port is taken, or the service did not come up.
    """
    end_stuck(folder)
    port = int(read_json(folder / STATE).get("port", 0)) or _free_port()
    if not _becomes_free(port):
        raise SandboxUnavailable(
            f"port {port} of the sandbox is taken by another program: end that program, or delete "
            f"{folder / STATE} so that another port is chosen"
        )
    instance = os.urandom(8).hex()
    write_json(folder / STATE, {"port": port, "instance": instance})
    command = [
        sys.executable, "-m", "soleflip_pipelines.sandbox.process", "--folder", str(folder),
        "--port", str(port), "--instance", instance,
    ]  # fmt: skip
    if limits.per_second is not None:
        command += ["--per-second", str(limits.per_second)]
    if limits.per_day is not None:
        command += ["--per-day", str(limits.per_day)]
    with (folder / _LOG).open("ab") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    state = {"port": port, "instance": instance, "pid": process.pid}
    write_json(folder / STATE, state)
    address = f"http://{HOST}:{port}"
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if is_healthy(address, state):
            return address
        time.sleep(0.05)
    end(process.pid)
    raise SandboxUnavailable(f"the sandbox did not start; its log is {folder / _LOG}")


def end_stuck(folder: Path) -> None:
    """End a service of ours that hangs: it does not answer, but its command line names it."""
    state = read_json(folder / STATE)
    if "pid" not in state or "instance" not in state:
        return
    try:
        command = Path(f"/proc/{state['pid']}/cmdline").read_bytes()
    except OSError:
        return
    if str(state["instance"]).encode() in command.split(b"\0"):
        end(int(state["pid"]))


def end(pid: int) -> None:
    """End a process, gently first, and wait until it is gone."""
    for number, seconds in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 2.0)):
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if _is_gone(pid):
                return
            time.sleep(0.02)


def _is_gone(pid: int) -> bool:
    with suppress(ChildProcessError):
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return True
    try:
        os.kill(pid, 0)
        # What has ended and was not yet collected by its parent has no command line left.
        return Path(f"/proc/{pid}/cmdline").read_bytes() == b""
    except ProcessLookupError:
        return True
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _becomes_free(port: int) -> bool:
    """Whether the port is free, now or in a moment: a killed process is gone before its sockets."""
    deadline = time.monotonic() + _PORT_SECONDS
    while not _is_free(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def main() -> None:
    """Serve a folder until ended; `launch` runs this in a process of its own."""
    # Only the service itself needs these; whoever starts it should not wait for them.
    import uvicorn

    from soleflip_pipelines.sandbox.app import create_app

    parser = argparse.ArgumentParser(description="Serve the sandbox marketplaces.")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--instance", default="")
    parser.add_argument("--per-second", type=float, help="allowed requests a second (StockX)")
    parser.add_argument("--per-day", type=int, help="allowed requests a UTC day (StockX)")
    asked = parser.parse_args()
    limits = Limits(per_second=asked.per_second, per_day=asked.per_day)
    app = create_app(asked.folder, limits=limits, instance=asked.instance)
    uvicorn.run(app, host=HOST, port=asked.port, log_level="warning", access_log=False,
                date_header=False)  # fmt: skip


if __name__ == "__main__":
    main()
