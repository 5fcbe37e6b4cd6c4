"""A period that a person wants read again. How a source is cut into calls does not belong here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from soleflip_pipelines.errors import SoleflipError


class BadPeriod(SoleflipError):
    """A period to read again that is none; the text says what is wrong."""


@dataclass(frozen=True)
class Period:
    """Days of creation (UTC) whose orders are to be read again; None stands for no bound."""

    first: date | None = None
    last: date | None = None

    @classmethod
    def parse(cls, first: str | None, last: str | None) -> Period | None:
        """The period that two days (YYYY-MM-DD) name, or None if neither is given.

        Raises:
            BadPeriod: a text that is no day, or an end before the beginning.
        """
        days: list[date | None] = []
        for text in (first, last):
            try:
                days.append(date.fromisoformat(text) if text else None)
            except ValueError:
                raise BadPeriod(f"{text!r} is no day: write it as YYYY-MM-DD") from None
        period = cls(*days)
        if period.first and period.last and period.first > period.last:
            raise BadPeriod(f"the period ends ({last}) before it begins ({first})")
        return period if first or last else None
