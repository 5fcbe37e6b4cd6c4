"""`soleflip db`: the database server, its address, migrations, backups."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer(help="The database: start, stop, look, back up.", no_args_is_help=True)
console = Console()


@app.command()
def start() -> None:
    """Start the embedded server and bring the database up to date."""
    from soleflip_pipelines.settings import get_settings
    from soleflip_pipelines.warehouse.connection import prepare_database

    applied = prepare_database(get_settings())
    console.print(f"running; {len(applied)} migrations applied now")


@app.command()
def stop() -> None:
    """Stop the embedded server cleanly; its data stays."""
    from soleflip_pipelines.settings import get_settings
    from soleflip_pipelines.warehouse.connection import embedded_server

    server = embedded_server(get_settings())
    if server is None:
        console.print("SOLEFLIP_DATABASE_URL names a server of its own: nothing to stop")
    else:
        console.print("stopped" if server.stop() else "it was not running")


@app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a script.")] = False,
) -> None:
    """Say whether the embedded server runs, where its data lies, and what mode it serves."""
    from soleflip_pipelines.settings import get_settings
    from soleflip_pipelines.warehouse.connection import embedded_server

    settings = get_settings()
    server = embedded_server(settings)
    facts: dict[str, object] = {"mode": settings.mode, "is_embedded": server is not None}
    if server is not None:
        found = server.status()
        facts |= {
            "is_running": found.is_running,
            "port": found.port,
            "data_folder": str(found.data_folder),
            "log_file": str(found.log_file),
        }
    if as_json:
        console.print_json(data=facts)
        return
    for name, value in facts.items():
        console.print(f"{name:12} {value}", soft_wrap=True, highlight=False)


@app.command()
def url() -> None:
    """Print the address (DSN) of the current mode's database and nothing else.

    Example: psql "$(soleflip db url)"
    """
    from soleflip_pipelines.settings import get_settings
    from soleflip_pipelines.warehouse.connection import database_url

    typer.echo(database_url(get_settings()))


@app.command(name="bi-url")
def bi_url() -> None:
    """Make the read-only login for Metabase and print its address (DSN), nothing else."""
    from soleflip_pipelines.settings import get_settings
    from soleflip_pipelines.warehouse.bi_login import bi_url as make_login

    typer.echo(make_login(get_settings()))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def psql(context: typer.Context) -> None:
    """Open psql on the database; further arguments go to psql.

    Example: soleflip db psql -c 'select count(*) from sales.order'
    """
    import os

    from soleflip_pipelines.settings import export_environment, get_settings
    from soleflip_pipelines.warehouse.backup import BackupError
    from soleflip_pipelines.warehouse.connection import libpq_environment
    from soleflip_pipelines.warehouse.embedded import pg_program

    program = pg_program("psql")
    if program is None:
        raise BackupError("the program psql is missing: install PostgreSQL's client programs")
    export_environment(libpq_environment(get_settings()))
    os.execv(program, [str(program), *context.args])


@app.command()
def upgrade() -> None:
    """Apply the migrations that the database does not have yet."""
    from soleflip_pipelines.settings import get_settings
    from soleflip_pipelines.warehouse.connection import prepare_database

    applied = prepare_database(get_settings())
    for name in applied:
        console.print(f"applied {name}")
    if not applied:
        console.print("up to date")


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="The backup file to write.")],
    with_dagster: Annotated[bool, typer.Option(help="Also Dagster's own runs and events.")] = False,
) -> None:
    """Write everything in the database into one file. Keep fernet.key apart from it.

    Example: soleflip db backup ~/soleflip-2026-11-22.dump
    """
    from soleflip_pipelines.settings import get_settings
    from soleflip_pipelines.warehouse.backup import backup as write_backup

    size = write_backup(get_settings(), file, with_dagster=with_dagster)
    console.print(f"{file}: {size / 1024**2:.1f} MB", soft_wrap=True)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A file that `soleflip db backup` wrote.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Replace what the database holds by a backup, all or nothing."""
    from soleflip_pipelines.settings import get_settings
    from soleflip_pipelines.warehouse.backup import restore as read_backup

    settings = get_settings()
    if not yes:
        typer.confirm(f"Replace all {settings.mode} data by {file}?", abort=True)
    newer = read_backup(settings, file)
    console.print(f"restored; {len(newer)} newer migrations applied")
