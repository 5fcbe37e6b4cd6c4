"""Which stretches of the order history are due: nothing skipped, nothing read without need."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from soleflip_pipelines.ingestion.periods import Period
from soleflip_pipelines.ingestion.stockx_windows import (
    EARLIEST_DAY,
    READ_AGAIN_AFTER,
    REST_ORDERS,
    Window,
    due_windows,
    windows_of,
)

pytestmark = pytest.mark.unit

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
NEWEST = date(2026, 3, 2)


def due(states: dict[str, dict[str, str]], orders_a_day: int = 40) -> list[Window]:
    """The windows of a seller who has sold so many a day since 2024."""
    begun = date(2024, 1, 1)

    def counted(day: date) -> int:
        return max(0, (day - begun).days) * orders_a_day

    return list(due_windows(states, newest_day=NEWEST, now=NOW, count_until=counted))


def settled(windows: list[Window], ago: timedelta = timedelta(0)) -> dict[str, dict[str, str]]:
    return {str(w): w.state(read_at=NOW - ago, is_settled=True) for w in windows}


def test_the_windows_join_without_a_gap_from_before_the_first_order_to_what_each_run_reads() -> (
    None
):
    windows = due({})
    assert windows[0].last is not None
    assert windows[0].last >= NEWEST
    assert windows[-1].first is None
    for later, earlier in pairwise(windows):
        assert later.first is not None
        assert earlier.last == later.first - timedelta(days=1)
        assert later.asked_from is not None
        assert earlier.asked_to is not None
        assert later.asked_from < earlier.asked_to


def test_a_small_history_is_one_window() -> None:
    assert [str(w) for w in due({}, orders_a_day=1)] == ["before..2026-03-31"]
    assert due(settled(due({}, orders_a_day=1)), orders_a_day=1) == []


def test_what_was_read_within_a_week_is_left_alone() -> None:
    windows = due({})
    assert due(settled(windows)) == []
    assert due(settled(windows, ago=READ_AGAIN_AFTER + timedelta(hours=1))) == windows
    for number in range(len(windows)):
        assert due(settled(windows[:number])) == windows[number:]


def test_a_window_left_open_comes_first_and_once() -> None:
    windows = due({})
    states = settled(windows[:3]) | settled(windows[4:])
    states[str(windows[3])] = windows[3].state(read_at=NOW, is_settled=False)
    assert due(states) == [windows[3]]
    states.pop(str(windows[0]))
    assert due(states) == [windows[3], windows[0]]


def test_a_count_that_never_shrinks_ends_at_the_earliest_day() -> None:
    windows = list(
        due_windows({}, newest_day=NEWEST, now=NOW, count_until=lambda _: REST_ORDERS + 1)
    )
    assert windows[-1].first is None
    assert windows[-1].last is not None
    assert EARLIEST_DAY <= windows[-1].last < EARLIEST_DAY + timedelta(days=100)


@pytest.mark.parametrize(
    ("period", "expected"),
    [
        (Period(date(2024, 2, 29), date(2024, 2, 29)), ["2024-02-29..2024-02-29"]),
        (Period(date(2023, 12, 31), date(2024, 4, 1)), [
            "2024-04-01..2024-04-01", "2024-01-01..2024-03-31", "2023-12-31..2023-12-31",
        ]),
        (Period(None, date(2023, 12, 31)), ["before..2023-12-31"]),
        (Period(date(2026, 5, 1), None), ["2026-05-01..2026-06-30"]),
    ],
)  # fmt: skip
def test_a_period_is_cut_at_quarters(period: Period, expected: list[str]) -> None:
    assert [str(window) for window in windows_of(period, date(2026, 6, 30))] == expected
