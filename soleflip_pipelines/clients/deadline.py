"""A total deadline over one HTTP exchange: connection, TLS, headers and body together.

httpx bounds each single read, so a server that sends a byte now and then could hold a call for
ever. Only the transport that keeps the deadline belongs here; how long it is, the caller says.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import httpcore
import httpx

# Below what servers usually keep: a call should not find its connection closed.
KEEP_ALIVE_S = 5.0
_CALL = threading.local()


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Whatever this thread exchanges through `DeadlineTransport` inside must end in this time."""
    _CALL.ends_at = time.monotonic() + seconds
    try:
        yield
    finally:
        del _CALL.ends_at


@cache
def _authorities() -> ssl.SSLContext:
    """Whose certificates are believed, read once: the file is long."""
    return httpx.create_ssl_context(trust_env=False)


class DeadlineTransport(httpx.HTTPTransport):
    """httpx's transport with every wait cut to what is left of the call's time."""

    def __init__(self) -> None:
        """Certificates are checked; proxies of the environment are left alone."""
        super().__init__(verify=_authorities(), trust_env=False)
        self._pool = httpcore.ConnectionPool(
            ssl_context=_authorities(),
            keepalive_expiry=KEEP_ALIVE_S,
            network_backend=_Backend(),
        )


class _Backend(httpcore.SyncBackend):
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _Stream(super().connect_tcp(host, port, left, local_address, socket_options))


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _left(timeout: float | None, late: type[httpcore.TimeoutException]) -> float | None:
    ends_at = getattr(_CALL, "ends_at", None)
    if ends_at is None:
        return timeout
    left = float(ends_at) - time.monotonic()
    if left <= 0:
        raise late("the call's time is over")
    return left if timeout is None else min(timeout, left)
