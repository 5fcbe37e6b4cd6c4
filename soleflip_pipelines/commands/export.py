"""`soleflip export`: the bookings and the profit and loss as files for a tax adviser.

How they are written is in `warehouse.bookings`; here are the options.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer(
    help="Files for the tax adviser: bookings and profit and loss.", no_args_is_help=True
)
console = Console()

File = Annotated[Path, typer.Argument(help="The file to write; it must not exist yet.")]
Year = Annotated[int, typer.Option(min=2000, max=2100, help="Calendar year of the bookings.")]
Month = Annotated[int | None, typer.Option(min=1, max=12, help="One month of it; default: all.")]


@app.command()
def datev(
    file: File,
    year: Year,
    month: Month = None,
    chart: Annotated[str, typer.Option(help="Chart of accounts: SKR03 or SKR04.")] = "SKR03",
    adviser: Annotated[int, typer.Option(help="Number of the tax adviser at DATEV.")] = 1001,
    client: Annotated[int, typer.Option(help="Number of the client there.")] = 1,
) -> None:
    """Write the bookings as a DATEV stack of bookings (EXTF); accounts are a proposal.

    Example: soleflip export datev buchungen.csv --year 2026 --month 6
    """
    from soleflip_pipelines.settings import get_settings
    from soleflip_pipelines.warehouse.bookings import Period, write_datev

    written = write_datev(
        get_settings(), file, Period(year, month), chart=chart, adviser=adviser, client=client
    )
    console.print(f"{written} bookings: {file}", soft_wrap=True)


@app.command()
def pnl(file: File, year: Year, month: Month = None) -> None:
    """Write the profit and loss as plain CSV, a line for each month and position.

    Example: soleflip export pnl result.csv --year 2026
    """
    from soleflip_pipelines.settings import get_settings
    from soleflip_pipelines.warehouse.bookings import Period, write_profit_and_loss

    written = write_profit_and_loss(get_settings(), file, Period(year, month))
    console.print(f"{written} lines: {file}", soft_wrap=True)
