"""Tables on the screen and through a pipe, with nothing of them cut off."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

UNBOUNDED = 10_000


def print_table(console: Console, table: Table) -> None:
    """Print a table: folded into the width of a terminal, a line a row for `grep` and `less`."""
    for column in table.columns:
        column.overflow = "fold"
    if not console.is_terminal:
        console = Console(file=console.file, width=UNBOUNDED)
    console.print(table)
