"""Quota and pace: one row in Postgres for all processes."""

from __future__ import annotations

import multiprocessing
import time
from contextlib import closing
from typing import Any

import pytest

from soleflip_pipelines.clients.errors import QuotaExhausted
from soleflip_pipelines.ingestion.quota import QuotaGate
from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.connection import connect

pytestmark = pytest.mark.integration

FORK = multiprocessing.get_context("fork")


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


def _pass_in_process(settings: Settings, results: Any) -> None:
    moments: list[float] = []
    pass_gate(settings, 4, 0.1, moments)
    results.put(moments)


def test_four_processes_keep_their_distance_together(settings: Settings) -> None:
    results = FORK.Queue()
    begun = time.monotonic()
    workers = [FORK.Process(target=_pass_in_process, args=(settings, results)) for _ in range(4)]
    for worker in workers:
        worker.start()
    moments = sorted(moment for _ in workers for moment in results.get(timeout=60))
    for worker in workers:
        worker.join()
    assert used(settings) == len(moments) == 16
    # A process may wake up late, but no call may come before its turn.
    early = [turn for turn, moment in enumerate(moments) if moment - begun < 0.1 * turn - 0.01]
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


def test_a_new_day_has_its_quota_whole(settings: Settings) -> None:
    with closing(connect(settings, autocommit=True)) as conn:

        def spend() -> None:
            gate = QuotaGate(conn, partner="p", daily_quota=3, min_interval_s=0)
            for _ in range(3):
                gate()
            with pytest.raises(QuotaExhausted):
                gate()

        spend()
        conn.execute("update integration.quota_use set quota_day = quota_day - 1")
        spend()
    assert used(settings) == 6
