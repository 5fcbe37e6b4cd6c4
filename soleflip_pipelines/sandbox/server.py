"""The sandbox as a background process: start, stop, reset, and what others need to find it.

One process an installation; callers may come several at once. What it serves is made in `business`.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path

import httpx
import uvicorn

from soleflip_pipelines.errors import SoleflipError
from soleflip_pipelines.sandbox import storage
from soleflip_pipelines.sandbox.app import create_app
from soleflip_pipelines.sandbox.business import (
    DEFAULT_SEED,
    Generation,
    current_generation,
    generate,
)
from soleflip_pipelines.sandbox.catalogue import DEFAULT_ORDERS
from soleflip_pipelines.sandbox.gate import Keys, Limits
from soleflip_pipelines.settings import Settings

_HOST = "127.0.0.1"
_START_SECONDS = 30.0
_STATE, _ENDPOINTS, _LOG = "server.json", "endpoints.json", "server.log"
_DROPPED, _WANTED = "dropped.json", "wanted.json"


class SandboxUnavailable(SoleflipError):
    """The sandbox cannot be started; the text says why and what to do."""


def start(settings: Settings, *, limits: Limits | None = None) -> str:
    """Make sure that the sandbox runs and is ready; return its address.

    Generates a business when there is no whole one, and drops its CSV files into the inbox once.
    Does nothing when it runs already.

    Args:
        settings: of the installation.
        limits: rate and daily limits of the StockX paths, if this call starts the service; none
            by default, so that the first run is quick.

    Raises:
        SandboxUnavailable: its port is taken by something else, or it did not come up.
    """
    with _locked(settings):
        return _start(settings, limits or Limits())


def stop(settings: Settings) -> None:
    """Stop the sandbox if it runs."""
    with _locked(settings):
        _stop(settings)


def url(settings: Settings) -> str | None:
    """The address of the running sandbox, or None."""
    state = _read_json(settings.sandbox_folder / _STATE)
    address = f"http://{_HOST}:{state['port']}" if "port" in state else None
    return address if address and _health(address, state) else None


def is_running(settings: Settings) -> bool:
    """Whether the sandbox of this installation answers."""
    return url(settings) is not None


def reset(
    settings: Settings,
    *,
    orders: int = DEFAULT_ORDERS,
    seed: int = DEFAULT_SEED,
    until: date | None = None,
) -> str:
    """Replace the business by a newly generated one and return its generation id.

    The CSV files that were dropped before leave the inbox, the new ones go in. A running sandbox
    serves the new business at once. The warehouse is not touched: a database that has loaded the
    business before still holds its rows and has to be created anew for the figures to agree.

    Args:
        settings: of the installation.
        orders: number of marketplace orders, all statuses together.
        seed: the same seed, orders and until give the same business.
        until: the business day in progress; the last orders are of the day before. Default today.
    """
    if orders < 0:
        raise SandboxUnavailable("the number of orders cannot be negative")
    with _locked(settings):
        what = Generation(seed, orders, until or settings.today())
        _generate(settings, what)
        _drop_papers(settings, what.generation_id)
        return what.generation_id


@contextmanager
def _locked(settings: Settings) -> Iterator[None]:
    settings.sandbox_folder.mkdir(parents=True, exist_ok=True)
    with (settings.sandbox_folder / "lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _read_json(path: Path) -> dict[str, str]:
    try:
        return dict(json.loads(path.read_text("utf-8")))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}


def _write_json(path: Path, values: dict[str, object]) -> None:
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(values, indent=2), "utf-8")
    temporary.rename(path)


def _health(address: str, state: dict[str, str]) -> bool:
    """Whether the service that answers there is the one that was started here."""
    try:
        answer = httpx.get(f"{address}/_sandbox/health", timeout=3.0)
        return bool(answer.json().get("instance") == state.get("instance"))
    except (httpx.HTTPError, ValueError):
        return False


def _generate(settings: Settings, what: Generation) -> None:
    """Generate, with a note of what is wanted, so that a start after a kill makes the same."""
    wanted = {"seed": what.seed, "orders": what.orders, "until": what.until.isoformat()}
    _write_json(settings.sandbox_folder / _WANTED, wanted)
    _forget_dropped(settings)
    generate(settings.sandbox_folder, what)


def _wanted(settings: Settings) -> Generation:
    noted = _read_json(settings.sandbox_folder / _WANTED)
    if not noted:
        return Generation(DEFAULT_SEED, DEFAULT_ORDERS, settings.today())
    until = date.fromisoformat(noted["until"])
    return Generation(int(noted["seed"]), int(noted["orders"]), until)


def _start(settings: Settings, limits: Limits) -> str:
    folder = settings.sandbox_folder
    generation = current_generation(folder)
    if generation is None:
        what = _wanted(settings)
        _generate(settings, what)
        generation = what.generation_id
    _drop_papers(settings, generation)
    address = url(settings) or _launch(folder, limits)
    _write_endpoints(folder, address)
    return address


def _launch(folder: Path, limits: Limits) -> str:
    _end_stuck(folder)
    port = int(_read_json(folder / _STATE).get("port", 0)) or _free_port()
    if not _is_free(port):
        raise SandboxUnavailable(
            f"port {port} of the sandbox is taken by another program: end that program, or delete "
            f"{folder / _STATE} so that another port is chosen"
        )
    instance = os.urandom(8).hex()
    _write_json(folder / _STATE, {"port": port, "instance": instance})
    command = [
        sys.executable, "-m", "soleflip_pipelines.sandbox.server", "--folder", str(folder),
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
    state = {"port": str(port), "instance": instance, "pid": str(process.pid)}
    _write_json(folder / _STATE, {**state, "port": port, "pid": process.pid})
    address = f"http://{_HOST}:{port}"
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if _health(address, state):
            return address
        time.sleep(0.05)
    _end(process.pid)
    raise SandboxUnavailable(f"the sandbox did not start; its log is {folder / _LOG}")


def _stop(settings: Settings) -> None:
    path = settings.sandbox_folder / _STATE
    state = _read_json(path)
    # A process number may belong to somebody else by now; only what answers as ours is ended.
    if url(settings) is not None and "pid" in state:
        _end(int(state["pid"]))
    _end_stuck(settings.sandbox_folder)
    (settings.sandbox_folder / _ENDPOINTS).unlink(missing_ok=True)


def _end_stuck(folder: Path) -> None:
    """End a service of ours that hangs: it does not answer, but its command line names it."""
    state = _read_json(folder / _STATE)
    if "pid" not in state or "instance" not in state:
        return
    try:
        command = Path(f"/proc/{state['pid']}/cmdline").read_bytes()
    except OSError:
        return
    if str(state["instance"]).encode() in command.split(b"\0"):
        _end(int(state["pid"]))


def _end(pid: int) -> None:
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
    except ProcessLookupError:
        return True
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError:
            return False
        return True


def _write_endpoints(folder: Path, address: str) -> None:
    keys = Keys()
    _write_json(
        folder / _ENDPOINTS,
        {
            "STOCKX_API_URL": f"{address}/stockx/v2",
            "STOCKX_AUTH_URL": f"{address}/stockx-auth",
            "STOCKX_API_KEY": keys.api_key,
            "STOCKX_CLIENT_ID": keys.client_id,
            "STOCKX_CLIENT_SECRET": keys.client_secret,
            "STOCKX_REFRESH_TOKEN": keys.refresh_token,
            "STOCKX_MIN_INTERVAL_S": "0",
            "STOCKX_DAILY_QUOTA": "10000000",
            "AWIN_BASE_URL": f"{address}/awin",
            "AWIN_API_KEY": keys.awin_key,
            "ECB_BASE_URL": f"{address}/ecb",
        },
    )


def _drop_papers(settings: Settings, generation: str) -> None:
    """Copy the CSV files of a generation into the inbox, once."""
    note = settings.sandbox_folder / _DROPPED
    if _read_json(note).get("generation") == generation:
        return
    inbox = settings.inbox_folder
    inbox.mkdir(parents=True, exist_ok=True)
    papers = sorted((settings.sandbox_folder / storage.PAPERS / generation).iterdir())
    for paper in papers:
        # Under a name that no importer takes until the copy is whole.
        part = inbox / f".{paper.name}.part"
        shutil.copyfile(paper, part)
        part.rename(inbox / paper.name)
    _write_json(note, {"generation": generation, "files": [str(inbox / p.name) for p in papers]})


def _forget_dropped(settings: Settings) -> None:
    """Take the files of the generation before out of the inbox."""
    note = settings.sandbox_folder / _DROPPED
    for name in _read_json(note).get("files", []):
        Path(name).unlink(missing_ok=True)
    note.unlink(missing_ok=True)


def main() -> None:
    """Serve a folder until ended; used by `start`."""
    parser = argparse.ArgumentParser(description="Serve the sandbox marketplaces.")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--instance", default="")
    parser.add_argument("--per-second", type=float, help="allowed requests a second (StockX)")
    parser.add_argument("--per-day", type=int, help="allowed requests a UTC day (StockX)")
    asked = parser.parse_args()
    limits = Limits(per_second=asked.per_second, per_day=asked.per_day)
    app = create_app(asked.folder, limits=limits, instance=asked.instance)
    uvicorn.run(app, host=_HOST, port=asked.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
