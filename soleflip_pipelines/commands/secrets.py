"""`soleflip secrets`: credentials in the database, encrypted."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from soleflip_pipelines.errors import SoleflipError

if TYPE_CHECKING:
    from soleflip_pipelines.settings import Settings
    from soleflip_pipelines.warehouse.vault import Entry, Vault

app = typer.Typer(help="Credentials, stored encrypted in the database.", no_args_is_help=True)
console = Console()


@app.command(name="set")
def set_(
    name: Annotated[str, typer.Argument(help="Such as STOCKX_API_KEY.")],
) -> None:
    """Store a credential; its value is asked for, or read from a pipe.

    Example: soleflip secrets set STOCKX_API_KEY < key.txt
    """
    from soleflip_pipelines.clients.credentials import CREDENTIALS

    known = [known for names in CREDENTIALS.values() for known in names]
    if name not in known:
        raise SoleflipError(f"{name!r} is not a credential's name: there are {', '.join(known)}")
    value = ask_secret(f"Value of {name}")
    with _open_vault() as (vault, _):
        vault.set(name, value)
    console.print(f"stored {name}")


@app.command(name="list")
def list_(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a script.")] = False,
) -> None:
    """List the stored credentials and the keys that encrypt them, never their values."""
    with _open_vault() as (vault, settings):
        entries = vault.entries()
        if as_json:
            facts = {
                entry.name: {"changed_at": entry.changed_at.isoformat(), "key_id": entry.key_id}
                for entry in entries
            }
            console.print_json(data=facts)
            return
        for entry in entries:
            moment = f"{entry.changed_at:%Y-%m-%d %H:%M} UTC"
            key = entry.key_id or "unknown"
            console.print(f"{entry.name:28} {moment}  key {key}", highlight=False)
        if not entries:
            console.print("no credential is stored")
        _show_keys(vault, entries, settings)


@app.command()
def remove(name: Annotated[str, typer.Argument(help="Such as STOCKX_REFRESH_TOKEN.")]) -> None:
    """Forget a stored credential; with a refresh token also what was made of it."""
    with _open_vault() as (vault, _):
        if not vault.remove(name):
            raise SoleflipError(f"no credential {name!r} is stored: see `soleflip secrets list`")
        partner, _, kind = name.partition("_")
        if kind == "REFRESH_TOKEN":
            vault.remove(f"{partner}_GRANT")
    console.print(f"removed {name}")


@app.command()
def rotate() -> None:
    """Encrypt all credentials with a new key (or with the first of SOLEFLIP_FERNET_KEYS).

    Runs may go on meanwhile. Keys that stand in SOLEFLIP_FERNET_KEYS are put there first, in the
    environment of every process; a key file needs nothing.
    """
    from soleflip_pipelines.warehouse.vault import add_fernet_key

    with _open_vault() as (vault, settings):
        if settings.fernet_keys is None:
            add_fernet_key(settings)
            vault.read_keys()
        count = vault.rotate()
        console.print(f"{count} credentials are encrypted with the newest key")
        _show_keys(vault, vault.entries(), settings)


def ask_secret(question: str) -> str:
    """A secret from the terminal, unseen, or else the next line of standard input."""
    if sys.stdin.isatty():
        return str(typer.prompt(question, hide_input=True)).strip()
    return sys.stdin.readline().strip()


@contextmanager
def _open_vault() -> Iterator[tuple[Vault, Settings]]:
    from soleflip_pipelines.settings import get_settings
    from soleflip_pipelines.warehouse.connection import connect, prepare_database
    from soleflip_pipelines.warehouse.vault import open_vault

    settings = get_settings()
    prepare_database(settings)
    with closing(connect(settings, autocommit=True)) as conn:
        yield open_vault(conn, settings), settings


def _show_keys(vault: Vault, entries: list[Entry], settings: Settings) -> None:
    uses = Counter(entry.key_id for entry in entries)
    place = "fernet.key" if settings.fernet_keys is None else "SOLEFLIP_FERNET_KEYS"
    for position, key_id in enumerate(vault.key_ids):
        text = f"key {key_id}: {uses[key_id]} credentials"
        if position > 0 and not uses[key_id] and not uses[None]:
            text += (
                f"; it can be removed from {place} once neither a backup nor the other mode's "
                "database needs it"
            )
        console.print(text, soft_wrap=True, highlight=False)
