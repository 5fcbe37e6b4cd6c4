"""`soleflip import`: one file loaded, or what loading it would do."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from soleflip_pipelines.ingestion.inbox import import_file
from soleflip_pipelines.ingestion.preview import preview_file
from soleflip_pipelines.settings import get_settings
from soleflip_pipelines.terminal import print_table
from soleflip_pipelines.warehouse.connection import connect, prepare_database
from soleflip_pipelines.warehouse.loader import BatchResult


def load_file(console: Console, file: Path, kind: str | None) -> None:
    """Load a file and say what became of its rows."""
    settings = get_settings()
    prepare_database(settings)
    say = partial(console.print, markup=False, highlight=False, soft_wrap=True)
    with closing(connect(settings)) as conn:
        result = import_file(settings, conn, file, kind=kind, log=lambda _: None)
    if result.is_repeat:
        say(f"{file.name} was loaded before (batch {result.batch_id}): nothing to do")
        return
    say(f"{file.name} into {result.asset}: {_counts(result)}")
    if result.rejected:
        say("The rejected rows wait for a decision: soleflip rejected list")


def show_preview(console: Console, file: Path, kind: str | None) -> None:
    """Say what loading a file would do."""
    settings = get_settings()
    prepare_database(settings)
    with closing(connect(settings)) as conn:
        preview = preview_file(settings, conn, file, kind=kind)
    say = partial(console.print, markup=False, highlight=False, soft_wrap=True)
    told_by = f"by {preview.mapping}" if preview.mapping else "by its header"
    say(f"{preview.file_name}: {preview.kind} (told {'by --kind' if kind else told_by})")
    say(f"  {preview.dialect}")
    table = Table("field", "column in the file", box=None, padding=(0, 2))
    for field, title in preview.columns.items():
        table.add_row(field, escape(title))
    print_table(console, table)
    if preview.unused:
        say(f"  kept as written, otherwise unused: {', '.join(preview.unused)}")
    if preview.result.is_repeat:
        say("This content was imported before: nothing would happen.")
        return
    say(f"Would load into {preview.result.asset}: {_counts(preview.result)}")
    say(f"  lines without data (titles, repeated headers, totals): {preview.skipped:,}")
    for rejection in preview.rejections:
        place = (
            f"{rejection.position}, {rejection.field}" if rejection.field else rejection.position
        )
        say(f"  ✗ {place}: {rejection.reason}")
    more = preview.result.rejected - len(preview.rejections)
    if more > 0:
        reasons = ", ".join(f"{count:,} {code}" for code, count in preview.reasons.items())
        say(f"  … and {more:,} more rejected rows; in all {reasons}")
    say("Nothing was changed.")


def _counts(result: BatchResult) -> str:
    return (
        f"{result.read:,} rows read, {result.inserted:,} new, {result.updated:,} changed, "
        f"{result.unchanged:,} unchanged, {result.duplicate:,} duplicate, "
        f"{result.rejected:,} rejected"
    )
