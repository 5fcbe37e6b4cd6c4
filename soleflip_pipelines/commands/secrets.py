"""`soleflip secrets`: credentials in the database, encrypted."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer(help="Credentials, stored encrypted in the database.", no_args_is_help=True)
console = Console()


@app.command(name="set")
def set_(
    name: Annotated[str, typer.Argument(help="Such as STOCKX_API_KEY.")],
) -> None:
    """Store a credential; its value is asked for, or read from a pipe.

    Example: soleflip secrets set STOCKX_API_KEY < key.txt
    """
    from contextlib import closing

    from soleflip_pipelines.settings import get_settings
    from soleflip_pipelines.warehouse.connection import connect, prepare_database
    from soleflip_pipelines.warehouse.vault import open_vault

    settings = get_settings()
    if sys.stdin.isatty():
        value = typer.prompt(f"Value of {name}", hide_input=True)
    else:
        value = sys.stdin.read().strip()
    prepare_database(settings)
    with closing(connect(settings, autocommit=True)) as conn:
        open_vault(conn, settings).set(name, value)
    console.print(f"stored {name}")


@app.command(name="list")
def list_(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a script.")] = False,
) -> None:
    """List the names of the stored credentials, never their values."""
    from contextlib import closing

    from soleflip_pipelines.settings import get_settings
    from soleflip_pipelines.warehouse.connection import connect, prepare_database
    from soleflip_pipelines.warehouse.vault import open_vault

    settings = get_settings()
    prepare_database(settings)
    with closing(connect(settings, autocommit=True)) as conn:
        entries = open_vault(conn, settings).entries()
    if as_json:
        console.print_json(data={entry.name: entry.changed_at.isoformat() for entry in entries})
        return
    for entry in entries:
        console.print(f"{entry.name:28} {entry.changed_at:%Y-%m-%d %H:%M} UTC", highlight=False)
    if not entries:
        console.print("no credential is stored")


@app.command()
def rotate() -> None:
    """Encrypt all credentials with a new key (or with the first of SOLEFLIP_FERNET_KEYS)."""
    from contextlib import closing

    from soleflip_pipelines.settings import get_settings
    from soleflip_pipelines.warehouse.connection import connect, prepare_database
    from soleflip_pipelines.warehouse.vault import add_fernet_key, open_vault

    settings = get_settings()
    prepare_database(settings)
    if settings.fernet_keys is None:
        add_fernet_key(settings)
    with closing(connect(settings, autocommit=True)) as conn:
        count = open_vault(conn, settings).rotate()
    console.print(f"{count} credentials are encrypted with the newest key")
    console.print("older keys still open backups and the other mode's database: keep them for that")
