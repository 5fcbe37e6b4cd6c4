"""Tables for people and for programs that read them."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.table import Table

from soleflip_pipelines.terminal import print_table

WHY = "write the time as 2025-04-03 14:30:00 +00 instead of 'soon'"


@pytest.mark.parametrize("is_terminal", [True, False])
def test_no_cell_is_cut_off(is_terminal: bool) -> None:
    table = Table("asset", "amount", "why", box=None)
    table.add_row("raw_csv.stockx_report", "1,234,567.89", WHY)
    out = io.StringIO()
    print_table(Console(file=out, width=40, force_terminal=is_terminal, color_system=None), table)
    assert "…" not in out.getvalue()
    lines = out.getvalue().splitlines()
    if is_terminal:
        assert max(map(len, lines)) <= 40
        assert "".join(line[:8].strip() for line in lines[1:]).startswith("raw_csv")
    else:
        assert lines[1].rstrip().split(maxsplit=2) == ["raw_csv.stockx_report", "1,234,567.89", WHY]
