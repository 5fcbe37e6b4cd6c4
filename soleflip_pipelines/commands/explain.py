"""`soleflip explain`: where a number comes from, told as a story. The chapters are in `explain`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    from soleflip_pipelines.explain.reading import Book
    from soleflip_pipelines.explain.story import Story

app = typer.Typer(
    help="Where a number comes from: an order, a product, a payout, a forecast.",
    no_args_is_help=True,
)
console = Console()

Platform = Annotated[
    str | None, typer.Option(help="stockx, ebay, alias or private; default: wherever it is.")
]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON for a script.")]
Number = Annotated[str, typer.Argument(help="The order's number at its channel.")]


@app.command()
def order(
    number: Number,
    platform: Platform = None,
    payload: Annotated[
        bool, typer.Option("--payload", help="Show also what the API sent, without a buyer's data.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Tell the whole story of a sale: doors, state, price, fees, unit, cost, VAT, profit.

    Example: soleflip explain order 01-ABCDEFGHIJ
    """
    from soleflip_pipelines.explain.order import explain_order

    _print(lambda book: explain_order(book, number, platform, with_payload=payload), as_json)


@app.command()
def product(
    name: Annotated[str, typer.Argument(help="A style code, SKU, StockX id or product id.")],
    as_json: JsonFlag = False,
) -> None:
    """Tell why a product has its brand, category and style code, and what is taken for it.

    Example: soleflip explain product DV0982-100
    """
    from soleflip_pipelines.explain.product import explain_product

    _print(lambda book: explain_product(book, name), as_json)


@app.command()
def payout(number: Number, platform: Platform = None, as_json: JsonFlag = False) -> None:
    """Compare an order's payout with its price and fees, and with the fee schedule.

    The id of a payout of several orders tells each of them.

    Example: soleflip explain payout 01-ABCDEFGHIJ
    """
    from soleflip_pipelines.explain.payout import explain_payout

    _print(lambda book: explain_payout(book, number, platform), as_json)


@app.command()
def forecast(
    name: Annotated[str, typer.Argument(help="A brand, a category, a product, or all.")],
    as_json: JsonFlag = False,
) -> None:
    """Tell what a forecast stands on: its history, its model, its errors beside a naive one.

    Example: soleflip explain forecast Nike
    """
    from soleflip_pipelines.explain.forecast import explain_forecast

    _print(lambda book: explain_forecast(book, name), as_json)


def _print(explain: Callable[[Book], list[Story]], as_json: bool) -> None:
    from soleflip_pipelines.explain import story
    from soleflip_pipelines.explain.reading import open_book
    from soleflip_pipelines.settings import get_settings

    with open_book(get_settings()) as book:
        stories = explain(book)
    if as_json:
        console.print_json(data=story.as_json(stories), default=str)
    else:
        story.print_stories(stories, console)
    raise typer.Exit(1 if any(each.contradictions for each in stories) else 0)
