"""Cells of a hand-kept or exported sheet as canonical text: money, numbers, days, rates, words.

Each parser takes a cell as written and gives ISO or plain decimal text, or None for "nothing
there"; what it cannot read for certain it refuses, since a guessed figure is worse than none.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache

NOTHING = frozenset(
    {"", "-", "--", "n/a", "n.a.", "#n/a", "#n/v", "#nv", "k.a.", "k. a.", "null", "nan", "nil"}
)
DASHES = str.maketrans(dict.fromkeys("‐‑‒–—−", "-"))
SIGNS = {"€": "EUR", "£": "GBP", "US$": "USD", "C$": "CAD", "A$": "AUD", "$": "USD"}
WORDS = {"euro": "EUR", "euros": "EUR", "dollar": "USD", "pound": "GBP", "pfund": "GBP"}
CODES = frozenset(
    {
        "AUD", "BRL", "CAD", "CHF", "CLP", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD",
        "HUF", "IDR", "ILS", "INR", "JPY", "KRW", "MOP", "MXN", "MYR", "NOK", "NZD",
        "PEN", "PHP", "PLN", "RON", "SEK", "SGD", "THB", "TRY", "TWD", "USD", "VND",
        "ZAR",
    }
)  # fmt: skip
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
MAX_INTEGER_DIGITS = 9
FIRST_YEAR, LAST_YEAR = 2000, 2099
MAX_QUANTITY = 100_000

_FORMULA = re.compile(r'="(.*)"', re.DOTALL)
_NUMBER = re.compile(r"([-+]?)(\d[\d.,' ]*?)(?:[.,]--?)?", re.ASCII)
_ISO_DAY = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})", re.ASCII)
_COMPACT_DAY = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
_DAY_FIRST = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4}|\d{2})", re.ASCII)
_DAY_NAMED = re.compile(r"(\d{1,2})(?:\.|st|nd|rd|th)?[ -]+([a-z]+)\.?[ -]+(\d{4}|\d{2})", re.ASCII)
_MONTH_NAMED = re.compile(r"([a-z]+)\.? +(\d{1,2})(?:st|nd|rd|th)?,? +(\d{4})", re.ASCII)
_CLOCK = re.compile(r"[T ]+\d{1,2}:\d{2}.*$", re.DOTALL)


# The cells of a column repeat: dates, rates, "1", "0,00 €".
_remembering = lru_cache(maxsize=4096)


class BadValue(ValueError):
    """A cell that cannot be read for certain.

    Attributes:
        code: the reason code of the quarantine.
        remedy: what to write instead.
    """

    def __init__(self, code: str, remedy: str) -> None:
        super().__init__(remedy)
        self.code = code
        self.remedy = remedy


@dataclass(frozen=True)
class Money:
    """An amount as plain decimal text and the currency written beside it, if any."""

    amount: str
    currency_code: str | None


def text(cell: str) -> str | None:
    """The words of a cell on one line; a formula that only protects a text is unwrapped."""
    formula = _FORMULA.fullmatch(cell.strip())
    words = " ".join((formula[1] if formula else cell).split())
    return None if words.translate(DASHES).lower() in NOTHING else words


def lower_text(cell: str) -> str | None:
    """`text` in lower case."""
    words = text(cell)
    return words.lower() if words else None


@_remembering
def money(cell: str) -> Money | None:
    """An amount of 1.234,56 or 1,234.56 and their kin, with or without a currency.

    A lone separator before exactly three digits parts thousands: money has no third decimal.

    Raises:
        BadValue: `bad_number`.
    """
    words = text(cell)
    if words is None:
        return None
    number, currency = _without_currency(words.translate(DASHES))
    return Money(format(_decimal(number, cell), "f"), currency)


def amount(cell: str) -> str | None:
    """`money` without its currency, for columns whose currency stands elsewhere."""
    found = money(cell)
    return found.amount if found else None


@_remembering
def count(cell: str) -> str | None:
    """A whole number such as a quantity or a line number; "2 Stk" is 2.

    Raises:
        BadValue: `bad_number`.
    """
    words = text(cell)
    if words is None:
        return None
    if re.search(r"[.,]\d{3}\b", words):  # one thousand, or one with three decimals?
        raise BadValue("bad_number", f"write a whole number instead of {_shown(cell)}")
    bare = re.sub(r"\s*(x|stk\.?|stück|pcs\.?|pieces?|pairs?|paar)$", "", words.lower())
    value = _decimal(bare.strip(), cell)
    if value != value.to_integral_value() or abs(value) > MAX_QUANTITY:
        raise BadValue("bad_number", f"write a whole number instead of {_shown(cell)}")
    return str(int(value))


@_remembering
def rate(cell: str) -> str | None:
    """A share: 19 %, 19, 0.19 and 0,19 are all 0.19.

    Raises:
        BadValue: `bad_number`.
    """
    words = text(cell)
    if words is None:
        return None
    is_percent = "%" in words
    value = _decimal(words.replace("%", "").strip(), cell)
    if is_percent or value >= 1:
        value /= 100
    if not 0 <= value <= 1:
        raise BadValue("bad_number", f"write a rate from 0 to 100 % instead of {_shown(cell)}")
    return format(value.quantize(Decimal("0.0001")), "f")


@_remembering
def day(cell: str) -> str | None:
    """A date as ISO text; 03/04/25 is the third of April.

    Raises:
        BadValue: `bad_date`.
    """
    words = text(cell)
    if words is None:
        return None
    found = _day_parts(_folded(_CLOCK.sub("", words).translate(DASHES)).strip())
    try:
        if found is None or not FIRST_YEAR <= found[0] <= LAST_YEAR:
            raise ValueError
        return date(*found).isoformat()
    except ValueError:
        raise BadValue(
            "bad_date", f"write the day as 2025-04-03 or 03.04.2025 instead of {_shown(cell)}"
        ) from None


@_remembering
def currency(cell: str) -> str | None:
    """A currency code, from a code, a sign or a word.

    Raises:
        BadValue: `bad_currency`.
    """
    words = text(cell)
    if words is None:
        return None
    code = SIGNS.get(words.upper()) or WORDS.get(words.lower()) or words.upper()
    if code not in CODES:
        raise BadValue("bad_currency", f"write a code such as EUR instead of {_shown(cell)}")
    return code


@_remembering
def vat_scheme(cell: str) -> str | None:
    """How the purchase was taxed: standard, margin or none.

    Raises:
        BadValue: `bad_value`.
    """
    word = _folded(cell).strip()
    if not word:
        return None
    for scheme, signs in (
        ("margin", ("differenz", "margin", "25a", "second-hand", "gebraucht")),
        ("standard", ("regel", "standard", "normal", "regular", "voll")),
        ("none", ("keine", "none", "privat", "klein", "small", "ohne", "exempt", "frei", "no vat")),
    ):
        if any(sign in word for sign in signs):
            return scheme
    if word.translate(DASHES) in NOTHING:
        return None
    raise BadValue("bad_value", f"write standard, margin or none instead of {_shown(cell)}")


def currency_in(header: str) -> str | None:
    """The currency that a column's title names, as in "Price (EUR)"."""
    found = re.search(r"€|£|US\$|\$|\b[A-Z]{3}\b", header)
    if found is None:
        return None
    return SIGNS.get(found[0]) or (found[0] if found[0] in CODES else None)


