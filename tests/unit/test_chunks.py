"""Documents asked for one by one: when the rest of them is not asked for any more."""

from __future__ import annotations

import time

import pytest

from soleflip_pipelines.clients.errors import TransientPartnerError
from soleflip_pipelines.ingestion.chunks import CHUNK_KEYS, MAX_FAILURES_IN_A_ROW, fetch_in_chunks

pytestmark = pytest.mark.unit

WORKERS = 4


def test_a_partner_that_is_down_is_asked_by_none_but_those_under_way() -> None:
    asked: list[str] = []

    def fetch(key: str) -> None:
        asked.append(key)
        time.sleep(0.02)
        raise TransientPartnerError("no answer", partner="StockX")

    keys = [str(number) for number in range(2 * CHUNK_KEYS)]
    with pytest.raises(TransientPartnerError):
        for _ in fetch_in_chunks(keys, fetch, workers=WORKERS):
            pass
    assert len(asked) <= MAX_FAILURES_IN_A_ROW + 2 * WORKERS
