"""Finding many phrases in a short text at once, by whole words.

A phrase is a row of words; the word `#` stands for a number, digits or Roman. What a found phrase
means belongs to the callers. The cost depends on the words of the text, not on how many phrases
there are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Generic, NamedTuple, TypeVar

from soleflip_pipelines.catalog.text import spellings, tokens

T = TypeVar("T")

NUMBER = "#"
# No bare x: between two names it joins them.
_ROMAN = frozenset("ii iii iv v vi vii viii ix xi xii xiii xiv xv xvi xvii xviii xix xx".split())
_GLUED = re.compile(r"([a-z]+)(\d+(?:\.\d+)?)")
_LEAST_STEM = 3
# Titles share their words, so what a word holds is worked out once.
_MOST_WORDS = 100_000


class Hit(NamedTuple, Generic[T]):
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


class _Node(Generic[T]):
    """The phrases that begin alike, as a tree of their next words."""

    __slots__ = ("next", "number", "payload")

    def __init__(self) -> None:
        self.next: dict[str, _Node[T]] = {}
        self.number: _Node[T] | None = None
        self.payload: T | None = None

    def child(self, word: str) -> _Node[T]:
        if word == NUMBER:
            self.number = self.number or _Node()
            return self.number
        return self.next.setdefault(word, _Node())

    def longest(self, words: tuple[str, ...], at: int) -> tuple[int, T] | None:
        """The end and payload of the longest phrase that goes on at word `at`."""
        best = None if self.payload is None else (at, self.payload)
        if at < len(words):
            word = words[at]
            child = self.next.get(word)
            if child is not None:
                best = child.longest(words, at + 1) or best
            if self.number is not None and is_number(word):
                other = self.number.longest(words, at + 1)
                if other is not None and (best is None or other[0] > best[0]):
                    best = other
        return best


class PhraseIndex(Generic[T]):
    """Phrases with what they stand for; where two share words, the first given stands."""

    def __init__(
        self, whole: Iterable[tuple[str, T]], endings: Iterable[tuple[str, T]] = ()
    ) -> None:
        """Take `whole` phrases of whole words and `endings` of compound words (`jacke`)."""
        self._root: _Node[T] = _Node()
        self._glued: dict[str, T] = {}
        self._endings: dict[str, T] = {}
        self._parts: dict[str, T | None] = {}
        for phrase, payload in whole:
            for spelling in spellings(phrase):
                self._add(phrase_words(spelling), payload)
        for ending, payload in endings:
            for spelling in spellings(ending):
                self._endings.setdefault("".join(phrase_words(spelling)), payload)
        self._ending_lengths = sorted({len(e) for e in self._endings}, reverse=True)
        self._least = min(self._ending_lengths, default=100) + _LEAST_STEM

    def _add(self, words: tuple[str, ...], payload: T) -> None:
        node = self._root
        for word in words:
            node = node.child(word)
        if words and node.payload is None:
            node.payload = payload
            if len(words) == 2 and words[1] == NUMBER:
                self._glued.setdefault(words[0], payload)

    def find(self, words: tuple[str, ...]) -> list[Hit[T]]:
        """The phrases in a text, leftmost and longest first, none overlapping another."""
        hits: list[Hit[T]] = []
        firsts = self._root.next
        skip_to = 0
        for at, word in enumerate(words):
            if at < skip_to:
                continue
            node = firsts.get(word)
            found = node.longest(words, at + 1) if node is not None else None
            if found is not None:
                skip_to = found[0]
                hits.append(Hit(at, skip_to, found[1]))
                continue
            try:
                payload = self._parts[word]
            except KeyError:
                payload = self._remember(word)
            if payload is not None:
                hits.append(Hit(at, at + 1, payload))
        return hits

    def _remember(self, word: str) -> T | None:
        if len(self._parts) >= _MOST_WORDS:
            self._parts.clear()
        payload = self._parts[word] = self._within(word)
        return payload

    def _within(self, word: str) -> T | None:
        """What stands in a part of one word: `zx8000` is `zx #`, `lederjacke` ends in `jacke`."""
        if word[-1].isdigit():
            match = _GLUED.fullmatch(word)
            return self._glued.get(match[1]) if match else None
        if len(word) >= self._least:
            for length in self._ending_lengths:
                if len(word) >= length + _LEAST_STEM and word[-length:] in self._endings:
                    return self._endings[word[-length:]]
        return None