def folded_header(header: str) -> str:
    """A column's title for comparison: no case, umlauts, punctuation, brackets or currency."""
    bare = re.sub(r"\([^)]*\)|\[[^\]]*\]", " ", header)
    words = re.findall(r"[a-z0-9]+", _folded(bare))
    kept = [word for word in words if word.upper() not in CODES]
    while kept and kept[-1] == "in":
        kept.pop()
    return " ".join(kept)


def _folded(words: str) -> str:
    lower = unicodedata.normalize("NFKC", words).casefold()
    lower = lower.replace("ä", "ae").replace("ö", "oe").replace("ü", "ue")
    return "".join(c for c in unicodedata.normalize("NFKD", lower) if not unicodedata.combining(c))


def _without_currency(words: str) -> tuple[str, str | None]:
    for sign, code in SIGNS.items():
        if sign in words:
            return words.replace(sign, "", 1).strip(), code
    found = re.search(r"(?<![A-Za-z])([A-Za-z]{3,6})\.?(?![A-Za-z])", words)
    if found:
        code = WORDS.get(found[1].lower()) or found[1].upper()
        if code in CODES:
            return (words[: found.start()] + words[found.end() :]).strip(), code
    return words, None


def _decimal(number: str, cell: str) -> Decimal:
    match = _NUMBER.fullmatch(number)
    digits = _plain(re.sub(r"[' ]", "", match[2])) if match else None
    if match is None or digits is None:
        raise BadValue("bad_number", f"write a number such as 1234.56 instead of {_shown(cell)}")
    return Decimal(match[1] + digits)


def _plain(digits: str) -> str | None:
    """Digits with a point for the decimals and nothing for the thousands, or None if unclear."""
    last = max(digits.rfind("."), digits.rfind(","))
    if last >= 0:
        mark, other = digits[last], {".": ",", ",": "."}[digits[last]]
        whole, decimals = digits[:last], digits[last + 1 :]
        if mark in whole or (len(decimals) == 3 and other not in whole and whole != "0"):
            whole, decimals, other = digits, "", mark
        groups = whole.split(other)
        if any(len(group) != 3 for group in groups[1:]) or (groups[1:] and len(groups[0]) > 3):
            return None
        digits = "".join(groups) + (f".{decimals}" if decimals else "")
    if not re.fullmatch(r"\d+(\.\d+)?", digits, re.ASCII):
        return None
    return digits if len(digits.split(".")[0].lstrip("0")) <= MAX_INTEGER_DIGITS else None


def _day_parts(words: str) -> tuple[int, int, int] | None:
    if match := _ISO_DAY.fullmatch(words) or _COMPACT_DAY.fullmatch(words):
        return int(match[1]), int(match[2]), int(match[3])
    if match := _DAY_FIRST.fullmatch(words):
        return _year(match[3]), int(match[2]), int(match[1])
    if match := _DAY_NAMED.fullmatch(words):
        return _year(match[3]), MONTHS.get(match[2], 0), int(match[1])
    if match := _MONTH_NAMED.fullmatch(words):
        return int(match[3]), MONTHS.get(match[1], 0), int(match[2])
    return None


def _year(digits: str) -> int:
    return int(digits) + (2000 if len(digits) == 2 else 0)


def _shown(cell: str) -> str:
    shown = " ".join(cell.split())
    return f'"{shown[:37]}…"' if len(shown) > 40 else f'"{shown}"'
