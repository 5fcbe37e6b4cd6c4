"""Quota and pace: one row in Postgres for all processes."""

from __future__ import annotations

import threading
import time
from contextlib import closing

import pytest

from soleflip_pipelines.clients.errors import QuotaExhausted
from soleflip_pipelines.ingestion.quota import QuotaGate
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.connection import connect

pytestmark = pytest.mark.integration


def used(settings: Settings) -> int:
    with closing(connect(settings)) as conn:
        row = conn.execute("select sum(call_count) from integration.quota_use").fetchone()
        return int(row[0] or 0) if row else 0


def pass_gate(settings: Settings, calls: int, interval: float, moments: list[float]) -> None:
    with closing(connect(settings, autocommit=True)) as conn:
        gate = QuotaGate(conn, partner="p", daily_quota=1_000, min_interval_s=interval)
        for _ in range(calls):
            gate()
            moments.append(time.monotonic())
        gate.close()


def test_calls_that_were_booked_and_not_made_are_given_back(settings: Settings) -> None:
    pass_gate(settings, 30, 0, [])
    assert used(settings) == 30


def test_two_connections_keep_their_distance_together(settings: Settings) -> None:
    moments: list[float] = []
    threads = [
        threading.Thread(target=pass_gate, args=(settings, 4, 0.1, moments)) for _ in range(2)
    ]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert used(settings) == 8
    # A thread may wake up late, but no call may come before its turn.
    early = [
        turn for turn, moment in enumerate(sorted(moments)) if moment - begun < 0.1 * turn - 0.01
    ]
    assert early == []


@pytest.mark.parametrize("interval", [0, 0.001])
def test_the_quota_is_never_overrun(settings: Settings, interval: float) -> None:
    with closing(connect(settings, autocommit=True)) as conn:
        gate = QuotaGate(conn, partner="p", daily_quota=30, min_interval_s=interval)
        for _ in range(30):
            gate()
        with pytest.raises(QuotaExhausted) as caught:
            gate()
    assert used(settings) == 30
    assert caught.value.resumes_at.hour == 0
