"""What has a retention rule is personal: no dbt model may read it out of raw."""

from __future__ import annotations

import re

import pytest

from soleflip_pipelines.settings import PROJECT_ROOT

pytestmark = pytest.mark.unit

RULE = re.compile(r"\('(raw_[a-z]+\.[a-z_]+)', '\{([^}]+)\}', \d+,")


def test_no_model_reads_what_must_be_forgotten() -> None:
    rules = RULE.findall((PROJECT_ROOT / "sql" / "0009_files.sql").read_text("utf-8"))
    assert len(rules) > 10
    # A step that other paths share (shipment) is no sign; the last one is what is personal.
    words = {path.split(",")[-1] for _, path in rules}
    assert {"cells", "buyer", "shipTo", "label_url"} <= words
    found = [
        f"{model.name} reads {word}"
        for model in sorted((PROJECT_ROOT / "dbt_project" / "models").rglob("*.sql"))
        for word in words
        if re.search(rf"['\"{{,]{re.escape(word)}['\"}},]", model.read_text("utf-8"))
    ]
    assert not found
