"""`soleflip docs`: the site of tables and columns, and docs/schema.md; both from the database."""

from __future__ import annotations

import json
from contextlib import closing
from typing import Annotated

import typer
from rich.console import Console

from soleflip_pipelines.errors import SoleflipError

app = typer.Typer(
    help="Build the site that explains every table and column; or docs/schema.md.",
    invoke_without_command=True,
)
console = Console()


class PageOutdated(SoleflipError):
    """docs/schema.md is not what the database is; the text says what to run."""


@app.callback()
def docs(
    context: typer.Context,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 8081,
    build_only: Annotated[bool, typer.Option(help="Build the site and do not serve it.")] = False,
) -> None:
    """Build the site that explains every table and column, and serve it until Ctrl+C."""
    if context.invoked_subcommand is not None:
        return
    from soleflip_pipelines.commands.site import require_free_port, serve_folder
    from soleflip_pipelines.settings import get_settings
    from soleflip_pipelines.warehouse.connection import prepare_database
    from soleflip_pipelines.warehouse.publish import generate_docs

    settings = get_settings()
    if not build_only:
        require_free_port(port)
    prepare_database(settings)
    console.print("building the documentation …")
    folder = generate_docs(settings)
    console.print(f"built: {folder}", soft_wrap=True)
    if not build_only:
        serve_folder(folder, port, console)


@app.command()
def schema(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail when the page is not current.")
    ] = False,
) -> None:
    """Write docs/schema.md: every table with its grain, keys and columns, a diagram a schema."""
    from soleflip_pipelines.settings import PROJECT_ROOT, get_settings
    from soleflip_pipelines.warehouse.connection import connect
    from soleflip_pipelines.warehouse.publish import ensure_manifest
    from soleflip_pipelines.warehouse.schema_docs import schema_page

    settings = get_settings()
    manifest = json.loads(ensure_manifest(settings).read_text("utf-8"))
    with closing(connect(settings, role=None, autocommit=True)) as conn:
        if conn.execute("select to_regclass('sales.\"order\"')").fetchone() == (None,):
            raise SoleflipError("no marts are published yet: run `soleflip run` first")
        page = schema_page(conn, manifest)
    path = PROJECT_ROOT / "docs" / "schema.md"
    if not check:
        path.write_text(page, "utf-8")
        console.print(f"written: {path}", soft_wrap=True)
    elif not path.exists() or path.read_text("utf-8") != page:
        raise PageOutdated("docs/schema.md is not current: run `make schema-docs` and commit it")
