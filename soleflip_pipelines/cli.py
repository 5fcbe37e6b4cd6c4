"""The `soleflip` command: running jobs, looking at results, and the door to the sub-commands.

Each command imports what it needs when it runs, so that help and completion answer at once. The
groups (`db`, `sandbox`, `secrets`, `connect`, `rejected`, `catalog`, `stock`,
`explain`) are in `commands`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from soleflip_pipelines.commands import (
    connect,
    database,
    docs,
    explain,
    export,
    owner,
    rejected,
    sandbox,
    secrets,
    stock,
)
from soleflip_pipelines.errors import SoleflipError

app = typer.Typer(
    name="soleflip",
    help="The data platform of a sneaker reseller: orders, stock, prices, profit, forecasts.",
    epilog="Begin with: soleflip run · soleflip status · soleflip ui",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.add_typer(database.app, name="db")
app.add_typer(sandbox.app, name="sandbox")
app.add_typer(secrets.app, name="secrets")
app.add_typer(connect.app, name="connect")
app.add_typer(rejected.app, name="rejected")
app.add_typer(explain.app, name="explain")
app.add_typer(docs.app, name="docs")
app.add_typer(export.app, name="export")
app.add_typer(owner.app, name="catalog")
app.add_typer(stock.app, name="stock")

console = Console()
DEBUG = "--debug"

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON for a script.")]


@app.callback()
def options(
    debug: Annotated[bool, typer.Option(DEBUG, help="Show the traceback of an error.")] = False,
) -> None:
    """Options of every command; `main` looks for --debug itself, since errors end up there."""


@app.command()
def run(
    job: Annotated[str, typer.Argument(help="The job's name.")] = "refresh_all",
    created_from: Annotated[
        str | None, typer.Option("--from", help="Read again orders created since YYYY-MM-DD.")
    ] = None,
    created_to: Annotated[
        str | None, typer.Option("--to", help="… and until YYYY-MM-DD, else until today.")
    ] = None,
    full_read: Annotated[
        bool, typer.Option("--full", help="Read the whole order history again.")
    ] = False,
    whole_feeds: Annotated[
        list[str] | None,
        typer.Option("--whole-feed", help="A feed of Awin that is whole although it shrank: 4711."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Run a job here and now; the exit code tells how it ended.

    Examples: [bold]soleflip run[/bold] · [bold]soleflip run sync_orders --from 2025-01-01[/bold]
    """
    from soleflip_pipelines.commands.run import run_and_report

    days = {"created_from": created_from, "created_to": created_to}
    again: dict[str, object] = {name: day for name, day in days.items() if day}
    if full_read:
        again["full_read"] = True
    if whole_feeds:
        again["whole_feeds"] = whole_feeds
    raise typer.Exit(0 if run_and_report(job, console, again=again, as_json=as_json) else 1)


@app.command()
def ui(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 3000,
) -> None:
    """Serve the Dagster UI with schedules and sensors until Ctrl+C."""
    from soleflip_pipelines.commands.support import running_settings
    from soleflip_pipelines.commands.ui import serve

    raise typer.Exit(serve(running_settings(console), host, port))


@app.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(help="A CSV file; docs/csv-files.md lists the kinds.")],
    kind: Annotated[
        str | None, typer.Option(help="What it is, if its header does not tell: purchases, …")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would happen and change nothing.")
    ] = False,
) -> None:
    """Load one CSV file; bad rows are kept with their reason, the rest is loaded.

    Example: [bold]soleflip import ~/Downloads/purchases.csv --dry-run[/bold]
    """
    from soleflip_pipelines.commands.imports import load_file, show_preview

    (show_preview if dry_run else load_file)(console, file, kind)


@app.command()
def status(as_json: JsonFlag = False) -> None:
    """Show what the database holds, the last batches and the last run.

    Exit code 1, with a sentence on stderr, when schedules ran and have stopped. For cron, which
    mails what it says: [bold]*/15 * * * * soleflip status > /dev/null[/bold]
    """
    from soleflip_pipelines.commands.status import show_status

    show_status(console, as_json=as_json)


@app.command()
def doctor(as_json: JsonFlag = False) -> None:
    """Check the set-up and say what to fix; exit code 1 when something is broken."""
    from soleflip_pipelines.commands.doctor import examine

    raise typer.Exit(0 if examine(console, as_json=as_json) else 1)


@app.command()
def ask(
    question: Annotated[
        str | None, typer.Argument(help="Its number or name; none lists what can be asked.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Answer one of the owner's questions by its kept query.

    Examples: [bold]soleflip ask[/bold] · [bold]soleflip ask 3[/bold]
    """
    from soleflip_pipelines.commands.ask import list_questions, show_answer

    if question is None:
        list_questions(console)
    else:
        show_answer(question, console, as_json=as_json)


@app.command()
def evaluate(
    kind: Annotated[str, typer.Argument(help="brand, category, style-code or size.")],
    file: Annotated[Path, typer.Argument(help="A labelled CSV, also .gz.")],
    as_json: JsonFlag = False,
) -> None:
    """Measure how right the catalog's rules are on a labelled file.

    Example: [bold]soleflip evaluate brand titles.csv[/bold], with the columns title and brand
    """
    from soleflip_pipelines.catalog.evaluation import as_kind
    from soleflip_pipelines.commands.catalog import show_evaluation

    show_evaluation(as_kind(kind), file, console, as_json=as_json)


@app.command()
def detect(
    title: Annotated[str, typer.Argument(help="A product's title.")],
    size: Annotated[str | None, typer.Option(help="A size to read in its context.")] = None,
    is_own: Annotated[
        bool, typer.Option("--own", help="By your own decisions too, from the database.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Explain one title: brand, category and style code, each with its rule and evidence.

    Example: [bold]soleflip detect "Travis Scott x Air Jordan 1 Low" --size 9.5W[/bold]
    """
    from soleflip_pipelines.commands.catalog import show_detection

    show_detection(title, size, console, is_own=is_own, as_json=as_json)


@app.command()
def verify() -> None:
    """Compare the marts with the sandbox's truth, to the cent; exit code 1 on any mismatch."""
    from soleflip_pipelines.sandbox.verify import verify as compare
    from soleflip_pipelines.settings import get_settings

    report = compare(get_settings())
    console.print(str(report), markup=False)
    raise typer.Exit(0 if report.ok else 1)


def main() -> None:
    """Entry point: an error that a person can act on becomes one sentence and exit code 1."""
    try:
        app()
    except SoleflipError as error:
        if DEBUG in sys.argv:
            raise
        Console(stderr=True).print(f"[red]✗[/red] {_escaped(str(error))}", soft_wrap=True)
        sys.exit(1)


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)
