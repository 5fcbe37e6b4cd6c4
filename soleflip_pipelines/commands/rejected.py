"""`soleflip rejected`: the rows that were refused, and what to do with them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from soleflip_pipelines.errors import SoleflipError
from soleflip_pipelines.terminal import print_table

if TYPE_CHECKING:
    import psycopg

    from soleflip_pipelines.ingestion.rejected import Retry

app = typer.Typer(
    help="Rows that were refused: look at them, try them again, discard them.",
    no_args_is_help=True,
)
console = Console()
SHOWN = 50

Id = Annotated[int, typer.Argument(help="The row's number, as `list` shows it.")]
Asset = Annotated[str | None, typer.Option(help="Only rows of one table: raw_csv.purchases.")]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON for a script.")]


@app.command(name="list")
def list_(
    asset: Asset = None,
    status: Annotated[str, typer.Option(help="open, retried, discarded or all.")] = "open",
    as_json: JsonFlag = False,
) -> None:
    """List refused rows, the newest first.

    Examples: soleflip rejected list · soleflip rejected list --asset raw_csv.purchases
    """
    from soleflip_pipelines.ingestion.rejected import find_rejected

    with _connection() as conn:
        rows = find_rejected(conn, asset=asset, status=None if status == "all" else status)
    if as_json:
        console.print_json(data=[row.as_json() for row in rows], default=str)
        return
    if not rows:
        console.print("no refused row waits" if status == "open" else "there are none")
        return
    table = Table("id", "asset", "where", "field", "why", "seen", box=None, header_style="bold")
    for row in rows[:SHOWN]:
        where = escape(row.position)
        seen = f"{row.last_seen_at:%Y-%m-%d}" + (f" {row.status}" if row.status != "open" else "")
        cells = (row.asset, where, escape(row.field or ""), escape(row.reason), seen)
        table.add_row(str(row.rejected_id), *cells)
    print_table(console, table)
    if len(rows) > SHOWN:
        console.print(f"… and {len(rows) - SHOWN:,} more: --json lists all", highlight=False)


@app.command()
def show(rejected_id: Id, as_json: JsonFlag = False) -> None:
    """Show one refused row as it came, with the reason.

    Example: soleflip rejected show 12
    """
    from soleflip_pipelines.ingestion.rejected import read_rejected

    with _connection() as conn:
        row = read_rejected(conn, rejected_id)
    if as_json:
        console.print_json(data=row.as_json(), default=str)
        return
    for name, value in row.as_json().items():
        if value is not None and name != "raw_row":
            console.print(f"{name:12} {value}", soft_wrap=True, highlight=False, markup=False)
    console.print(row.raw_row, soft_wrap=True, highlight=False, markup=False)


@app.command()
def retry(
    rejected_id: Annotated[int | None, typer.Argument(help="The row's number.")] = None,
    asset: Asset = None,
    all_: Annotated[bool, typer.Option("--all", help="Try every open row again.")] = False,
    with_: Annotated[
        str | None,
        typer.Option("--with", metavar="FILE", help="Load this corrected row; - reads a pipe."),
    ] = None,
    cell: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="TITLE=TEXT", help="Correct a cell of a file's row."),
    ] = None,
) -> None:
    """Judge refused rows again, by the rules of today, and load those that are good now.

    Examples: soleflip rejected retry 12 · soleflip rejected retry 12 --set "Einzelpreis=100,50" ·
    soleflip rejected retry 12 --with order.json · soleflip rejected retry --asset raw_csv.sales
    """
    from soleflip_pipelines.ingestion.rejected import retry_open, retry_row

    if sum([rejected_id is not None, asset is not None, all_]) != 1:
        raise SoleflipError("say which: one row's number, or --asset, or --all")
    if rejected_id is None and (with_ or cell):
        raise SoleflipError("a correction belongs to one row: say its number")
    with _connection() as conn:
        if rejected_id is None:
            done = retry_open(conn, asset)
        else:
            text = _correction(with_) if with_ else None
            done = retry_row(conn, rejected_id, text=text, cells=_cells(cell or []))
    _print_retry(done)
    raise typer.Exit(1 if done.refused else 0)


@app.command()
def discard(
    rejected_id: Id,
    note: Annotated[str | None, typer.Option(help="Why, for later.")] = None,
) -> None:
    """Settle a refused row for good: it stays on record and is not reported any more.

    Example: soleflip rejected discard 12 --note "a test row"
    """
    from soleflip_pipelines.ingestion.rejected import discard_row

    with _connection() as conn:
        discard_row(conn, rejected_id, note)
    console.print(f"discarded {rejected_id}")


@contextmanager
def _connection() -> Iterator[psycopg.Connection]:
    from soleflip_pipelines.settings import get_settings
    from soleflip_pipelines.warehouse.connection import connect

    with closing(connect(get_settings())) as conn:
        yield conn


def _correction(path: str) -> str:
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise SoleflipError(f"{path} cannot be read: {reason}") from None
    if not text.strip():
        raise SoleflipError(f"{path} is empty: write the corrected row into it")
    return text.strip("\r\n")


def _cells(pairs: list[str]) -> dict[str, str]:
    if any("=" not in pair for pair in pairs):
        raise SoleflipError('write a corrected cell as --set "Title=text"')
    return dict(pair.split("=", 1) for pair in pairs)


def _print_retry(done: Retry) -> None:
    for batch in done.batches:
        console.print(
            f"{batch.asset}: {batch.read} retried, {batch.inserted} new, {batch.updated} changed, "
            f"{batch.unchanged} unchanged, {batch.duplicate} duplicate (batch {batch.batch_id})",
            highlight=False,
        )
    for rejected_id, reason in done.refused:
        text = f"{rejected_id} is still refused: {reason}"
        console.print(text, soft_wrap=True, highlight=False, markup=False)
    if not done.batches and not done.refused:
        console.print("no refused row waits")
