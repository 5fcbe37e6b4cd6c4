"""What a seller's own words say of an article: its style code and its size.

Custom labels and titles follow each seller's habit, so the code is found by the makers' grammars
and the size by its system's name or by standing behind the code. What it then means is `size`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from soleflip_pipelines.catalog.style_code import StyleCodeExtractor
from soleflip_pipelines.catalog.text import fold

_NUMBER = r"\d{1,3}(?:[.,]\d)?(?: ?[12]/3)?"
_SYSTEM = r"(?:(US|EUR?|UK|CM)[ ._:/-]*([MW])?[ ._-]?)"
_NAMED = re.compile(
    rf"(?<![A-Z0-9])(?:{_SYSTEM}|(?:SIZE|SZ|GR(?:OSSE|OESSE)?)[ .:_-]+{_SYSTEM}?)"
    rf"({_NUMBER})([WYC])?(?![A-Z0-9])"
)
_AT_END = re.compile(rf"[-_/|#. ]({_NUMBER}[MWYC]?)$")
_SIGNS = " -_/|#."


@dataclass(frozen=True, slots=True)
class SellerWords:
    """The code in a label, or what may be one, and the size in it; None where there is none."""

    code: str | None
    size: str | None


def read_label(label: str | None, codes: StyleCodeExtractor) -> SellerWords:
    """Split a custom label such as `DV0982-100-US10.5`, `555088 134 / EU 42,5` or `GY6385_9`.

    Args:
        label: as the seller wrote it; what follows no habit is taken for a code as it is.
        codes: the makers' grammars.
    """
    text = fold(label or "").upper().strip()
    size = named_size(text)
    rest = _NAMED.sub(" ", text).strip(_SIGNS)
    found = codes.extract(rest).first
    if found is None:
        return SellerWords(rest or None, size)
    behind = _AT_END.search(rest)
    if size is None and behind is not None:
        before = codes.extract(rest[: behind.start()]).first
        size = behind[1] if before is not None and before.key == found.key else None
    return SellerWords(found.code, size)


def named_size(text: str | None) -> str | None:
    """The size in a text that names its system or is called a size: `EU 42.5`, `US W 8`, `42`."""
    match = _NAMED.search(fold(text or "").upper())
    if match is None:
        return None
    system, audience, other_system, other_audience, number, letter = match.groups()
    words = (system or other_system, audience or other_audience, f"{number}{letter or ''}")
    return " ".join(word for word in words if word)
