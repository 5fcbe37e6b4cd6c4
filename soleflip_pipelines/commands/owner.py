"""`soleflip catalog`: what the labels are unsure of, and the owner's word on it.

Every decision reaches the labels at the next run. What is decided how belongs to
`catalog.decisions`; measuring and explaining the rules is `catalog` beside this module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from soleflip_pipelines.commands import identity
from soleflip_pipelines.commands.support import owner_connection
from soleflip_pipelines.terminal import print_table

if TYPE_CHECKING:
    from soleflip_pipelines.catalog.decisions import Effect

app = typer.Typer(
    help="Brands, categories, sizes, identity: review what is unsure, correct what is wrong.",
    no_args_is_help=True,
)
for command in (
    identity.merge,
    identity.split,
    identity.assign,
    identity.undecided,
    identity.size,
):
    app.command()(command)
console = Console()
NEXT = "it takes effect at the next `soleflip run`"

Name = Annotated[str, typer.Argument(help="The name, as `review` shows it.")]
Note = Annotated[str | None, typer.Option(help="Why, for later.")]
Yes = Annotated[bool, typer.Option("--yes", help="Go on although products of others change.")]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON for a script.")]


@app.command()
def review(
    reason: Annotated[
        str | None, typer.Option(help="Only: new brand, unsure brand, no brand, no category.")
    ] = None,
    examples: Annotated[int, typer.Option(min=1, help="Products shown a group.")] = 3,
    as_json: JsonFlag = False,
) -> None:
    """List products whose brand or category is unsure, grouped by the brand that they may be.

    Examples: soleflip catalog review · soleflip catalog review --reason "new brand" --json
    """
    from soleflip_pipelines.catalog.review import review_groups

    with owner_connection() as conn:
        groups = review_groups(conn, reason=reason, shown=examples)
    if as_json:
        console.print_json(data=[group.as_json() for group in groups])
        return
    if not groups:
        console.print("every label is sure enough")
        return
    table = Table("why", "brand?", "products", "for example", box=None, header_style="bold")
    for group in groups:
        for place, example in enumerate(group.examples):
            first = (group.reason, group.proposed_brand or "–", f"{group.count:,}")
            cells = first if place == 0 else ("", "", "")
            shown = f"{example['title']}  ({example['platform']} {example['product_id']})"
            table.add_row(*(escape(cell) for cell in (*cells, shown)))
    print_table(console, table)
    console.print("decide with: soleflip catalog accept · reject · set · pattern", markup=False)


@app.command()
def accept(
    brand: Name,
    as_name: Annotated[
        str | None, typer.Option("--as", help="The brand's right name, or one it is known by.")
    ] = None,
    parent: Annotated[str | None, typer.Option(help="The brand it belongs to.")] = None,
    note: Note = None,
    yes: Yes = False,
) -> None:
    """Accept a name that a marketplace gave as a brand.

    Examples: soleflip catalog accept "Aime Leon Dore" · soleflip catalog accept ALD --as "Aimé
    Leon Dore" · soleflip catalog accept "Polo Sport" --parent "Ralph Lauren"
    """
    from soleflip_pipelines.catalog.decisions import accept_brand, effect_of_accepting

    with owner_connection() as conn:
        effect = effect_of_accepting(conn, brand, as_name, parent)
        _go_on(effect, yes)
        accept_brand(conn, brand, as_name=as_name, parent=parent, note=note)
    console.print(f"accepted {effect.brand}: {NEXT}", markup=False)


@app.command()
def reject(brand: Name, note: Note = None) -> None:
    """Say that a name which a marketplace gave as a brand is none.

    Example: soleflip catalog reject "No Brand" --note "what the feed says of unbranded goods"
    """
    from soleflip_pipelines.catalog.decisions import reject_brand

    with owner_connection() as conn:
        count = reject_brand(conn, brand, note=note)
    console.print(f"rejected {brand}, which {count:,} products have: {NEXT}", markup=False)


@app.command(name="set")
def set_(
    platform: Annotated[str, typer.Argument(help="stockx or awin.")],
    product_id: Annotated[str, typer.Argument(help="Its id there, or own-… of one split off.")],
    brand: Annotated[str | None, typer.Option(help="Its brand.")] = None,
    category: Annotated[str | None, typer.Option(help="Its category.")] = None,
    style_code: Annotated[str | None, typer.Option(help="The maker's style code.")] = None,
    note: Note = None,
) -> None:
    """Correct one product; it wins over every rule.

    Example: soleflip catalog set stockx 5e6a1e57 --brand Vans --category sneakers
    """
    from soleflip_pipelines.catalog.decisions import correct_product

    with owner_connection() as conn:
        title = correct_product(
            conn, platform, product_id, brand=brand, category=category, style_code=style_code,
            note=note,
        )  # fmt: skip
    console.print(f"set {title}: {NEXT}", markup=False)


@app.command()
def pattern(
    text: Annotated[str, typer.Argument(help="Words that stand in titles.")],
    brand: Annotated[str, typer.Argument(help="The brand that they name.")],
    note: Note = None,
    yes: Yes = False,
    as_json: JsonFlag = False,
) -> None:
    """Let words in a title name a brand; first says which products of other brands would change.

    Example: soleflip catalog pattern "era vault" Vans
    """
    from soleflip_pipelines.catalog.decisions import add_pattern, effect_of_pattern

    with owner_connection() as conn:
        effect = effect_of_pattern(conn, text, brand)
        if as_json:
            console.print_json(data=effect.as_json())
        _go_on(effect, yes, is_shown=as_json)
        add_pattern(conn, text, brand, note=note)
    if not as_json:
        console.print(
            f"{text} names {effect.brand}, also of {effect.gained:,} products without a sure"
            f" brand: {NEXT}",
            markup=False,
            soft_wrap=True,
        )


@app.command()
def undo(
    about: Annotated[
        str,
        typer.Argument(
            help="A brand's name, a pattern, a merged or split product's id, a split item, a size"
            " text; else the platform."
        ),
    ],
    product_id: Annotated[str | None, typer.Argument(help="… and the product's id there.")] = None,
    group: Annotated[
        bool, typer.Option("--group", help="And all items that were assigned or split with it.")
    ] = False,
) -> None:
    """Take a decision back.

    Examples: soleflip catalog undo "era vault" · soleflip catalog undo stockx 5e6a1e57 ·
    soleflip catalog undo "purchase:44d|B-17|2" --group (`decisions` lists them all)
    """
    from soleflip_pipelines.catalog.decisions import undo as take_back
    from soleflip_pipelines.catalog.identity_decisions import undo_identity
    from soleflip_pipelines.catalog.size_decisions import undo_size

    with owner_connection() as conn:
        done = 0
        if product_id is None:
            done = undo_identity(conn, about, group=group) + undo_size(conn, about)
        done = done or take_back(conn, about, product_id)
    what = f"{done:,} decisions are " if done > 1 else ""
    console.print(f"{what}taken back: {NEXT}", highlight=False)


@app.command()
def decisions(as_json: JsonFlag = False) -> None:
    """List what the owner decided, the newest first."""
    from soleflip_pipelines.catalog.decisions import decisions as read
    from soleflip_pipelines.catalog.identity_decisions import identity_decisions
    from soleflip_pipelines.catalog.size_decisions import size_decisions

    with owner_connection() as conn:
        rows = [*read(conn), *identity_decisions(conn), *size_decisions(conn)]
    rows.sort(key=lambda row: row["decided_at"], reverse=True)
    if as_json:
        console.print_json(data=rows, default=str)
        return
    if not rows:
        console.print("nothing is decided yet")
        return
    table = Table("what", "about", "decision", "note", "since", box=None, header_style="bold")
    for row in rows:
        values = (row["brand"], row["category"], row["style_code"])
        decision = " ".join([row["decision"], *(value for value in values if value)])
        cells = (row["kind"], row["about"], decision, row["note"] or "")
        table.add_row(*map(escape, cells), f"{row['decided_at']:%Y-%m-%d}")
    print_table(console, table)


def _go_on(effect: Effect, yes: bool, *, is_shown: bool = False) -> None:
    """Show what products of other brands would change, and stop there without a yes."""
    if not is_shown:
        for what, conflicts in (("products", effect.conflicts), ("known titles", effect.known)):
            for conflict in conflicts:
                text = f"{conflict.count:,} {what} of {conflict.brand} would be {effect.brand}:"
                console.print(text, markup=False, highlight=False)
                for title in conflict.examples:
                    console.print(f"  {title}", markup=False, highlight=False, soft_wrap=True)
    if (effect.conflicts or effect.known) and not yes:
        if not is_shown:
            console.print("nothing is changed; --yes goes on all the same")
        raise typer.Exit(1)
