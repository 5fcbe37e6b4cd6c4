"""Cells of a hand-kept or exported sheet as canonical text: words, codes, numbers and money.

Each parser takes a cell as written and gives plain text, or None for "nothing there"; what it
cannot read for certain it refuses, since a guessed figure is worse than none. Days: `days.py`.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Literal

NOTHING = frozenset(
    {"", "-", "--", "n/a", "n.a.", "#n/a", "#n/v", "#nv", "k.a.", "k. a.", "null", "nan", "nil"}
)
MAX_NOTHING_CHARS = max(map(len, NOTHING))
DASHES = str.maketrans(dict.fromkeys("‐‑‒–—−", "-"))
SIGNS = {
    "€": "EUR", "£": "GBP", "US $": "USD", "US$": "USD", "AU $": "AUD", "A$": "AUD", "C $": "CAD",
    "C$": "CAD", "$": "USD",
}  # fmt: skip
WORDS = {"euro": "EUR", "euros": "EUR", "dollar": "USD", "pound": "GBP", "pfund": "GBP"}
CODES = frozenset(
    {
        "AUD", "BRL", "CAD", "CHF", "CLP", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD",
        "HUF", "IDR", "ILS", "INR", "JPY", "KRW", "MOP", "MXN", "MYR", "NOK", "NZD",
        "PEN", "PHP", "PLN", "RON", "SEK", "SGD", "THB", "TRY", "TWD", "USD", "VND",
        "ZAR",
    }
)  # fmt: skip
MAX_INTEGER_DIGITS = 9
MAX_QUANTITY = 100_000
MAX_SEARCHED_CHARS = 500  # beyond that a crafted cell could keep a pattern busy for minutes
GTIN_LENGTHS = (8, 12, 13, 14)
Decimals = Literal["auto", "comma", "point"]

_FORMULA = re.compile(r'="(.*)"', re.DOTALL)
_SHORTENED = re.compile(r"\d([.,]\d+)?E\+\d+", re.ASCII)
_SIZE_DETAIL = re.compile(
    r"(?:size|gr(?:ö|oe)(?:ß|ss)e)[^:]*:\s*(.+?)\s*(?:[,;|][^,;|:]*:.*|\].*|$)",
    re.IGNORECASE | re.DOTALL,
)
_NUMBER = re.compile(r"([-+]?)(\d[\d.,' ]*?)(?:[.,]--?)?", re.ASCII)


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
    """The words of a cell on one line; a formula that only protects a text is unwrapped.

    Raises:
        BadValue: `formula`: any other formula, whose result the file does not hold.
    """
    words = " ".join(cell.split())
    if words.startswith("="):
        formula = _FORMULA.fullmatch(words)
        words = " ".join(formula[1].split()) if formula else words
        if words.startswith("="):
            remedy = f"write the value itself instead of the formula {in_quotes(cell)}"
            raise BadValue("formula", remedy)
    if len(words) > MAX_NOTHING_CHARS:
        return words
    return None if words.translate(DASHES).lower() in NOTHING else words


def lower_text(cell: str) -> str | None:
    """`text` in lower case."""
    words = text(cell)
    return words.lower() if words else None


def code(cell: str) -> str | None:
    """An order number, style code or other name that is no number even if it looks like one.

    Raises:
        BadValue: `shortened_number`: a spreadsheet has rounded it (4.01E+12).
    """
    words = text(cell)
    if words is not None and _SHORTENED.fullmatch(words.upper()):
        raise BadValue(
            "shortened_number",
            f"a spreadsheet has shortened it to {in_quotes(cell)}: format the column as text there",
        )
    return words


@_remembering
def gtin(cell: str) -> str | None:
    """The digits of an EAN, UPC or other GTIN whose check digit is right.

    Raises:
        BadValue: `shortened_number` or `bad_gtin`.
    """
    words = code(cell)
    if words is None:
        return None
    digits = re.sub(r"[ -]", "", words)
    if re.fullmatch(r"\d+", digits, re.ASCII) and len(digits) in GTIN_LENGTHS:
        total = sum(int(d) * (3 if n % 2 else 1) for n, d in enumerate(reversed(digits)))
        if total % 10 == 0:
            return digits
    raise BadValue("bad_gtin", f"write 8, 12, 13 or 14 digits instead of {in_quotes(cell)}")


def size_detail(cell: str) -> str | None:
    """The size among a marketplace's variation details, as in "[EU-Schuhgröße:42,5]"."""
    words = text(cell)
    found = _SIZE_DETAIL.search(words[:MAX_SEARCHED_CHARS]) if words else None
    if found:
        return found[1]
    return words if words and ":" not in words else None


@_remembering
def money(cell: str, decimals: Decimals = "auto") -> Money | None:
    """An amount of 1.234,56 or 1,234.56 and their kin, with or without a currency.

    Unless `decimals` says which mark parts the decimals, a lone separator before exactly three
    digits parts thousands: money has no third decimal.

    Raises:
        BadValue: `bad_number`.
    """
    words = text(cell)
    if words is None:
        return None
    number, currency = _without_currency(words.translate(DASHES))
    return Money(format(_decimal(number, cell, decimals), "f"), currency)


