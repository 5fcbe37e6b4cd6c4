"""Writes docs/questions.md: the owner's questions with the answers of this installation.

`python -m bench.questions --as-of DAY --made-by COMMAND`, after `soleflip run`. The sentences come
from the queries' comments, so a question is documented where it is asked.
"""

from __future__ import annotations

import argparse
import textwrap
from contextlib import closing
from typing import Any

from soleflip_pipelines.explain.story import shown
from soleflip_pipelines.settings import PROJECT_ROOT, get_settings
from soleflip_pipelines.warehouse.connection import connect
from soleflip_pipelines.warehouse.queries import QUESTIONS, Query, answer, load_queries

ROWS = 10
WIDTH = 100
HEAD = """\
# Twelve questions

What an owner asks, each answered by one query on the published marts. `soleflip ask` lists them,
`soleflip ask 3` (or `soleflip ask stock_worth`, with `--json` for a script) answers on your own
business; any SQL client can run the files of `sql/questions/`, and those of `sql/dashboards/`. The
figures are those of [metrics.md](metrics.md).

The answers here are of a generated business as of {day}; of long answers the first {rows} rows.
Where the marts of today do not know all that a question asks for, its text says what it leaves out.

```bash
{made_by}
```
"""


def chapter(query: Query, columns: list[str], rows: list[dict[str, Any]]) -> str:
    """A question as Markdown."""
    lines = [f"## {query.number}. {query.title}", ""]
    answers, _, leaves_out = query.notes.partition("Leaves out: ")
    lines += [textwrap.fill(answers.strip(), WIDTH), ""]
    if leaves_out:
        lines += [textwrap.fill(f"*Leaves out:* {leaves_out}", WIDTH), ""]
    lines += [f"[{query.path.name}](../{query.path.relative_to(PROJECT_ROOT)})", ""]
    if not rows:
        return "\n".join([*lines, "No row.", ""])
    numeric = {c for c in columns if not any(isinstance(row[c], str) for row in rows)}
    lines.append("| " + " | ".join(column.replace("_", " ") for column in columns) + " |")
    lines.append("| " + " | ".join("--:" if c in numeric else "---" for c in columns) + " |")
    for row in rows[:ROWS]:
        cells = (shown(row[column]).replace("|", "\\|") for column in columns)
        lines.append("| " + " | ".join(cells) + " |")
    if len(rows) > ROWS:
        lines += ["", f"… and {len(rows) - ROWS} more."]
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--as-of", required=True)
    parser.add_argument("--made-by", required=True)
    arguments = parser.parse_args()
    parts = [HEAD.format(day=arguments.as_of, made_by=arguments.made_by, rows=ROWS)]
    with closing(connect(get_settings(), "reader", autocommit=True)) as conn:
        parts += [chapter(query, *answer(conn, query)) for query in load_queries(QUESTIONS)]
    (PROJECT_ROOT / "docs" / "questions.md").write_text("\n".join(parts), "utf-8")


if __name__ == "__main__":
    main()
