"""`soleflip sandbox`: the local marketplaces with their generated business."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer(help="The local marketplaces with a generated business.", no_args_is_help=True)
console = Console()


@app.command()
def start() -> None:
    """Start the sandbox (and generate its business the first time)."""
    from soleflip_pipelines.sandbox import server
    from soleflip_pipelines.settings import get_settings

    with console.status("starting the sandbox marketplaces …"):
        address = server.start(get_settings())
    console.print(f"running at {address}")


@app.command()
def stop() -> None:
    """Stop the sandbox; its business stays."""
    from soleflip_pipelines.sandbox import server
    from soleflip_pipelines.settings import get_settings

    server.stop(get_settings())
    console.print("stopped")


@app.command()
def url() -> None:
    """Print the sandbox's address and nothing else; exit code 1 when it does not run."""
    from soleflip_pipelines.sandbox import server
    from soleflip_pipelines.settings import get_settings

    address = server.url(get_settings())
    if address is None:
        Console(stderr=True).print("the sandbox does not run: soleflip sandbox start")
        raise typer.Exit(1)
    typer.echo(address)


@app.command()
def reset(
    orders: Annotated[int, typer.Option(min=0, help="How many StockX orders.")] = 1106,
    seed: Annotated[int, typer.Option(help="Another number is another business.")] = 20261122,
    until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The last day; default today.")
    ] = None,
) -> None:
    """Generate a new business and empty the sandbox's database, so that the two agree.

    The same numbers and day always make the same business. Live data is never touched.

    Example: soleflip sandbox reset --orders 100000 --seed 7 --until 2026-11-22
    """
    from soleflip_pipelines.sandbox import server
    from soleflip_pipelines.settings import get_settings
    from soleflip_pipelines.warehouse.emptying import empty_sandbox

    settings = get_settings()
    if empty_sandbox(settings):
        console.print("emptied the sandbox's database")
    last_day = until.date() if until else None
    with console.status(f"generating a business of {orders} orders …"):
        server.reset(settings, orders=orders, seed=seed, until=last_day)
    console.print(f"generated a business of {orders} orders")
