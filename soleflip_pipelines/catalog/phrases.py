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
# Titles end with the year of release: `Cloud (2024)` is no Cloud 5.
_YEARS = frozenset(map(str, range(2011, 2040)))
_GLUED = re.compile(r"([a-z]+)\d+(?:\.\d+)?|\d+([a-z]+)")
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
    """Digits, a decimal number, or a Roman numeral of at least two; a year of now is none."""
    if not word[0].isdigit():
        return word in _ROMAN
    return word.replace(".", "", 1).isdigit() and word not in _YEARS


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

    def beside(self, other: _Node[T]) -> _Node[T]:
        """Both nodes as one; where they go on alike this one counts."""
        both: _Node[T] = _Node()
        both.next = {**other.next, **self.next}
        both.number = self.number or other.number
        both.payload = other.payload if self.payload is None else self.payload
        return both

    def longest(self, words: tuple[str, ...], at: int) -> tuple[int, T] | None:
        """The end and payload of the longest phrase that goes on at word `at`."""
        node: _Node[T] | None = self
        best: tuple[int, T] | None = None
        while node is not None:
            if node.payload is not None:
                best = at, node.payload
            if at == len(words):
                break
            child = node.next.get(words[at])
            at += 1
            if node.number is not None and is_number(words[at - 1]):
                one = child.longest(words, at) if child is not None else None
                other = node.number.longest(words, at)
                longer = max((one, other), key=lambda found: found[0] if found else 0)
                return longer or best
            node = child
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
        self._known: dict[str, tuple[_Node[T] | None, T | None] | None] = {}
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
            if len(words) == 2 and NUMBER in words:
                self._glued.setdefault("".join(words), payload)

    def find(self, words: tuple[str, ...]) -> list[Hit[T]]:
        """The phrases in a text, leftmost and longest first, none overlapping another."""
        hits: list[Hit[T]] = []
        known = self._known
        count, skip_to = len(words), 0
        for at, word in enumerate(words):
            if at < skip_to:
                continue
            try:
                entry = known[word]
            except KeyError:
                entry = self._remember(word)
            if entry is None:
                continue
            node, alone = entry
            after = at + 1
            # Most phrases end where they begin; only the others are worth a walk.
            if (
                node is not None
                and after < count
                and (words[after] in node.next or node.number is not None)
            ):
                found = node.longest(words, after)
                if found is not None:
                    skip_to = found[0]
                    hits.append(Hit(at, skip_to, found[1]))
                    continue
            if alone is not None:
                hits.append(Hit(at, after, alone))
        return hits

    def _remember(self, word: str) -> tuple[_Node[T] | None, T | None] | None:
        """What a text's word may begin, and what it stands for where it stands alone."""
        node = self._root.next.get(word)
        if self._root.number is not None and is_number(word):
            node = self._root.number if node is None else node.beside(self._root.number)
        alone = node.payload if node is not None else None
        if alone is None:
            alone = self._within(word)
        entry = None if node is None and alone is None else (node, alone)
        if len(self._known) >= _MOST_WORDS:
            self._known.clear()
        self._known[word] = entry
        return entry

    def _within(self, word: str) -> T | None:
        """What stands in a part of one word: `zx8000` is `zx #`, `lederjacke` ends in `jacke`."""
        if match := _GLUED.fullmatch(word):
            before, after = match.groups(default="")
            return self._glued.get(f"{before}{NUMBER}{after}")
        if len(word) >= self._least:
            for length in self._ending_lengths:
                if len(word) >= length + _LEAST_STEM and word[-length:] in self._endings:
                    return self._endings[word[-length:]]
        return None
