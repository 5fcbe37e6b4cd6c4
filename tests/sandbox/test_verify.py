"""What the comparison with the truth is made of; real marts are compared in tests/pipeline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, LiteralString
from unittest.mock import sentinel

import pytest

from soleflip_pipelines.sandbox.verification import comparison
from soleflip_pipelines.sandbox.verification.comparison import Comparison, same
from soleflip_pipelines.sandbox.verify import COMPARISONS, VerifyImpossible, verify
from soleflip_pipelines.sandbox.verify_report import Check, VerifyReport
from soleflip_pipelines.settings import PROJECT_ROOT, Settings, load_settings
from tests.sandbox.conftest import make_business


@pytest.mark.unit
def test_no_mart_is_forgotten() -> None:
    folder = PROJECT_ROOT / "dbt_project" / "models" / "marts"
    marts = {f"{path.parent.name}.{path.stem}" for path in folder.rglob("*.sql")}
    assert marts == {compared.mart for compared in COMPARISONS}


@pytest.mark.unit
@pytest.mark.parametrize(
    ("true", "found", "is_same"),
    [
        ("1.10", Decimal("1.1"), True),
        ("1.10", Decimal("1.11"), False),
        (0, Decimal("0.00"), True),
        (None, Decimal("0.00"), False),
        (None, None, True),
        ("", None, False),
        (1, True, True),
        (0, True, False),
        ("2026-01-01", "2026-01-01", True),
        ([1, "a"], [1, "b"], False),
    ],
)
def test_values_are_the_same_or_not(true: object, found: object, is_same: bool) -> None:
    assert same(true, found) is is_same


_Rows = list[dict[str, Any]]


def _compare(
    monkeypatch: pytest.MonkeyPatch, true: _Rows, found: _Rows, *, is_overlap: bool = False
) -> Check:
    def stream(conn: object, sql: LiteralString) -> Iterator[Mapping[str, Any]]:
        yield from found

    monkeypatch.setattr(comparison, "_stream", stream)
    compared = Comparison("a.b", ("key",), lambda _: iter(true), "", is_overlap=is_overlap)
    return compared.run(sentinel)


@pytest.mark.unit
def test_rows_missing_too_many_and_repeated_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    true = [{"key": key, "value": 1} for key in "abd"]
    found = [{"key": key, "value": 1} for key in "accd"] + [{"key": "d", "value": 1}]
    check = _compare(monkeypatch, true, found)
    assert [(m.subject, m.expected) for m in check.shown] == [
        ("b", "present"), ("c", "absent"), ("c", "absent"), ("d", "absent"),
    ]  # fmt: skip
    assert (check.rows, check.compared, check.wrong) == (6, 6, 4)
    assert not check.is_ok
    assert _compare(monkeypatch, true, found, is_overlap=True).is_ok


@pytest.mark.unit
def test_a_wrong_value_is_named_and_an_unknowable_one_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    true = [{"key": 1, "profit": "2.00", "fee": "?"}]
    check = _compare(monkeypatch, true, [{"key": 1, "profit": Decimal("2.01"), "fee": 7}])
    assert [(m.field, m.expected, m.found) for m in check.shown] == [("profit", "2.00", "2.01")]
    text = str(VerifyReport("g", [check]))
    assert "FAIL a.b" in text
    assert "1 profit: true 2.00, mart 2.01" in text
    assert "the marts differ from the truth" in text


@pytest.mark.unit
def test_what_is_detected_may_be_wrong_up_to_its_floor() -> None:
    check = Check("labels", compared=100, floor=0.97)
    for number in range(3):
        check.note(str(number), "brand", "Nike", "Jordan")
    assert check.is_ok
    check.note("3", "brand", "Nike", "Jordan")
    assert not check.is_ok


@pytest.mark.integration
def test_nothing_to_compare_is_said(settings: Settings) -> None:
    with pytest.raises(VerifyImpossible, match="no sandbox business"):
        verify(settings)
    make_business(settings.sandbox_folder, 10)
    with pytest.raises(VerifyImpossible, match="not built yet"):
        verify(settings)
    live = load_settings({"SOLEFLIP_HOME": str(settings.home), "SOLEFLIP_MODE": "live"})
    with pytest.raises(VerifyImpossible, match="only in sandbox mode"):
        verify(live)
