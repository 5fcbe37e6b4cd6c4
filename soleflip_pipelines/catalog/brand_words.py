"""The words around a name, which decide whether it is one and whether a title begins with it.

Which brand a title then has is chosen in `brand`.
"""

from __future__ import annotations

from collections.abc import Iterable

from soleflip_pipelines.catalog.phrases import Hit
from soleflip_pipelines.catalog.rules import BrandRule, CategoryRule
from soleflip_pipelines.catalog.text import normalise

JOINERS = frozenset({"x", "by", "with", "feat", "ft", "vs"})
# Words before which a title has not really begun.
LEADERS = frozenset(
    "mens men womens women wmns wmn unisex kids kid boys girls herren damen kinder gs ps td w m "
    "new neu ds nwt nwot bnib bnwt vnds the og x vintage vtg retro 90s 80s 00s y2k lot authentic "
    "rare size sz us eu uk".split()
)
# Whom a thing is for: shops write it right behind the brand.
BUYERS = frozenset(
    "men mens women womens unisex boys girls kids "
    "damen herren kinder jungen madchen maedchen".split()
)
# What right behind a name decides whether it is one.
TELLING = BUYERS | {"of"}
CONTEXT = TELLING | JOINERS
# Names that behind a thing are its colour or cut: Ledergürtel Braun.
LOOKS = frozenset({"braun", "mint", "sand", "solid", "plain", "basic", "only", "on", "next", "gap"})


def may_stand(scope: str, words: tuple[str, ...], hit: Hit[BrandRule]) -> bool:
    """Whether a name counts where it stands; a champion of the world is no Champion."""
    if scope == "nowhere" or (hit.end - hit.start == 1 and words[hit.end : hit.end + 1] == ("of",)):
        return False
    if scope == "formula":
        return hit.end < len(words) and words[hit.end] in BUYERS and begins(words, hit.start)
    return scope != "start" or begins(words, hit.start)


def begins(words: Iterable[str], at: int) -> bool:
    """Whether nothing of substance stands before word `at`, or a joiner stands right before it."""
    if at == 0:
        return True
    before = tuple(words)[:at]
    # A card's title begins with its season: `1986 Fleer`, `2019-20 Topps`.
    return all(w in LEADERS or w.isdigit() for w in before) or before[-1] in JOINERS


class Nouns:
    """The nouns beside which an ordinary word is a name; English ones stand in names too often."""

    def __init__(self, rules: Iterable[CategoryRule]) -> None:
        """Take the single nouns of other languages, and the endings of their compounds."""
        foreign = [r for r in rules if r.role in ("noun", "soft_noun") and r.language != "en"]
        self._words = frozenset(normalise(r.phrase) for r in foreign)
        self._endings = tuple(normalise(r.phrase) for r in foreign if r.match == "ending")

    def show_a_name(self, words: tuple[str, ...], hit: Hit[BrandRule]) -> bool:
        """Whether a thing comes before an ordinary name (Kurtka Lee) or right behind the most
        ordinary one (Comma Etuikleid).
        """
        if hit.payload.scope == "start" and hit.payload.pattern not in LOOKS:
            return next((word for word in words if word not in LEADERS), "") in self._words
        if hit.payload.scope != "formula" or hit.end == len(words) or not begins(words, hit.start):
            return False
        return words[hit.end] in self._words or words[hit.end].endswith(self._endings)
