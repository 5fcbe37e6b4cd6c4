"""What can go wrong at the border to a partner, sorted by what the caller may do about it.

Each text is one sentence for a person: the partner, the method, the redacted address, the status
and, where known, the setting to look at. Secrets never get in here; see `redaction.py`.
"""

from __future__ import annotations

from collections.abc import Container
from datetime import datetime

from soleflip_pipelines.errors import SoleflipError


class PartnerError(SoleflipError):
    """A call to a partner failed.

    Attributes:
        partner: the partner's name, as people write it ("StockX").
        status: the HTTP status, or None where no answer came.
        method: the HTTP method, or None where the fault is not one call's.
        url: the address, redacted.
    """

    def __init__(
        self,
        text: str,
        *,
        partner: str,
        status: int | None = None,
        method: str | None = None,
        url: str | None = None,
    ) -> None:
        """Keep the facts of the call beside the sentence about it."""
        super().__init__(text)
        self.partner = partner
        self.status = status
        self.method = method
        self.url = url


class TransientPartnerError(PartnerError):
    """The partner may answer later: a timeout, a 429, a 5xx, a broken or unreadable reply.

    Attributes:
        retry_after_s: what the partner asked to wait, in seconds, if it did.
    """

    def __init__(
        self,
        text: str,
        *,
        partner: str,
        status: int | None = None,
        method: str | None = None,
        url: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        """See `PartnerError`."""
        super().__init__(text, partner=partner, status=status, method=method, url=url)
        self.retry_after_s = retry_after_s


class PermanentPartnerError(PartnerError):
    """Asking again the same way is pointless: a wrong key, a bad request, a refused redirect."""

    def with_hint(self, hint: str, statuses: Container[int]) -> PermanentPartnerError:
        """The same error with a hint at what to do, if its status is one of these."""
        if self.status not in statuses:
            return self
        return PermanentPartnerError(
            f"{self}: {hint}",
            partner=self.partner,
            status=self.status,
            method=self.method,
            url=self.url,
        )


class BrokenFeed(PermanentPartnerError):
    """A downloaded file is cut short, damaged, too large or not what it should be."""


class PartnerDeferred(PartnerError):
    """Nothing is wrong, but the partner is to be left alone for a while; what was read is kept.

    Attributes:
        resumes_at: from when on what is missing can be read (UTC).
    """

    def __init__(
        self,
        text: str,
        *,
        partner: str,
        resumes_at: datetime,
        status: int | None = None,
        method: str | None = None,
        url: str | None = None,
    ) -> None:
        """See `PartnerError`."""
        super().__init__(text, partner=partner, status=status, method=method, url=url)
        self.resumes_at = resumes_at


class QuotaExhausted(PartnerDeferred):
    """The day's calls are used up."""


class MissingCredential(SoleflipError):
    """A credential is neither in the environment nor in the vault; the text names the variable."""
