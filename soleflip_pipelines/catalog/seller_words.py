"""What a seller's own words say of an article: its style code and its size.

Custom labels and titles follow each seller's habit, so they are read in every way that can be
meant, the surest first; which reading is right shows when its code is one of the catalogue. What a
size then means is `size`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from soleflip_pipelines.catalog.style_code import StyleCodeExtractor, code_key
from soleflip_pipelines.catalog.text import fold

SHORTEST_KEY = 5
_NUMBER = r"\d{1,3}(?:[.,]\d)?(?: ?[12]/3)?"
_SYSTEM = r"(?:(US|EUR?|UK|CM)[ ._:/-]*([MW])?[ ._-]?)"
_NAMED = re.compile(
    rf"(?<![A-Z0-9])(?:{_SYSTEM}|(?:SIZE|SZ|GR(?:OSSE|OESSE)?)[ .:_-]+{_SYSTEM}?)"
    rf"({_NUMBER})([WYC])?(?![A-Z0-9])"
)
# Clothes are sized by even numbers and shoes by all: 41 or 42 2/3 is a shoe, 42 may be a jacket.
_SHOE = re.compile(
    r"(?<![A-Z0-9])(?:(?:US|UK)[ .:]?[MW]?[ .]?(?:[3-9]|1[0-5])(?:[.,]5)?[CYMW]?"
    r"|(?:EUR?|GR(?:OSSE|OESSE)?|SIZE|SZ)[ .:_-]+(?:3[579]|4[13579])"
    r"|(?:(?:EUR?|GR(?:OSSE|OESSE)?|SIZE|SZ)[ .:_-]*)?(?:3[5-9]|4[0-9])(?:[.,]5| ?[12]/3))"
    r"(?![A-Z0-9])"
)
_CLOTHES = re.compile(
    r"(?<![A-Z0-9])(?:(?:GR(?:OSSE|OESSE)?|SIZE|SZ)[ .:_-]+(?:[SML]|X{1,3}[SL])"
    r"|X[SL]|XXX?L|[2-5]XL|W ?[234]\d(?: ?[/X]? ?L ?[23]\d)?|(?<= )[SML]$)(?![A-Z0-9])"
)
_SIGNS = " -_/|#."
_CUT = re.compile(r"[-_/|#.\s]+")
_BLANK = re.compile(r"[\s()\[\],;]+")


@dataclass(frozen=True, slots=True)
class SellerWords:
    """A code, or what may be one, and a size; None where there is none."""

    code: str | None
    size: str | None


def read_label(
    label: str | None, is_known: Callable[[str], bool], codes: StyleCodeExtractor
) -> SellerWords:
    """Split a custom label such as `DV0982-100-US10.5`, `555088 134 / EU 42,5` or `GY6385_9`.

    Args:
        label: as the seller wrote it; the longest beginning that is a known code is the code, and
            what stands behind it the size.
        is_known: whether the catalogue has a code of this key.
        codes: the makers' grammars, for labels without a known code.
    """
    text = fold(label or "").upper().strip()
    size = named_size(text)
    for end in [len(text), *(cut.start() for cut in reversed(list(_CUT.finditer(text))))]:
        if _may_be_known(text[:end], is_known):
            return SellerWords(text[:end], size or text[end:].strip(_SIGNS) or None)
    rest = _NAMED.sub(" ", text).strip(_SIGNS)
    found = codes.extract(rest).first
    return SellerWords(found.code if found else rest or None, size)


def known_codes(text: str | None, is_known: Callable[[str], bool]) -> Iterator[str]:
    """The words of a title that are codes of the catalogue, in their order."""
    for word in _BLANK.split(fold(text or "").upper()):
        if _may_be_known(word, is_known):
            yield word


def named_size(text: str | None) -> str | None:
    """The size in a text that names its system or is called a size: `EU 42.5`, `US W 8`, `42`."""
    match = _NAMED.search(fold(text or "").upper())
    if match is None:
        return None
    system, audience, other_system, other_audience, number, letter = match.groups()
    words = (system or other_system, audience or other_audience, f"{number}{letter or ''}")
    return " ".join(word for word in words if word)


def stated_systems(title: str) -> tuple[str, ...]:
    """The system of a size in a title that only shoes (`EU`) or only clothes (`ALPHA`) have."""
    text = fold(title).upper().strip()
    if _CLOTHES.search(text):
        return ("ALPHA",)
    return ("EU",) if _SHOE.search(text) else ()


def _may_be_known(text: str, is_known: Callable[[str], bool]) -> bool:
    key = code_key(text)
    # A word that has neither is a word, even where a code is spelt like it.
    is_codelike = "-" in text or any(sign.isdigit() for sign in key)
    return len(key) >= SHORTEST_KEY and is_codelike and is_known(key)
