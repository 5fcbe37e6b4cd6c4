"""`soleflip ask`: the owner's questions, each answered by a query that is kept in a file."""

from __future__ import annotations

from contextlib import closing

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from soleflip_pipelines.explain.story import shown
from soleflip_pipelines.settings import PROJECT_ROOT, get_settings
from soleflip_pipelines.terminal import print_table
from soleflip_pipelines.warehouse.connection import connect
from soleflip_pipelines.warehouse.queries import (
    DASHBOARDS,
    QUESTIONS,
    answer,
    find_query,
    load_queries,
)


def list_questions(console: Console) -> None:
    """Print what can be asked."""
    for title, folder in (("Questions", QUESTIONS), ("For dashboards", DASHBOARDS)):
        console.print(f"\n[bold]{title}[/bold]")
        for query in load_queries(folder):
            number = f"{query.number:2}" if query.number else "  "
            console.print(f" {number}  {query.name:24} {query.title}", highlight=False)


def show_answer(name: str, console: Console, *, as_json: bool) -> None:
    """Print a question's answer, with what it leaves out and where its query is."""
    query = find_query(name)
    with closing(connect(get_settings(), "reader", autocommit=True)) as conn:
        columns, rows = answer(conn, query)
    if as_json:
        console.print_json(data=rows, default=str)
        return
    console.print(f"\n[bold]{escape(query.title)}[/bold]")
    if query.notes:
        console.print(f"[dim]{escape(query.notes)}[/dim]", highlight=False)
    console.print()
    if rows:
        table = Table(box=None, header_style="bold", padding=(0, 1, 0, 1))
        for column in columns:
            is_text = any(isinstance(row[column], str) for row in rows)
            table.add_column(column.replace("_", " "), justify="left" if is_text else "right")
        for row in rows:
            table.add_row(*(escape(shown(row[column])) for column in columns))
        print_table(console, table)
    else:
        console.print("nothing: there is no such row")
    where = query.path.relative_to(PROJECT_ROOT)
    console.print(f"\n[dim]{where}[/dim]", highlight=False)
