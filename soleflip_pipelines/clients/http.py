"""The one HTTP client of all partners: timeouts, pacing, bounded retries, checked replies.

It knows nothing of any partner's paths or credentials. What it raises is always a `PartnerError`,
free of secrets and of chained exceptions that would carry an address with a key.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, BinaryIO, TypeVar

import httpx
import stamina

from soleflip_pipelines.clients.errors import PermanentPartnerError, TransientPartnerError
from soleflip_pipelines.clients.redaction import redact, redact_url

CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 30.0
CALL_DEADLINE_S = 90.0
DOWNLOAD_DEADLINE_S = 1_800.0
MAX_ATTEMPTS = 5
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 60.0
MARGIN_S = 0.1
MAX_JSON_BYTES = 64 * 1024 * 1024
MAX_ERROR_BYTES = 64 * 1024
MAX_ERROR_TEXT = 300
MAX_REDIRECTS = 3
TRANSIENT_STATUSES = frozenset({408, 429})
ERROR_FIELDS = ("errorId", "message", "errorMessage", "error", "error_description")
CHUNK_BYTES = 64 * 1024

LOGGER = logging.getLogger(__name__)

T = TypeVar("T")


class PartnerHttp:
    """Calls one partner's host and hands back checked JSON or a downloaded file.

    Args:
        partner: the name that errors carry.
        base_url: scheme, host and path prefix; the paths of the calls are appended.
        secrets: values that must never show in a text.
        before_call: runs before each try: paces, counts, and raises when the quota is spent.
        first_wait_s: the first of the exponential waits between tries, in seconds.
        read_timeout_s: the longest silence within a reply, in seconds.
        call_deadline_s: the longest time one try of a JSON call may take, in seconds.
    """

    def __init__(
        self,
        *,
        partner: str,
        base_url: str,
        secrets: tuple[str, ...] = (),
        before_call: Callable[[], None] | None = None,
        first_wait_s: float = FIRST_WAIT_S,
        read_timeout_s: float = READ_TIMEOUT_S,
        call_deadline_s: float = CALL_DEADLINE_S,
    ) -> None:
        """Prepare the connection pool; nothing is sent yet."""
        # httpx logs each full address at INFO, and httpcore each header at DEBUG.
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)
        stamina.instrumentation.set_on_retry_hooks((_log_retry,))
        self.partner = partner
        self._secrets = secrets
        self._base_url = _checked_base(partner, base_url)
        self._before_call = before_call
        self._first_wait_s = first_wait_s
        self._call_deadline_s = call_deadline_s
        self._client = httpx.Client(
            timeout=httpx.Timeout(read_timeout_s, connect=CONNECT_TIMEOUT_S),
            follow_redirects=False,
            trust_env=False,
            headers={"User-Agent": "soleflip", "Accept": "*/*"},
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def get_json(
        self,
        *,
        path: str,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        accept: Callable[[Any], bool] = lambda _: True,
    ) -> Any:
        """GET and parse a JSON reply; one of a form that `accept` declines is asked for again.

        Raises:
            TransientPartnerError: no proper reply after all tries.
            PermanentPartnerError: a refusal that no retry will change.
        """
        return self._retried(
            lambda: self._json("GET", path, accept, params=params, headers=headers)
        )

    def post_form(
        self, *, path: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> Any:
        """POST a form and parse the JSON reply, an object; errors as in `get_json`."""
        return self._retried(
            lambda: self._json(
                "POST", path, lambda r: isinstance(r, dict), data=dict(form), headers=headers
            )
        )

    def download(self, *, path: str, into: BinaryIO, max_bytes: int) -> int:
        """GET a body, as it is on the wire, into a file; errors as in `get_json`.

        Returns:
            the number of bytes; the file then holds nothing else and stands at its start.
        """
        return self._retried(lambda: self._file(path, into, max_bytes))

    def redacted(self, text: str) -> str:
        """The text without any secret of this partner."""
        return redact(text, self._secrets)

    def add_secret(self, value: str) -> None:
        """Keep one more value, such as a new token, out of every text."""
        if value not in self._secrets:
            self._secrets = (*self._secrets, value)

    def _retried(self, call: Callable[[], T]) -> T:
        for attempt in stamina.retry_context(
            on=_wait_before_retry,
            attempts=MAX_ATTEMPTS,
            timeout=None,
            wait_initial=self._first_wait_s,
            wait_max=LONGEST_WAIT_S,
            wait_jitter=self._first_wait_s,
        ):
            with attempt:
                return call()
        raise AssertionError("a retry loop ends by returning or raising")

    def _json(self, method: str, path: str, accept: Callable[[Any], bool], **options: Any) -> Any:
        with self._reply(method, path, self._call_deadline_s, **options) as (response, deadline):
            body = self._body(response, deadline, MAX_JSON_BYTES)
        kind = response.headers.get("content-type", "no content type")
        try:
            reply = json.loads(body)
        except ValueError:
            what = f"a reply that is not JSON ({kind}, {len(body)} bytes)"
            raise self._transient(response.request, what, 200) from None
        if not accept(reply):
            raise self._transient(response.request, "a reply of an unexpected form", 200)
        return reply

    def _file(self, path: str, into: BinaryIO, max_bytes: int) -> int:
        into.seek(0)
        into.truncate()
        total = 0
        # The file is wanted as stored: gzip as gzip, so that its size can be bounded when opened.
        plain = {"Accept-Encoding": "identity"}
        with self._reply("GET", path, DOWNLOAD_DEADLINE_S, headers=plain) as (response, deadline):
            for chunk in self._chunks(response, deadline, response.iter_raw(CHUNK_BYTES)):
                total += len(chunk)
                if total > max_bytes:
                    raise self._permanent(
                        response.request, f"a file of more than {max_bytes:,} bytes", 200
                    )
                into.write(chunk)
        into.seek(0)
        return total

    @contextmanager
    def _reply(
        self, method: str, path: str, seconds: float, **options: Any
    ) -> Iterator[tuple[httpx.Response, float]]:
        """A 200 reply with an unread body and the moment at which reading must be done."""
        if self._before_call is not None:
            self._before_call()
        deadline = time.monotonic() + seconds
        request = self._client.build_request(method, f"{self._base_url}{path}", **options)
        try:
            response = self._sent(request)
            try:
                if response.status_code not in (200, 201):
                    raise self._refusal(response, deadline)
                yield response, deadline
            finally:
                response.close()
        except httpx.HTTPError as error:
            # httpx's own text and chain may hold the address with its key.
            raise self._transient(request, f"no answer ({type(error).__name__})") from None

    def _sent(self, request: httpx.Request) -> httpx.Response:
        for _ in range(MAX_REDIRECTS):
            response = self._client.send(request, stream=True)
            following = response.next_request
            if following is None:
                return response
            response.close()
            if _origin(following.url) != _origin(request.url):
                raise self._permanent(
                    request, f"a redirect to another host ({following.url.host}), which is refused"
                )
            request = following
        raise self._permanent(request, "too many redirects")

    def _body(self, response: httpx.Response, deadline: float, max_bytes: int) -> bytes:
        parts, total = [], 0
        for chunk in self._chunks(response, deadline, response.iter_bytes()):
            total += len(chunk)
            if total > max_bytes:
                raise self._transient(response.request, f"a reply of more than {max_bytes:,} bytes")
            parts.append(chunk)
        return b"".join(parts)

    def _chunks(
        self, response: httpx.Response, deadline: float, chunks: Iterator[bytes]
    ) -> Iterator[bytes]:
        for chunk in chunks:
            if time.monotonic() > deadline:
                raise self._transient(response.request, "a reply that did not end in time")
            yield chunk

    def _refusal(
        self, response: httpx.Response, deadline: float
    ) -> TransientPartnerError | PermanentPartnerError:
        status = response.status_code
        try:
            text = _error_text(self._body(response, deadline, MAX_ERROR_BYTES))
        except (httpx.HTTPError, TransientPartnerError):
            text = ""
        what = f"{status}{f' ({text})' if text else ''}"
        if status >= 500 or status in TRANSIENT_STATUSES:
            return self._transient(
                response.request, what, status, _retry_after_s(response.headers.get("retry-after"))
            )
        return self._permanent(response.request, what, status)

    def _transient(
        self,
        request: httpx.Request,
        what: str,
        status: int | None = None,
        retry_after_s: float | None = None,
    ) -> TransientPartnerError:
        wait = "" if retry_after_s is None else f"; it asks to wait {retry_after_s:,.0f} s"
        return TransientPartnerError(
            self._sentence(request, what) + wait,
            partner=self.partner,
            status=status,
            method=request.method,
            url=self._url(request),
            retry_after_s=retry_after_s,
        )

    def _permanent(
        self, request: httpx.Request, what: str, status: int | None = None
    ) -> PermanentPartnerError:
        return PermanentPartnerError(
            self._sentence(request, what),
            partner=self.partner,
            status=status,
            method=request.method,
            url=self._url(request),
        )

    def _sentence(self, request: httpx.Request, what: str) -> str:
        return f"{self.partner}: {request.method} {self._url(request)} gave {self.redacted(what)}"

    def _url(self, request: httpx.Request) -> str:
        return self.redacted(redact_url(str(request.url)))


def _log_retry(details: stamina.instrumentation.RetryDetails) -> None:
    LOGGER.warning("trying again in %.1f s: %s", details.wait_for, details.caused_by)


def _wait_before_retry(error: Exception) -> bool | float:
    """Whether to try again, or after how many seconds where the partner said so."""
    if not isinstance(error, TransientPartnerError):
        return False
    if error.retry_after_s is None:
        return True
    # A wait is kept to the full or not at all: asking before the time only prolongs the ban.
    return error.retry_after_s + MARGIN_S if error.retry_after_s <= LONGEST_WAIT_S else False


def _checked_base(partner: str, base_url: str) -> str:
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host:
        text = f"{partner}: its address in the settings is no web address"
        raise PermanentPartnerError(text, partner=partner)
    return base_url.rstrip("/")


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _retry_after_s(header: str | None) -> float | None:
    if not header:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _error_text(body: bytes) -> str:
    """What an error body says: `message`, `errorMessage`, OAuth's two fields, or nothing.

    eBay lists its errors; the first one speaks, after its number.
    """
    try:
        said = json.loads(body)
    except ValueError:
        return ""
    listed = said.get("errors") if isinstance(said, dict) else None
    if isinstance(listed, list) and listed:
        said = listed[0]
    if not isinstance(said, dict):
        return ""
    texts = [said.get(k) for k in ERROR_FIELDS]
    return ": ".join(str(t) for t in texts if isinstance(t, str | int) and t)[:MAX_ERROR_TEXT]
