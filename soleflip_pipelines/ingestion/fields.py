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
from functools import cached_property
from typing import Any, Literal

from soleflip_pipelines.amounts import implausible
from soleflip_pipelines.warehouse.loader import Page, Record, Rejection

Json = dict[str, Any]
Problem = tuple[str, str]
Sign = Literal["any", "not below zero", "above zero"]
# The same blanks about it as staging takes.
DECIMAL = re.compile(r"\s*[-+]?\d{1,10}(\.\d+)?\s*", re.ASCII)
CENTS = re.compile(r"\d{1,12}", re.ASCII)
# Texts that are right in every currency; whatever else comes takes a closer look.
SURE = {
    "any": re.compile(r"[-+]?\d{1,6}(\.\d+)?", re.ASCII),
    "not below zero": re.compile(r"\d{1,6}(\.\d+)?", re.ASCII),
    "above zero": re.compile(r"(?=[\d.]*[1-9])\d{1,6}(\.\d+)?", re.ASCII),
}


def is_text(value: object) -> bool:
    """Text with something in it."""
    return isinstance(value, str) and bool(value.strip())


def is_amount(value: object) -> bool:
    """A decimal in text, or a JSON number, that fits numeric(12,2)."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return False
    return DECIMAL.fullmatch(str(value)) is not None


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
class Money:
    """An amount that must be plausible in its currency.

    Attributes:
        currency: dotted path of the code within the document, or the code itself.
        sign: what it may be.
        is_cents: whether it is a whole number of cents, as a number or as text.
    """

    currency: str
    sign: Sign = "any"
    is_cents: bool = False

    def __call__(self, value: object) -> bool:
        """Whether it is right whatever the currency is."""
        if self.is_cents or not isinstance(value, str):
            return False
        return self._sure.fullmatch(value) is not None

    @cached_property
    def _sure(self) -> re.Pattern[str]:
        return SURE[self.sign]

    def problem(self, document: Json, path: str, value: object, place: int = 0) -> Problem | None:
        """Code and reason for an amount that is not sure; None if it is right after all.

        Args:
            document: where its currency is.
            path: its dotted path.
            value: what stands there.
            place: which of those it is, where the path goes through lists.
        """
        form = CENTS if self.is_cents else DECIMAL
        if not is_amount(value) or not form.fullmatch(str(value)):
            return "bad_value", f"{path} does not have its usual form"
        amount = Decimal(str(value)) / (100 if self.is_cents else 1)
        if (amount < 0 and self.sign != "any") or (amount == 0 and self.sign == "above zero"):
            return "bad_value", f"{path} is no amount {self.sign}"
        codes = [self.currency]
        if not self.currency.isupper():
            codes = _all_at(document, self.currency.split("."))
        reason = implausible(amount, codes[place % len(codes)])
        return ("implausible", f"{path} {reason}") if reason else None


@dataclass(frozen=True)
class DocumentForm:
    """What a kind of document must have, and what must be right if it is there.

    Both are by dotted path; one through a list is about each of its entries.
    """

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
        for path, names, fits, is_required in self._checks:
            found = (document.get(path),) if len(names) == 1 else _all_at(document, names)
            for place, value in enumerate(found):
                if value is None or value == "":
                    if is_required:
                        reason = f"{path} is needed"
                        return _rejected(document, position, "missing_value", reason, path)
                elif not fits(value):
                    wrong: Problem | None = "bad_value", f"{path} does not have its usual form"
                    if isinstance(fits, Money):
                        wrong = fits.problem(document, path, value, place)
                    if wrong:
                        return _rejected(document, position, *wrong, path)
        return Record((str(document[self.key]),), document)

    @cached_property
    def _checks(self) -> list[tuple[str, list[str], Callable[[object], bool], bool]]:
        return [
            (path, path.split("."), fits, checks is self.required)
            for checks in (self.required, self.optional)
            for path, fits in checks.items()
        ]

    def page(self, documents: Sequence[object], place: str) -> Page:
        """Documents that came together at a place ("page 3"), to be judged if they are news."""
        return Page(place, documents, self.key, self.record)


def refused(key: str, code: str, reason: str) -> Rejection:
    """A rejection of something that was asked for by key and did not come."""
    return Rejection(position=key, reason_code=code, reason=reason, raw=json.dumps({"key": key}))


def _all_at(value: Any, names: Sequence[str]) -> list[Any]:
    """What stands at a path, once for each entry of a list on it; None where nothing does."""
    for place, name in enumerate(names):
        if isinstance(value, list):
            rest = names[place:]
            return [found for entry in value for found in _all_at(entry, rest)]
        value = value.get(name) if isinstance(value, dict) else None
    return [value]


def _rejected(
    document: object, position: str, code: str, reason: str, field: str | None
) -> Rejection:
    raw = json.dumps(document, sort_keys=True, ensure_ascii=False)
    return Rejection(position=position, reason_code=code, reason=reason, raw=raw, field=field)
