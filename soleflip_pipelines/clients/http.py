"""The one HTTP client of all partners: timeouts, pacing, bounded retries, checked replies.

It knows nothing of any partner's paths or credentials. What it raises is always a `PartnerError`,
free of secrets and of chained exceptions that would carry an address with a key.
"""

from __future__ import annotations

import json
import logging
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO

import httpx
from pydantic_core import from_json

from soleflip_pipelines.clients.deadline import DeadlineTransport, within
from soleflip_pipelines.clients.errors import (
    PermanentPartnerError,
    TransientPartnerError,
)
from soleflip_pipelines.clients.redaction import redact, redact_url
from soleflip_pipelines.clients.retries import FIRST_WAIT_S, Retries, moment_of, retry_after_s

CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 30.0
CALL_DEADLINE_S = 90.0
DOWNLOAD_DEADLINE_S = 1_800.0
CLOCK_TOLERANCE = timedelta(minutes=2)
MAX_JSON_BYTES = 64 * 1024 * 1024
MAX_ERROR_BYTES = 64 * 1024
MAX_ERROR_TEXT = 300
MAX_REDIRECTS = 3
TRANSIENT_STATUSES = frozenset({408, 429})
ERROR_FIELDS = ("errorId", "message", "errorMessage", "error", "error_description")
CHUNK_BYTES = 64 * 1024

LOGGER = logging.getLogger(__name__)


