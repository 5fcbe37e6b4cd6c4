"""What an explanation is made of: sections with sentences and rows, and what does not add up.

How a story looks on the screen and as JSON is here, and the arithmetic that all chapters share.
What is told belongs to the chapters (`doors`, `money`, `units`, `product`, `payout`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from soleflip_pipelines.terminal import print_table

CENT = Decimal("0.01")
Row = dict[str, Any]


@dataclass
class Section:
    """A chapter: sentences, then a table whose rows share their keys."""

    title: str
    says: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)


@dataclass
class Story:
    """All that is known of one thing.

    Attributes:
        contradictions: where a figure was computed anew and the mart holds another one. There is
            none unless the marts are not what the definitions say.
    """

    subject: str
    sections: list[Section] = field(default_factory=list)
    contradictions: list[str] = field(default_factory=list)

    def tell(self, title: str, says: Iterable[str], rows: Iterable[Row] = ()) -> None:
        """Add a section."""
        self.sections.append(Section(title, list(says), list(rows)))

    def check(self, what: str, computed: Decimal | None, stored: Decimal | None) -> None:
        """Note a contradiction if the two are not the same to the cent, or both unknown."""
        if computed != stored:
            self.contradictions.append(
                f"{what} is {shown(stored)} in the marts and {shown(computed)} computed anew"
            )


def to_cents(value: Decimal) -> Decimal:
    """Rounded once, half a cent away from zero."""
    return value.quantize(CENT, ROUND_HALF_UP)


def to_eur(amount: Decimal | None, units_per_eur: Decimal | None) -> Decimal | None:
    """An amount in euros to the cent; None where it or its rate is unknown, 0 is 0 at any rate."""
    if amount == 0:
        return Decimal("0.00")
    return to_cents(amount / units_per_eur) if amount is not None and units_per_eur else None


def shown(value: object) -> str:
    """A value as a person reads it; what is unknown is a dash."""
    if value is None or value == "":
        return "–"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    if isinstance(value, Decimal):
        return f"{value:,f}"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "–"
    return str(value)


def print_stories(stories: list[Story], console: Console) -> None:
    """Print the stories one after the other, each with its contradictions last."""
    for story in stories:
        console.print(f"\n[bold]{escape(story.subject)}[/bold]", highlight=False)
        for section in story.sections:
            console.print(f"\n[bold cyan]{escape(section.title)}[/bold cyan]")
            for sentence in section.says:
                console.print(f"  {escape(sentence)}", highlight=False, soft_wrap=True)
            if section.rows:
                print_table(console, _table(section.rows))
        for contradiction in story.contradictions:
            console.print(f"[red]✗[/red] {escape(contradiction)}", soft_wrap=True)


def as_json(stories: list[Story]) -> list[Row]:
    """The stories as plain values; `default=str` writes money and days, so no cent is lost."""
    return [asdict(story) for story in stories]


def _table(rows: list[Row]) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=True, padding=(0, 1, 0, 2))
    for name in rows[0]:
        is_number = any(isinstance(row[name], (int, Decimal)) for row in rows)
        table.add_column(name.replace("_", " "), justify="right" if is_number else "left")
    for row in rows:
        table.add_row(*(escape(shown(value)) for value in row.values()))
    return table
