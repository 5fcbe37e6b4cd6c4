"""The words around a name, which decide whether it is one and whether a title begins with it.

Which brand a title then has is chosen in `brand`.
"""

from __future__ import annotations

from collections.abc import Iterable

from soleflip_pipelines.catalog.phrases import Hit
from soleflip_pipelines.catalog.rules import BrandRule

JOINERS = frozenset({"x", "by", "with", "feat", "ft", "vs"})
# Words before which a title has not really begun.
LEADERS = frozenset(
    "mens men womens women wmns wmn unisex kids kid boys girls herren damen kinder gs ps td w m "
    "new neu ds nwt bnib vnds the og x vintage authentic rare size sz us eu uk".split()
)
# Whom a thing is for: shops write it right behind the brand.
BUYERS = frozenset(
    "men mens women womens unisex boys girls kids "
    "damen herren kinder jungen madchen maedchen".split()
)
# What right behind a name decides whether it is one.
TELLING = BUYERS | {"of"}
CONTEXT = TELLING | JOINERS


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
    return all(w in LEADERS for w in before) or before[-1] in JOINERS
