"""Days and moments as people and marketplaces write them, as ISO text.

Like the parsers of `values.py`: None for "nothing there", a refusal for what is not certain.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from functools import lru_cache

from soleflip_pipelines.imports.values import DASHES, BadValue, folded, in_quotes, text

MONTHS = {
    month: number
    for number, names in enumerate(
        (
            "jan january januar jaen jaenner", "feb february februar", "mar march maerz mrz maer",
            "apr april", "may mai", "jun june juni", "jul july juli", "aug august",
            "sep sept september", "oct october okt oktober", "nov november",
            "dec december dez dezember",
        ),
        start=1,
    )
    for month in names.split()
}  # fmt: skip
MAX_CHARS = 60
FIRST_YEAR, LAST_YEAR = 2000, 2099

_ISO_DAY = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})", re.ASCII)
_COMPACT_DAY = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
_IN_DIGITS = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4}|\d{2})", re.ASCII)
_DAY_NAMED = re.compile(r"(\d{1,2})(?:\.|st|nd|rd|th)?[ -]+([a-z]+)\.?[ -]+(\d{4}|\d{2})", re.ASCII)
_MONTH_NAMED = re.compile(
    r"([a-z]+)\.?[ -]+(\d{1,2})(?:st|nd|rd|th)?,?[ -]+(\d{4}|\d{2})", re.ASCII
)
_CLOCK = re.compile(r"[T ]+\d{1,2}:\d{2}.*$", re.DOTALL)
_MOMENT = re.compile(
    r"(\d{4}-\d{2}-\d{2})[T ]+(\d{1,2}:\d{2}(?::\d{2})?)(?:\.\d+)?\s*"
    r"(?:(Z|UTC)|([+-]\d{2}):?(\d{2})?)?",
    re.ASCII,
)


@lru_cache(maxsize=4096)
def day(cell: str, *, month_first: bool = False) -> str | None:
    """A date as ISO text; 03/04/25 is the third of April unless `month_first`.

    Raises:
        BadValue: `bad_date`, or `month_first` if it can only be meant that way.
    """
    words = text(cell)
    if words is None:
        return None
    bare = folded(_CLOCK.sub("", words[:MAX_CHARS]).translate(DASHES)).strip()
    try:
        return _date(_day_parts(bare, month_first)).isoformat()
    except ValueError:
        raise BadValue(
            "bad_date" if month_first or not _is_month_first(bare) else "month_first",
            f"write the day as 2025-04-03 or 03.04.2025 instead of {in_quotes(cell)}",
        ) from None


@lru_cache(maxsize=4096)
def moment(cell: str, *, month_first: bool = False) -> str | None:
    """A point in time as ISO text in UTC, which it is in unless it names its offset.

    Raises:
        BadValue: `bad_date`.
    """
    words = text(cell)
    if words is None:
        return None
    found = _MOMENT.fullmatch(words[:MAX_CHARS])
    try:
        if found is None:
            return f"{_date(_day_parts(words, month_first)).isoformat()}T00:00:00Z"
        offset = f"{found[4]}:{found[5] or '00'}" if found[4] else "+00:00"
        at = datetime.fromisoformat(f"{found[1]}T{found[2]:0>5}{offset}").astimezone(UTC)
        _date((at.year, at.month, at.day))
        return at.strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError):
        raise BadValue(
            "bad_date", f"write the time as 2025-04-03 14:30:00 +00 instead of {in_quotes(cell)}"
        ) from None


def _date(parts: tuple[int, int, int] | None) -> date:
    if parts is None or not FIRST_YEAR <= parts[0] <= LAST_YEAR:
        raise ValueError
    return date(*parts)


def _is_month_first(words: str) -> bool:
    """Whether month and day stand in American order; nobody parts those with points."""
    try:
        return "." not in words and bool(_date(_day_parts(words, month_first=True)))
    except ValueError:
        return False


def _day_parts(words: str, month_first: bool) -> tuple[int, int, int] | None:
    if match := _ISO_DAY.fullmatch(words) or _COMPACT_DAY.fullmatch(words):
        return int(match[1]), int(match[2]), int(match[3])
    if match := _IN_DIGITS.fullmatch(words):
        day_place, month_place = (2, 1) if month_first else (1, 2)
        return _year(match[3]), int(match[month_place]), int(match[day_place])
    if match := _DAY_NAMED.fullmatch(words):
        return _year(match[3]), MONTHS.get(match[2], 0), int(match[1])
    if match := _MONTH_NAMED.fullmatch(words):
        return _year(match[3]), MONTHS.get(match[1], 0), int(match[2])
    return None


def _year(digits: str) -> int:
    return int(digits) + (2000 if len(digits) == 2 else 0)