def amount(cell: str, decimals: Decimals = "auto", divisor: int = 1) -> str | None:
    """`money` without its currency; `divisor` 100 is for columns in cents."""
    found = money(cell, decimals)
    if found is None or divisor == 1:
        return found.amount if found else None
    return format(Decimal(found.amount) / divisor, "f")


@_remembering
def currency_beside(cell: str) -> str | None:
    """The currency written beside an amount."""
    words = text(cell)
    return _without_currency(words)[1] if words else None


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
        raise BadValue("bad_number", f"write a whole number instead of {in_quotes(cell)}")
    bare = re.sub(r"\s*(x|stk\.?|stück|pcs\.?|pieces?|pairs?|paar)$", "", words.lower())
    value = _decimal(bare.strip(), cell)
    if value != value.to_integral_value() or abs(value) > MAX_QUANTITY:
        raise BadValue("bad_number", f"write a whole number instead of {in_quotes(cell)}")
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
        raise BadValue("bad_number", f"write a rate from 0 to 100 % instead of {in_quotes(cell)}")
    return format(value.quantize(Decimal("0.0001")), "f")


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
        raise BadValue("bad_currency", f"write a code such as EUR instead of {in_quotes(cell)}")
    return code


@_remembering
def vat_scheme(cell: str) -> str | None:
    """How the purchase was taxed: standard, margin or none.

    Raises:
        BadValue: `bad_value`.
    """
    word = folded(cell[:MAX_SEARCHED_CHARS]).strip()
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
    raise BadValue("bad_value", f"write standard, margin or none instead of {in_quotes(cell)}")


def currency_in(header: str) -> str | None:
    """The currency that a column's title names, as in "Price (EUR)"."""
    found = re.search(r"€|£|US\$|\$|\b[A-Z]{3}\b", header[:MAX_SEARCHED_CHARS])
    if found is None:
        return None
    return SIGNS.get(found[0]) or (found[0] if found[0] in CODES else None)


def folded_header(header: str) -> str:
    """A column's title for comparison: no case, umlauts, punctuation, brackets or currency."""
    bare = re.sub(r"\([^)]*\)|\[[^\]]*\]", " ", header[:MAX_SEARCHED_CHARS])
    words = re.findall(r"[a-z0-9]+", folded(bare))
    kept = [word for word in words if word.upper() not in CODES]
    while kept and kept[-1] == "in":
        kept.pop()
    return " ".join(kept)


def folded(words: str) -> str:
    """Text for comparison: no case, no accents, umlauts as two letters."""
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


def _decimal(number: str, cell: str, decimals: Decimals = "auto") -> Decimal:
    match = _NUMBER.fullmatch(number)
    digits = _plain(re.sub(r"[' ]", "", match[2]), decimals) if match else None
    if match is None or digits is None:
        raise BadValue("bad_number", f"write a number such as 1234.56 instead of {in_quotes(cell)}")
    return Decimal(match[1] + digits)


def _plain(digits: str, decimals: Decimals) -> str | None:
    """Digits with a point for the decimals and nothing for the thousands, or None if unclear."""
    mark = _decimal_mark(digits) if decimals == "auto" else {"comma": ",", "point": "."}[decimals]
    whole, _, fraction = digits.partition(mark) if mark else (digits, "", "")
    thousands = re.sub(r"\d", "", whole)
    groups = re.split(r"[.,]", whole)
    if len(set(thousands)) > 1 or (mark and mark in thousands):
        return None
    if any(len(group) != 3 for group in groups[1:]) or (groups[1:] and len(groups[0]) > 3):
        return None
    digits = "".join(groups) + (f".{fraction}" if fraction else "")
    if not re.fullmatch(r"\d+(\.\d+)?", digits, re.ASCII):
        return None
    return digits if len(digits.split(".")[0].lstrip("0")) <= MAX_INTEGER_DIGITS else None


def _decimal_mark(digits: str) -> str:
    """The mark before the decimals, or nothing if all marks part thousands."""
    last = max(digits.rfind("."), digits.rfind(","))
    if last < 0:
        return ""
    whole, fraction, mark = digits[:last], digits[last + 1 :], digits[last]
    other = "," if mark == "." else "."
    if mark in whole or (len(fraction) == 3 and other not in whole and whole != "0"):
        return ""
    return mark


def in_quotes(cell: str) -> str:
    """A cell in quotation marks, cut to a readable length and fit for any log or terminal."""
    words = printable(" ".join(cell[:MAX_SEARCHED_CHARS].split()))
    return f'"{words[:37]}…"' if len(words) > 40 else f'"{words}"'


def printable(words: str) -> str:
    """Text without control characters."""
    return "".join(c if c.isprintable() else "�" for c in words)
