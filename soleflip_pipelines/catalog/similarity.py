"""Which known titles come near one, and how near: the last resort of `finder`.

Pure. Titles are compared within a house's brands alone, first all at once by their letters, then
the nearest few word by word. What an answer is good enough for belongs to `finder`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Generic, NamedTuple, TypeVar

from rapidfuzz import fuzz, process

from soleflip_pipelines.catalog.audience import audience_of
from soleflip_pipelines.catalog.text import fold, tokens

Entry = TypeVar("Entry")
SHORTLIST = 8
# Of 100: less alike by their letters than this, two titles are not compared word by word.
LEAST_ALIKE = 60
# Two words of five letters and more that are this much alike are one word misspelt.
MISSPELT = 80
# Words that shops add or drop without meaning another product.
IDLE = frozenset(
    "the a of and x by in shoe shoes sneaker sneakers schuh schuhe unisex new neu ovp "
    "release edition nike air adidas originals".split()
)
_SIGNS = " ,;|/-–\"'()"


Words = tuple[str, ...]


class Near(NamedTuple, Generic[Entry]):
    """A known title near another: `same` by words (0 to 1), `alike` by letters (0 to 1)."""

    entry: Entry
    same: float
    alike: float


class TitleIndex(Generic[Entry]):
    """Known titles by the house of their brand."""

    def __init__(self, titled: Iterable[tuple[str | None, str, Entry]]) -> None:
        """Take houses (None: unknown), titles and what they are titles of."""
        self._blocks: dict[str | None, tuple[list[str], list[tuple[Words, Entry]]]] = {}
        for house, title, entry in titled:
            words = core_words(title)
            if words:
                letters, entries = self._blocks.setdefault(house, ([], []))
                letters.append(" ".join(words))
                entries.append((words, entry))
        self._memory: dict[tuple[str, str | None], list[Near[Entry]]] = {}

    def nearest(self, title: str, house: str | None) -> list[Near[Entry]]:
        """The nearest titles of the house and of none, or of all where it is not known; best first.

        Titles of fewer than three telling words name no product and are near nothing. Equal titles
        (the sizes of an offer) are looked up once.
        """
        question = title, house
        if question not in self._memory:
            self._memory[question] = self._nearest(title, house)
        return self._memory[question]

    def _nearest(self, title: str, house: str | None) -> list[Near[Entry]]:
        words = core_words(title)
        if len(words) < 3:
            return []
        blocks = {house, None} if house is not None else set(self._blocks)
        found = [
            Near(entry, _same(words, known), score / 100 if _same_numbers(words, known) else 0.0)
            for block in blocks
            if block in self._blocks
            for _, score, place in process.extract(
                " ".join(words), self._blocks[block][0], scorer=fuzz.ratio,
                score_cutoff=LEAST_ALIKE, limit=SHORTLIST,
            )
            for known, entry in (self._blocks[block][1][place],)
        ]  # fmt: skip
        return sorted(found, key=lambda near: (-near.same, -near.alike))


def core_words(title: str) -> Words:
    """The words that tell one product from another; whom it is for is compared apart."""
    return tuple(w for w in tokens(title) if w not in IDLE and not audience_of(w))


def without_colour(name: str, colour: str | None) -> str:
    """A shop's name of an article without the colour field that it appends: `Dunk Low, weiß`."""
    shade = fold(colour or "").strip()
    if not shade or not fold(name).rstrip(_SIGNS).endswith(shade):
        return name
    stem = re.sub(rf"{re.escape(shade)}[{re.escape(_SIGNS)}]*$", "", fold(name)).rstrip()
    return stem.rstrip(_SIGNS) if stem and stem[-1] in ',;|"-–(' else name


def overlap(one: str, other: str) -> float:
    """The share of common words of two titles, 0 to 1, of the shorter one's words."""
    return float(fuzz.token_set_ratio(" ".join(tokens(one)), " ".join(tokens(other)))) / 100


def _same_numbers(one: Words, other: Words) -> bool:
    return [w for w in one if not w.isalpha()] == [w for w in other if not w.isalpha()]


def _same(one: Words, other: Words) -> float:
    """How far two titles have the same words: 1 for equal ones, less for misspelt ones, else 0.

    A word more, a height or a colour, is another product, however many words agree; so are the
    same colours the other way round.
    """
    if len(one) != len(other):
        return 0.0
    alike = [word == twin or _misspelt(word, twin) for word, twin in zip(one, other, strict=True)]
    return sum(alike) / len(alike) if all(alike) else 0.0


def _misspelt(one: str, other: str) -> float:
    if min(len(one), len(other)) < 5 or not (one.isalpha() and other.isalpha()):
        return 0.0
    return float(fuzz.ratio(one, other, score_cutoff=MISSPELT)) / 100
