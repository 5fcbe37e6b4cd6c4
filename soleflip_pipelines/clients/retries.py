"""When a call to a partner is tried again: how often, after what wait, and when not in this run.

The rules alone are here; what counts as a fault that may pass is decided where the reply is read.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TypeVar

import stamina

from soleflip_pipelines.clients.errors import PartnerDeferred, TransientPartnerError

MAX_ATTEMPTS = 5
# Of all calls of a client; after these a partner is asked once and no more.
MAX_FAULTS = 300
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 60.0
MARGIN_S = 0.1
MAX_DEFERRAL_S = 30 * 86_400.0

LOGGER = logging.getLogger(__name__)

T = TypeVar("T")


class Retries:
    """The retries of one client.

    Args:
        first_wait_s: the first of the exponential waits between tries, in seconds.
    """

    def __init__(self, first_wait_s: float) -> None:
        """Nothing was tried yet."""
        stamina.instrumentation.set_on_retry_hooks((_log_retry,))
        self._first_wait_s = first_wait_s
        self._left = MAX_FAULTS

    def __call__(self, call: Callable[[], T]) -> T:
        """What the call returns at one of its tries; a `TransientPartnerError` leads to the next.

        Raises:
            TransientPartnerError: the fault of the last try.
            PartnerDeferred: the partner asks for a longer wait than a run can spend.
        """
        for attempt in stamina.retry_context(
            on=self._wait_before_retry,
            attempts=MAX_ATTEMPTS,
            timeout=None,
            wait_initial=self._first_wait_s,
            wait_max=LONGEST_WAIT_S,
            wait_jitter=self._first_wait_s,
        ):
            with attempt:
                try:
                    return call()
                except TransientPartnerError as error:
                    raise _deferred(error) or error from None
        raise AssertionError("a retry loop ends by returning or raising")

    def _wait_before_retry(self, error: Exception) -> bool | float:
        """Whether to try again, or after how many seconds where the partner said so."""
        if not isinstance(error, TransientPartnerError) or self._left <= 0:
            return False
        self._left -= 1
        # "At once" from a partner that has just refused is no reason to hurry.
        return error.retry_after_s + MARGIN_S if error.retry_after_s else True


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """The wait in seconds that a reply asks for; a date is taken by the clock that wrote it."""
    header = headers.get("retry-after", "").strip()
    if header.isdecimal():
        return float(header)
    moment = moment_of(header)
    if moment is None:
        return None
    now = moment_of(headers.get("date")) or datetime.now(UTC)
    return max(0.0, (moment - now).total_seconds())


def moment_of(header: str | None) -> datetime | None:
    """The time that an HTTP header tells (UTC), or None if it tells none."""
    try:
        moment = parsedate_to_datetime(header or "")
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _log_retry(details: stamina.instrumentation.RetryDetails) -> None:
    LOGGER.warning("trying again in %.1f s: %s", details.wait_for, details.caused_by)


def _deferred(error: TransientPartnerError) -> PartnerDeferred | None:
    """A wait is kept to the full or not at all: asking before the time only prolongs the ban."""
    if error.retry_after_s is None or error.retry_after_s <= LONGEST_WAIT_S:
        return None
    resumes_at = datetime.now(UTC) + timedelta(seconds=min(error.retry_after_s, MAX_DEFERRAL_S))
    return PartnerDeferred(
        f"{error}: what is missing is read after {resumes_at:%Y-%m-%d %H:%M} UTC",
        partner=error.partner,
        resumes_at=resumes_at,
        status=error.status,
        method=error.method,
        url=error.url,
    )
