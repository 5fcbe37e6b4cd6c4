"""Finding many phrases in a short text at once, by whole words.

A phrase is a row of words; the word `#` stands for a number, digits or Roman. What a found phrase
means belongs to the callers. The cost depends on the words of the text, not on how many phrases
there are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from soleflip_pipelines.catalog.text import spellings, tokens

T = TypeVar("T")

NUMBER = "#"
# No bare x: between two names it joins them.
_ROMAN = frozenset("ii iii iv v vi vii viii ix xi xii xiii xiv xv xvi xvii xviii xix xx".split())
_GLUED = re.compile(r"([a-z]+)(\d+(?:\.\d+)?)")
_LEAST_STEM = 3


@dataclass(frozen=True, slots=True)
class Hit(Generic[T]):
    """A phrase found at words `start` to `end` (exclusive)."""

    start: int
    end: int
    payload: T


def phrase_words(phrase: str) -> tuple[str, ...]:
    """A rule's phrase as words; the `#` survives."""
    words: list[str] = []
    for part in phrase.split():
        words.extend([NUMBER] if part == NUMBER else tokens(part))
    return tuple(words)


def is_number(word: str) -> bool:
    """Digits, a decimal number, or a Roman numeral of at least two."""
    return (word[0].isdigit() and word.replace(".", "", 1).isdigit()) or word in _ROMAN


class PhraseIndex(Generic[T]):
    """Phrases with what they stand for; where two share words, the first given stands."""

    def __init__(
        self, whole: Iterable[tuple[str, T]], endings: Iterable[tuple[str, T]] = ()
    ) -> None:
        """Take `whole` phrases of whole words and `endings` of compound words (`jacke`)."""
        self._by_word: dict[str, list[tuple[tuple[str, ...], T]]] = {}
        self._glued: dict[str, T] = {}
        self._endings: dict[str, T] = {}
        seen: set[tuple[str, ...]] = set()
        for phrase, payload in whole:
            for spelling in spellings(phrase):
                words = phrase_words(spelling)
                if words and words not in seen:
                    seen.add(words)
                    self._add(words, payload)
        for ending, payload in endings:
            for spelling in spellings(ending):
                self._endings.setdefault("".join(phrase_words(spelling)), payload)
        for known in self._by_word.values():
            known.sort(key=lambda item: (-len(item[0]), item[0]))
        self._ending_lengths = sorted({len(e) for e in self._endings}, reverse=True)

    def _add(self, words: tuple[str, ...], payload: T) -> None:
        self._by_word.setdefault(words[0], []).append((words, payload))
        if len(words) == 2 and words[1] == NUMBER:
            self._glued.setdefault(words[0], payload)

    def find(self, words: tuple[str, ...]) -> list[Hit[T]]:
        """The phrases in a text, leftmost and longest first, none overlapping another."""
        hits: list[Hit[T]] = []
        at, count = 0, len(words)
        while at < count:
            hit = self._at(words, at)
            if hit is None:
                at += 1
            else:
                hits.append(hit)
                at = hit.end
        return hits

    def _at(self, words: tuple[str, ...], at: int) -> Hit[T] | None:
        word = words[at]
        for phrase, payload in self._by_word.get(word, ()):
            end = at + len(phrase)
            if len(phrase) == 1 or words[at:end] == phrase or _equal(words[at:end], phrase):
                return Hit(at, end, payload)
        if self._glued and (match := _GLUED.fullmatch(word)) and match[1] in self._glued:
            return Hit(at, at + 1, self._glued[match[1]])
        for length in self._ending_lengths:
            if len(word) >= length + _LEAST_STEM and word[-length:] in self._endings:
                return Hit(at, at + 1, self._endings[word[-length:]])
        return None


def _equal(words: tuple[str, ...], phrase: tuple[str, ...]) -> bool:
    if NUMBER not in phrase or len(words) != len(phrase):
        return False
    return all(
        word == wanted or (wanted == NUMBER and is_number(word))
        for word, wanted in zip(words, phrase, strict=True)
    )
