"""`soleflip stock`: sales without a known unit, and the owner's word on which unit they took.

A link is kept in `owner.sale_unit_link`, wins over every rule and survives every rebuild. How units
and sales find each other without it belongs to the dbt models of cost matches.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from soleflip_pipelines.errors import SoleflipError

if TYPE_CHECKING:
    import psycopg

app = typer.Typer(help="Units: which sale took which.", no_args_is_help=True)
console = Console()
NEXT = "it takes effect at the next `soleflip run`"
QUEUE_SQL = """
    select platform, order_number, sold_on, gross_sale_eur, reason, suggestion, suggested_unit
    from sales.cost_queue
    order by (suggested_unit is null), sold_on desc, platform, order_number
    limit %s
"""
SALE_SQL = """
    select count(*), coalesce(sum(quantity), 0), bool_or(is_sale or status = 'returned')
    from sales."order" where platform = %s and order_number = %s
"""
# Another sale that stands and has the unit would lose it.
UNIT_SQL = """
    select stock.id, stock.sold_platform, stock.sold_order_number
    from inventory.stock as stock
    where stock.line_key || '#' || stock.unit_no = %(unit)s
        or (stock.unit_ref = %(unit)s and not exists (
            select 1 from inventory.stock as other
            where other.unit_ref = stock.unit_ref and other.id <> stock.id
        ))
"""
LINK_SQL = """
    insert into owner.sale_unit_link (order_platform, order_number, unit_ref, note)
    values (%s, %s, %s, %s)
    on conflict (order_platform, order_number)
    do update set unit_ref = excluded.unit_ref, note = excluded.note, created_at = now()
"""
UNLINK_SQL = "delete from owner.sale_unit_link where order_platform = %s and order_number = %s"

Platform = Annotated[str, typer.Argument(help="Channel of the order, such as stockx.")]
Number = Annotated[str, typer.Argument(help="Number of the order at its channel.")]


@app.command()
def queue(limit: Annotated[int, typer.Option(min=1, help="Rows shown.")] = 30) -> None:
    """List sales whose cost is not known, those with a suggested unit first."""
    with _connection() as conn:
        rows = conn.execute(QUEUE_SQL, (limit,)).fetchall()
    if not rows:
        console.print("every sale has a cost")
        return
    for platform, number, sold_on, gross, reason, suggestion, unit in rows:
        console.print(
            f"{platform} {number} of {sold_on}, {gross:,} EUR: {reason}",
            markup=False, highlight=False, soft_wrap=True,
        )  # fmt: skip
        if unit:
            console.print(f"    {unit}  ({suggestion})", markup=False, soft_wrap=True)
    console.print("decide with: soleflip stock link PLATFORM NUMBER UNIT", markup=False)


@app.command()
def link(
    platform: Platform,
    number: Number,
    unit: Annotated[str, typer.Argument(help="Its mark, or purchase line # number.")],
    note: Annotated[str | None, typer.Option(help="Why, for later.")] = None,
) -> None:
    """Say which unit a sale took; it wins over every rule.

    Example: soleflip stock link stockx 57791149-27377560 "sohlenhaus|AG-154210|1#1"
    """
    with _connection() as conn:
        lines, pieces, takes_unit = conn.execute(SALE_SQL, (platform, number)).fetchone() or ()
        if not lines:
            raise SoleflipError(f"there is no order {number} of {platform}")
        if not takes_unit or pieces != lines:
            raise SoleflipError(
                f"{platform} {number} is no sale of single pieces, so no unit can be linked to it"
            )
        units = conn.execute(UNIT_SQL, {"unit": unit}).fetchall()
        if len(units) != 1:
            raise SoleflipError(
                f"{unit} names no single unit: give its mark or, as `soleflip stock queue` shows"
                " it, its purchase line with # and its number"
            )
        _, had_platform, had_number = units[0]
        conn.execute(LINK_SQL, (platform, number, unit, note))
        conn.commit()
    if had_number and (had_platform, had_number) != (platform, number):
        console.print(f"{had_platform} {had_number} had it and looks for another one", markup=False)
    console.print(f"linked {platform} {number} to {unit}: {NEXT}", markup=False)


@app.command()
def unlink(platform: Platform, number: Number) -> None:
    """Take back a link; the rules decide again."""
    with _connection() as conn:
        if not conn.execute(UNLINK_SQL, (platform, number)).rowcount:
            raise SoleflipError(f"{platform} {number} has no link")
        conn.commit()
    console.print(f"unlinked {platform} {number}: {NEXT}", markup=False)


@contextmanager
def _connection() -> Iterator[psycopg.Connection]:
    from psycopg.errors import InvalidSchemaName, UndefinedTable

    from soleflip_pipelines.settings import get_settings
    from soleflip_pipelines.warehouse.connection import connect

    with closing(connect(get_settings(), role="loader")) as conn:
        try:
            yield conn
        except (UndefinedTable, InvalidSchemaName):
            raise SoleflipError("no marts are published yet: run `soleflip run`") from None
