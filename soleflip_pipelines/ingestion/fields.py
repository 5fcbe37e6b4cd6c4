"""Checks of the fields that staging cannot do without, on JSON documents as received.

A document that fails becomes a `Rejection` with the field and the reason; anything else in it,
known or not, passes untouched.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from soleflip_pipelines.warehouse.loader import Page, Record, Rejection

Json = dict[str, Any]
DECIMAL = re.compile(r"[-+]?\d{1,10}(\.\d+)?", re.ASCII)


def is_text(value: object) -> bool:
    """Text with something in it."""
    return isinstance(value, str) and bool(value.strip())


def is_amount(value: object) -> bool:
    """A decimal in text, or a JSON number, that fits numeric(12,2)."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return False
    return DECIMAL.fullmatch(str(value).strip()) is not None


def is_price(value: object) -> bool:
    """An amount that is not below zero, as what is asked, bid or paid for a thing is."""
    return is_amount(value) and Decimal(str(value).strip()) >= 0


def is_moment(value: object) -> bool:
    """An ISO 8601 time, with or without fractions of a second and zone."""
    if not isinstance(value, str):
        return False
    try:
        return datetime.fromisoformat(value).year > 1
    except ValueError:
        return False


def is_day(value: object) -> bool:
    """An ISO 8601 date, or a time from which it can be taken."""
    if not isinstance(value, str):
        return False
    try:
        return date.fromisoformat(value[:10]).year > 1
    except ValueError:
        return False


@dataclass(frozen=True)
class DocumentForm:
    """What a kind of document must have, by dotted path, and what must be right if it is there."""

    key: str
    required: Mapping[str, Callable[[object], bool]]
    optional: Mapping[str, Callable[[object], bool]]

    def record(self, document: object, position: str) -> Record | Rejection:
        """The document as a row under its key, or why it is refused.

        Args:
            document: what the partner sent.
            position: where it stood, for a person ("page 3, item 17").
        """
        if not isinstance(document, dict):
            return _rejected(document, position, "not_an_object", "it is no JSON object", None)
        for path, fits in self.required.items():
            value = _at(document, path)
            if not fits(value):
                if value in (None, ""):
                    reason = f"{path} is needed"
                    return _rejected(document, position, "missing_value", reason, path)
                return _rejected(document, position, "bad_value", _wrong(path, fits), path)
        for path, fits in self.optional.items():
            value = _at(document, path)
            if value not in (None, "") and not fits(value):
                return _rejected(document, position, "bad_value", _wrong(path, fits), path)
        return Record((str(document[self.key]),), document)

    def page(self, documents: Sequence[object], place: str) -> Page:
        """Documents that came together at a place ("page 3"), to be judged if they are news."""
        return Page(place, documents, self.key, self.record)


def refused(key: str, code: str, reason: str) -> Rejection:
    """A rejection of something that was asked for by key and did not come."""
    return Rejection(position=key, reason_code=code, reason=reason, raw=json.dumps({"key": key}))


def _at(document: Json, path: str) -> object:
    value: object = document
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _wrong(path: str, fits: Callable[[object], bool]) -> str:
    if fits is is_price:
        return f"{path} is no amount of zero or more"
    return f"{path} does not have its usual form"


def _rejected(
    document: object, position: str, code: str, reason: str, field: str | None
) -> Rejection:
    raw = json.dumps(document, sort_keys=True, ensure_ascii=False)
    return Rejection(position=position, reason_code=code, reason=reason, raw=raw, field=field)
