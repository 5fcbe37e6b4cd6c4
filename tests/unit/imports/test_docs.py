"""The examples of docs/csv-files.md are files that can be imported, as the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from soleflip_pipelines.imports.kinds import load_kinds
from soleflip_pipelines.imports.mapping import load_mappings
from soleflip_pipelines.settings import PROJECT_ROOT
from soleflip_pipelines.warehouse.loader import Record
from tests.unit.imports.conftest import judged

pytestmark = pytest.mark.unit

PAGE = (PROJECT_ROOT / "docs" / "csv-files.md").read_text("utf-8")


def test_every_example_can_be_imported(sheet: Path) -> None:
    (sheet.parent / "mappings").mkdir()
    (mapping,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    (sheet.parent / "mappings" / "vinted.yaml").write_text(mapping, "utf-8")
    mappings = load_mappings(sheet.parent)
    told = []
    for example in re.findall(r"```csv\n(.*?)```", PAGE, re.DOTALL):
        rows, judge = judged(sheet, example, mappings)
        assert rows
        assert all(isinstance(row, Record) for row in rows), rows
        told.append(judge.header.kind.name)
    assert told == ["purchases", "sales", "products", "stock_counts", "sales"]


def test_every_kind_is_listed_with_its_fields() -> None:
    for kind in load_kinds().values():
        fields = [
            f"**{field.name}**" if field.is_required else field.name
            for field in kind.fields
            if not field.is_check_only
        ]
        assert f"| `{kind.name}` | {', '.join(fields)} |" in PAGE
