"""One form for every text that the catalog compares: titles, patterns, brand fields, categories.

What a word means is decided elsewhere; this module only folds away case, accents, typography and
punctuation, so that a rule written once meets every spelling of it.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# Signs that Unicode's own decomposition leaves alone or would turn into letters.
_SIGNS = str.maketrans(
    {
        "™": " ", "®": " ", "©": " ", "×": " x ", "✕": " x ", "ø": "o", "ł": "l", "đ": "d",
        "æ": "ae", "œ": "oe", "ı": "i", "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-",
        "―": "-", "−": "-", "’": "'", "‘": "'", "ʼ": "'", "´": "'", "`": "'", "′": "'",
        "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "⁄": "/", "\xa0": " ",
    }
)  # fmt: skip
_ASCII_SIGNS = (("'", ""), ("&", " and "), ("@", "a"), ("$", "s"), ("_", " "))
_ACRONYM = re.compile(r"(?<![a-z0-9.])((?:[a-z]\.)+[a-z])(?![a-z0-9])\.?")
_TOKEN = re.compile(r"\d+\.\d+|[a-z0-9]+")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})

BLANKS = frozenset(
    {"", "n/a", "na", "none", "null", "nan", "-", "--", "?", "unknown", "tbd", "keine"}
)


def is_blank(text: str | None) -> bool:
    """Whether a cell says nothing: empty, or one of the ways people write that."""
    return text is None or text.strip().casefold() in BLANKS


def fold(text: str) -> str:
    """Lower case without accents, with one kind of dash, quote and blank; punctuation stays."""
    folded = text.casefold()
    if not folded.isascii():
        decomposed = unicodedata.normalize("NFKD", folded.translate(_SIGNS))
        # Once more, since a composed sign may hide one of the letters above.
        folded = "".join(c for c in decomposed if not unicodedata.combining(c)).translate(_SIGNS)
    return folded


@lru_cache(maxsize=100_000)
def tokens(text: str) -> tuple[str, ...]:
    """The words of a text: `"A.P.C. x Nike's Dunk '07"` is `apc x nikes dunk 07`.

    Dots inside an acronym vanish, apostrophes vanish, a decimal number stays one word, and every
    other sign separates.
    """
    folded = fold(text)
    for sign, meaning in _ASCII_SIGNS:
        if sign in folded:
            folded = folded.replace(sign, meaning)
    if "." in folded:
        folded = _ACRONYM.sub(lambda match: match[1].replace(".", ""), folded)
    return tuple(_TOKEN.findall(folded))


def normalise(text: str) -> str:
    """The words of a text in one line: equal for texts that differ only in how they are set."""
    return " ".join(tokens(text))


def spellings(phrase: str) -> tuple[str, ...]:
    """A rule's phrase and, where it has an umlaut, its other spelling (`Gürtel`, `Guertel`)."""
    other = phrase.translate(_UMLAUTS)
    return (phrase,) if other == phrase else (phrase, other)
