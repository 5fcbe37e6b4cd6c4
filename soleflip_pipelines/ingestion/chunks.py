"""Fetches many single documents in chunks, each loaded before the next is asked for.

A kill or a spent quota thus costs at most one chunk, and one document that the partner cannot
deliver does not hold up those behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar

from soleflip_pipelines.clients.errors import (
    PartnerError,
    PermanentPartnerError,
    TransientPartnerError,
)

CHUNK_KEYS = 200
GONE_STATUSES = frozenset({400, 404})
MAX_FAILURES_IN_A_ROW = 3

T = TypeVar("T")


@dataclass(frozen=True)
class Fetched(Generic[T]):
    """What came for a key: a reply, or the error instead, and when it was there (UTC)."""

    key: str
    at: datetime
    reply: T | None = None
    error: PartnerError | None = None

    @property
    def is_gone(self) -> bool:
        """The partner knows nothing under this key, and asking again is pointless."""
        return isinstance(self.error, PermanentPartnerError)


def fetch_in_chunks(
    keys: Sequence[str], fetch: Callable[[str], T], *, workers: int
) -> Iterator[list[Fetched[T]]]:
    """Yield chunks of results in the order of the keys.

    Raises:
        PartnerError: what no later key will do better with: a refused login, a spent quota, or
            several failures in a row. The results until then have been yielded before.
    """
    failures = 0
    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, len(keys), CHUNK_KEYS):
            chunk = keys[start : start + CHUNK_KEYS]
            waiting = [pool.submit(_fetched, key, fetch) for key in chunk]
            done, failures, fatal = _gathered(waiting, failures)
            if done:
                yield done
            if fatal is not None:
                raise fatal


def _gathered(
    waiting: Sequence[Future[Fetched[T]]], failures: int
) -> tuple[list[Fetched[T]], int, PartnerError | None]:
    """The results up to an error that ends the reading, failures in a row, and that error.

    Calls that were under way when it came have been spent, so their replies are kept too.
    """
    done: list[Fetched[T]] = []
    fatal: PartnerError | None = None
    for future in waiting:
        if future.cancelled():
            continue
        result = future.result()
        if fatal is not None:
            if result.error is None:
                done.append(result)
            continue
        failures = failures + 1 if isinstance(result.error, TransientPartnerError) else 0
        is_of_all = result.error is not None and not _is_of_one_key(result.error)
        if is_of_all or failures == MAX_FAILURES_IN_A_ROW:
            fatal = result.error
            # All of them now: while one that is under way is waited for, others would begin.
            for later in waiting:
                later.cancel()
        else:
            done.append(result)
    return done, failures, fatal


def _fetched(key: str, fetch: Callable[[str], T]) -> Fetched[T]:
    try:
        reply = fetch(key)
    except PartnerError as error:
        return Fetched(key, datetime.now(UTC), error=error)
    return Fetched(key, datetime.now(UTC), reply=reply)


def _is_of_one_key(error: PartnerError) -> bool:
    if isinstance(error, TransientPartnerError):
        return True
    return isinstance(error, PermanentPartnerError) and error.status in GONE_STATUSES