class PartnerHttp:
    """Calls one partner's host and hands back checked JSON or a downloaded file.

    Args:
        partner: the name that errors carry.
        base_url: scheme, host and path prefix; the paths of the calls are appended.
        secrets: values that must never show in a text.
        before_call: runs before each try: paces, counts, and raises when the quota is spent.
        audit: opened around each try of a request that could change something (no GET), with its
            method and path.
        first_wait_s: the first of the exponential waits between tries, in seconds.
        read_timeout_s: the longest silence within a reply, in seconds.
        call_deadline_s: the longest time one try of a JSON call may take, in seconds, from the
            connection to the last byte.
    """

    def __init__(
        self,
        *,
        partner: str,
        base_url: str,
        secrets: tuple[str, ...] = (),
        before_call: Callable[[], None] | None = None,
        audit: Callable[[str, str], AbstractContextManager[None]] | None = None,
        first_wait_s: float = FIRST_WAIT_S,
        read_timeout_s: float = READ_TIMEOUT_S,
        call_deadline_s: float = CALL_DEADLINE_S,
    ) -> None:
        """Prepare the connection pool; nothing is sent yet."""
        # httpx logs each full address at INFO, and httpcore each header at DEBUG.
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self.partner = partner
        self._secrets = secrets
        self._base_url = _checked_base(partner, base_url)
        self._before_call = before_call
        self._audit = audit
        self._retried = Retries(first_wait_s)
        self._call_deadline_s = call_deadline_s
        self._is_clock_told = False
        self._client = httpx.Client(
            transport=DeadlineTransport(),
            timeout=httpx.Timeout(read_timeout_s, connect=CONNECT_TIMEOUT_S),
            follow_redirects=False,
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
            PartnerDeferred: the partner asks for a longer wait than a run can spend.
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

    def _json(self, method: str, path: str, accept: Callable[[Any], bool], **options: Any) -> Any:
        with self._reply(method, path, self._call_deadline_s, **options) as response:
            body = self._body(response, MAX_JSON_BYTES)
        # A portal or proxy in between may answer with something that parses.
        kind = response.headers.get("content-type", "no content type")
        try:
            reply = parsed_json(body)
            is_json = "content-type" not in response.headers or "json" in kind.lower()
        except ValueError:
            is_json = False
        if not is_json:
            what = f"a reply that is not JSON ({kind}, {len(body)} bytes)"
            raise self._transient(response.request, what, 200)
        if not accept(reply):
            text = _error_text(body)
            what = "a reply of an unexpected form" + (f" ({text})" if text else "")
            raise self._transient(response.request, what, 200)
        return reply

    def _file(self, path: str, into: BinaryIO, max_bytes: int) -> int:
        into.seek(0)
        into.truncate()
        total = 0
        # The file is wanted as stored: gzip as gzip, so that its size can be bounded when opened.
        plain = {"Accept-Encoding": "identity"}
        with self._reply("GET", path, DOWNLOAD_DEADLINE_S, headers=plain) as response:
            for chunk in response.iter_raw(CHUNK_BYTES):
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
    ) -> Iterator[httpx.Response]:
        """A 200 reply whose body must be read within the block and so many seconds."""
        if self._before_call is not None:
            self._before_call()
        request = self._client.build_request(method, f"{self._base_url}{path}", **options)
        try:
            with self._audited(method, path), within(seconds):
                response = self._sent(request)
                try:
                    self._compare_clocks(response)
                    if response.status_code not in (200, 201):
                        raise self._refusal(response)
                    yield response
                finally:
                    response.close()
        except httpx.HTTPError as error:
            # httpx's own text and chain may hold the address with its key.
            raise self._unanswered(request, error) from None

    def _audited(self, method: str, path: str) -> AbstractContextManager[None]:
        return (
            nullcontext() if self._audit is None or method == "GET" else self._audit(method, path)
        )

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

    def _compare_clocks(self, response: httpx.Response) -> None:
        """Say once that this machine's clock is off: tokens and windows of time depend on it."""
        theirs = moment_of(response.headers.get("date"))
        if theirs is None or self._is_clock_told:
            return
        ahead = datetime.now(UTC) - theirs
        if abs(ahead) > CLOCK_TOLERANCE:
            self._is_clock_told = True
            direction = "ahead of" if ahead > timedelta(0) else "behind"
            LOGGER.warning(
                "this machine's clock is %.0f s %s %s's: set it, or times will be wrong",
                abs(ahead.total_seconds()),
                direction,
                self.partner,
            )

    def _body(self, response: httpx.Response, max_bytes: int) -> bytes:
        parts, total = [], 0
        for chunk in response.iter_bytes():
            total += len(chunk)
            if total > max_bytes:
                raise self._transient(response.request, f"a reply of more than {max_bytes:,} bytes")
            parts.append(chunk)
        return b"".join(parts)

    def _unanswered(
        self, request: httpx.Request, error: httpx.HTTPError
    ) -> TransientPartnerError | PermanentPartnerError:
        for cause in _causes(error):
            if isinstance(cause, ssl.SSLCertVerificationError):
                reason = f"its certificate is not trusted: {cause.verify_message}"
                return self._permanent(request, f"no answer, {reason}")
            if isinstance(cause, ssl.SSLError):
                reason = f"no secure connection came about (TLS: {cause.reason})"
                return self._transient(request, f"no answer, {reason}")
            if isinstance(cause, socket.gaierror):
                reason = f"the name {request.url.host} cannot be looked up (DNS)"
                return self._transient(request, f"no answer, {reason}")
        if isinstance(error, httpx.TimeoutException):
            return self._transient(request, f"no whole answer in time ({type(error).__name__})")
        return self._transient(request, f"no answer ({type(error).__name__})")

    def _refusal(self, response: httpx.Response) -> TransientPartnerError | PermanentPartnerError:
        status = response.status_code
        try:
            text = _error_text(self._body(response, MAX_ERROR_BYTES))
        except (httpx.HTTPError, TransientPartnerError):
            text = ""
        what = f"{status}{f' ({text})' if text else ''}"
        if status >= 500 or status in TRANSIENT_STATUSES:
            return self._transient(response.request, what, status, retry_after_s(response.headers))
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


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _checked_base(partner: str, base_url: str) -> str:
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host:
        text = f"{partner}: its address in the settings is no web address"
        raise PermanentPartnerError(text, partner=partner)
    return base_url.rstrip("/")


def parsed_json(body: bytes) -> Any:
    """What a body says.

    Raises:
        ValueError: it is no JSON, or nested deeper than anything that is meant to be read.
    """
    try:
        return from_json(body, cache_strings="keys")
    except ValueError:
        # The standard library takes half a character pair, which is for its row to be refused for.
        try:
            return json.loads(body)
        except RecursionError:
            raise ValueError("it is nested too deep") from None


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _error_text(body: bytes) -> str:
    """What an error body says: `message`, `errorMessage`, OAuth's two fields, or nothing.

    eBay lists its errors; the first one speaks, after its number.
    """
    try:
        said = parsed_json(body)
    except ValueError:
        return ""
    listed = said.get("errors") if isinstance(said, dict) else None
    if isinstance(listed, list) and listed:
        said = listed[0]
    if not isinstance(said, dict):
        return ""
    texts = [said.get(k) for k in ERROR_FIELDS]
    return ": ".join(str(t) for t in texts if isinstance(t, str | int) and t)[:MAX_ERROR_TEXT]
