"""`soleflip catalog merge`, `split`, `assign` and `size`: the owner's word on what is one thing.

What is decided how belongs to `catalog.identity_decisions`; the commands hang in `commands.owner`.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Console

from soleflip_pipelines.commands.support import owner_connection

console = Console()
EXAMPLES = 3
NEXT = "it takes effect at the next `soleflip run`"
Note = Annotated[str | None, typer.Option(help="Why, for later.")]
ProductName = Annotated[str, typer.Argument(help="Style code, SKU, or id of ours or of StockX.")]


def merge(
    keep: ProductName,
    other: ProductName,
    note: Note = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Go on although brand or category differ.")
    ] = False,
) -> None:
    """Make two products one: sizes, sales, units and costs of OTHER become KEEP's.

    Example: soleflip catalog merge 555088-134 5e6a1e57-1595 --note "StockX has it twice"
    """
    from soleflip_pipelines.catalog.identity_decisions import merge_products

    with owner_connection() as conn:
        kept, gone = merge_products(conn, keep, other, note=note, yes=yes)
    console.print(
        f"{gone.title} ({gone.product_id}) is now {kept.title} ({kept.product_id}): {NEXT}",
        markup=False,
        soft_wrap=True,
    )


def split(
    product: ProductName,
    item: Annotated[
        list[str],
        typer.Option(
            help="A size or StockX variant, else purchase:, sale:, offer:, listing:, count: or"
            " list: and its key, as catalog.item_identity has it. Several times."
        ),
    ],
    to: Annotated[str | None, typer.Option(help="The product that the items are.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the new product.")] = None,
    style_code: Annotated[str | None, typer.Option(help="Its maker's style code.")] = None,
    note: Note = None,
) -> None:
    """Say that items are not PRODUCT: they are another, a new one (of sizes), or none of ours.

    Examples: soleflip catalog split 555088-134 --item 10 --item 10.5 --name "Jordan 1 Sample" ·
    soleflip catalog split 555088-134 --item "purchase:44d|B-17|2" --to DD1391-100 · soleflip
    catalog split 555088-134 --item "sale:ebay 12-345 678"
    """
    from soleflip_pipelines.catalog.identity_decisions import split_items

    with owner_connection() as conn:
        done = split_items(conn, product, item, to=to, name=name, style_code=style_code, note=note)
    what = "none of ours" if done.product_id is None else done.product_id
    console.print(
        f"{len(done.items)} items are now {'a new product, ' if done.is_new else ''}{what}: {NEXT}",
        markup=False,
        soft_wrap=True,
    )


def assign(
    item: Annotated[str, typer.Argument(help="purchase:, sale:, offer:, listing: … and its key.")],
    product: ProductName,
    group: Annotated[
        bool, typer.Option("--group", help="And all that `undecided` lists with it.")
    ] = False,
    note: Note = None,
) -> None:
    """Say which product an item is, as `undecided` lists those that no rule is sure of.

    Example: soleflip catalog assign "purchase:44d|B-17|2" 555088-134
    """
    from soleflip_pipelines.catalog.identity_decisions import assign_item, undecided_items

    with owner_connection() as conn, conn.transaction():
        waiting = {row["item"]: row["candidates"] for row in undecided_items(conn)}
        alike = [i for i in waiting if group and i != item and waiting[i] == waiting.get(item)]
        for one in (item, *alike):
            target = assign_item(conn, one, product, note=note)
    items = f"{item} and {len(alike):,} more are" if alike else f"{item} is"
    console.print(f"{items} {target.title}: {NEXT}", markup=False, soft_wrap=True)


def undecided(
    shown: Annotated[int, typer.Option(min=1, help="Groups of items shown.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a script.")] = False,
) -> None:
    """List items that may be several products, or are but much like one, with the candidates."""
    from soleflip_pipelines.catalog.identity_decisions import undecided_items

    with owner_connection() as conn:
        rows = undecided_items(conn)
    if as_json:
        console.print_json(data=rows)
        return
    if not rows:
        console.print("every item is decided")
        return
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(str(row["candidates"]), []).append(row)
    for group in list(groups.values())[:shown]:
        items = ", ".join(row["item"] for row in group[:EXAMPLES])
        more = f" and {len(group) - EXAMPLES:,} more" if len(group) > EXAMPLES else ""
        console.print(f"{items}{more}", markup=False, soft_wrap=True, highlight=False)
        for found in group[0]["candidates"]:
            text = f"  {found['score']:.2f} {found['product_id']} {found['title']} ({found['why']})"
            console.print(text, markup=False, soft_wrap=True, highlight=False)
    console.print(
        f"{len(rows):,} items in {len(groups):,} groups: decide with soleflip catalog assign",
        markup=False,
    )


def size(
    raw: Annotated[str, typer.Argument(help="The size as the source writes it.")],
    system: Annotated[str, typer.Argument(help="US, UK, EU, CM, KR, ALPHA, WAIST, CAP or ONE.")],
    value: Annotated[str, typer.Argument(help="The size in it, such as 10.5 or XL.")],
    audience: Annotated[str, typer.Option(help="men, women, youth, toddler; else as found.")] = "",
    brand: Annotated[str | None, typer.Option(help="Only of this brand.")] = None,
    product: Annotated[str | None, typer.Option(help="Only of this product.")] = None,
    note: Note = None,
) -> None:
    """Say what a size text means; it wins over every rule, the narrowest of several first.

    Examples: soleflip catalog size "T 42" EU 42 --brand "Alexander McQueen" · soleflip catalog
    size "2" ALPHA M --product 5e6a1e57-1595
    """
    from soleflip_pipelines.catalog.size_decisions import correct_size

    with owner_connection() as conn:
        key = correct_size(
            conn, raw, system, value, audience=audience, brand=brand, product=product, note=note
        )
    console.print(f'"{raw}" means {key}: {NEXT}', markup=False, soft_wrap=True)
