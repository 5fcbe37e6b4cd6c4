"""The sandbox as a background process: start, stop, reset, and what others need to find it.

One process an installation; callers may come several at once. What it serves is made in `business`.
"""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from soleflip_pipelines.sandbox import storage
from soleflip_pipelines.sandbox.business import (
    DEFAULT_SEED,
    Generation,
    current_generation,
    generate,
    is_readable,
)
from soleflip_pipelines.sandbox.catalogue import DEFAULT_ORDERS
from soleflip_pipelines.sandbox.keys import Keys, Limits
from soleflip_pipelines.sandbox.process import (
    HOST,
    STATE,
    SandboxUnavailable,
    end,
    end_stuck,
    is_healthy,
    launch,
    read_json,
    write_json,
)
from soleflip_pipelines.settings import Settings

_ENDPOINTS = "endpoints.json"
_DROPPED, _WANTED = "dropped.json", "wanted.json"


def start(settings: Settings, *, limits: Limits | None = None) -> str:
    """Make sure that the sandbox runs and is ready; return its address.

    Generates a business when there is no whole one, and drops its CSV files into the inbox once.
    Does nothing when it runs already.

    Args:
        settings: of the installation.
        limits: rate and daily limits of the StockX paths, if this call starts the service; none
            by default, so that the first run is quick.

    Raises:
        SandboxUnavailable: its port is taken by something else, it did not come up, or the
            business was made by another version of the sandbox.
    """
    with _locked(settings):
        return _start(settings, limits or Limits())


def stop(settings: Settings) -> None:
    """Stop the sandbox if it runs."""
    with _locked(settings):
        _stop(settings)


def url(settings: Settings) -> str | None:
    """The address of the running sandbox, or None."""
    state = read_json(settings.sandbox_folder / STATE)
    address = f"http://{HOST}:{state['port']}" if "port" in state else None
    return address if address and is_healthy(address, state) else None


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


def _generate(settings: Settings, what: Generation) -> None:
    """Generate, with a note of what is wanted, so that a start after a kill makes the same."""
    wanted = {"seed": what.seed, "orders": what.orders, "until": what.until.isoformat()}
    write_json(settings.sandbox_folder / _WANTED, wanted)
    _forget_dropped(settings)
    generate(settings.sandbox_folder, what)


def _wanted(settings: Settings) -> Generation:
    noted = read_json(settings.sandbox_folder / _WANTED)
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
    elif not is_readable(folder):
        raise SandboxUnavailable(
            "the sandbox's business was made by another version of soleflip: make a new one with "
            "soleflip sandbox reset (it empties the sandbox's database, too)"
        )
    _drop_papers(settings, generation)
    address = url(settings) or launch(folder, limits)
    _write_endpoints(folder, address)
    return address


def _stop(settings: Settings) -> None:
    path = settings.sandbox_folder / STATE
    state = read_json(path)
    # A process number may belong to somebody else by now; only what answers as ours is ended.
    if url(settings) is not None and "pid" in state:
        end(int(state["pid"]))
    end_stuck(settings.sandbox_folder)
    (settings.sandbox_folder / _ENDPOINTS).unlink(missing_ok=True)


def _write_endpoints(folder: Path, address: str) -> None:
    keys = Keys()
    write_json(
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
            "EBAY_API_URL": f"{address}/ebay",
            "EBAY_AUTH_URL": f"{address}/ebay-auth",
            "EBAY_CLIENT_ID": keys.ebay_client_id,
            "EBAY_CLIENT_SECRET": keys.ebay_client_secret,
            "EBAY_REFRESH_TOKEN": keys.ebay_refresh_token,
            "ALIAS_API_URL": f"{address}/alias/api/v1",
            "ALIAS_TOKEN": keys.alias_token,
        },
    )


def _drop_papers(settings: Settings, generation: str) -> None:
    """Copy the CSV files of a generation into the inbox, once."""
    note = settings.sandbox_folder / _DROPPED
    if read_json(note).get("generation") == generation:
        return
    inbox = settings.inbox_folder
    inbox.mkdir(parents=True, exist_ok=True)
    papers = sorted((settings.sandbox_folder / storage.PAPERS / generation).iterdir())
    for paper in papers:
        # Under a name that no importer takes until the copy is whole.
        part = inbox / f".{paper.name}.part"
        shutil.copyfile(paper, part)
        part.rename(inbox / paper.name)
    write_json(note, {"generation": generation, "files": [str(inbox / p.name) for p in papers]})


def _forget_dropped(settings: Settings) -> None:
    """Take the files of the generation before out of the inbox."""
    note = settings.sandbox_folder / _DROPPED
    for name in read_json(note).get("files", []):
        Path(name).unlink(missing_ok=True)
    note.unlink(missing_ok=True)
