"""Keeps secrets out of texts: masks the parts of an address that carry keys, and known values.

Everything that leaves the clients as text (errors, log lines, stored addresses) passes here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

MASK = "***"
_SHORTEST_SECRET = 4

_PATH_KEY = re.compile(r"(/apikey/)[^/?#]+", re.IGNORECASE)
_PATH_PUBLISHER = re.compile(r"(/publisher/[^/?#]+/)[^/?#]+", re.IGNORECASE)
_USER_INFO = re.compile(r"(://)[^/@?#\s]+@")
# A code that grants something stands alone or says for what; `currencyCode` grants nothing.
_SECRET_NAME = (
    r"[\w-]*(?:key|token|secret|signature|password|expires)[\w-]*"
    r"|(?:(?:auth\w*|access|device|login|user|verification)[_-]?)?code(?:[_-]?(?:challenge|verifier))?"
)
_QUERY_SECRET = re.compile(rf"([?&;](?:{_SECRET_NAME})=)[^&;#\s\"']*", re.IGNORECASE)
_BEARER = re.compile(r"(Bearer\s+)[\w.~+/=-]+", re.IGNORECASE)


def redact_url(url: str) -> str:
    """The address without keys in its path, secrets in its query, or user information."""
    text = _USER_INFO.sub(r"\1", url)
    text = _PATH_KEY.sub(rf"\1{MASK}", text)
    text = _PATH_PUBLISHER.sub(rf"\1{MASK}", text)
    return _QUERY_SECRET.sub(rf"\1{MASK}", text)


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Any text with addresses redacted and each of the known secrets replaced."""
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, MASK)
    return _BEARER.sub(rf"\1{MASK}", redact_url(text))


def without_query(url: str) -> str:
    """The address without query and fragment: what remains of a signed, short-lived link."""
    return url.split("?", 1)[0].split("#", 1)[0]
