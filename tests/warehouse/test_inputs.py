"""When a build is needed: for all that commits after the last one looked, however early it began.

Each build makes the marts whole from raw, so a row is in the next one if only there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date

import psycopg
import pytest

from soleflip_pipelines.settings import Settings
from soleflip_pipelines.warehouse.connection import connect
from soleflip_pipelines.warehouse.inputs import inputs_digest
from soleflip_pipelines.warehouse.loader import BatchResult, BatchSource, Record, load_batch
from tests.warehouse.loads import OFFERS, ORDERS

pytestmark = pytest.mark.integration

API = BatchSource("test", "api")


@pytest.fixture
def digest(settings: Settings) -> Iterator[Callable[[], str]]:
    """The digest that a build would keep of what it is made from, at this moment."""
    with connect(settings, role="transformer", autocommit=True) as conn:
        yield lambda: inputs_digest(conn, "project", date(2026, 6, 30))


def load(conn: psycopg.Connection, number: str) -> BatchResult:
    return load_batch(conn, ORDERS, [Record((number,), {"v": 1})], API)


def test_a_batch_that_begins_first_and_commits_last_is_not_taken_for_built(
    settings: Settings, conn: psycopg.Connection, digest: Callable[[], str]
) -> None:
    seen: list[str] = []

    def offers() -> Iterator[Record]:
        """Meanwhile another batch begins and commits, and a build takes what it sees."""
        yield Record(("1", "a"), {"v": 1})
        with connect(settings, role="loader") as other:
            batches.append(load(other, "later"))
        seen.append(digest())
        count = "select count(*) from raw_awin.offers"
        assert other_view.execute(count).fetchone() == (0,)

    batches: list[BatchResult] = []
    with connect(settings, role="transformer", autocommit=True) as other_view:
        batches.append(load_batch(conn, OFFERS, offers(), API))
    late, early = batches[1].batch_id, batches[0].batch_id
    assert late < early, "the first to begin has the lower id and is committed last"
    assert digest() != seen[0]
    seen.append(digest())
    # The session stays open and has said nothing more: its counters are not told yet.
    load(conn, "soon after")
    assert digest() not in seen


def test_a_reading_that_changes_nothing_needs_no_build(
    settings: Settings, conn: psycopg.Connection, digest: Callable[[], str]
) -> None:
    digests = []
    for _ in range(2):
        with connect(settings, role="loader") as other:
            result = load(other, "1")
            pid = other.info.backend_pid
        while conn.execute("select from pg_stat_activity where pid = %s", [pid]).fetchone():
            conn.commit()
        digests.append(digest())
    assert result.unchanged == 1
    assert digests[0] == digests[1]
