"""Whom a thing is made for: men, women, youth, toddlers, kids, all; read from words and letters.

Only the vocabulary is here. What the audience means for a size belongs to the size modules.
"""

from __future__ import annotations

from soleflip_pipelines.catalog.text import is_blank, tokens

LETTERS = {"men": "M", "women": "W", "youth": "Y", "toddler": "C"}
AUDIENCE_OF_LETTER = {
    "M": "men", "MEN": "men", "MENS": "men", "W": "women", "WMNS": "women", "WOMEN": "women",
    "WOMENS": "women", "Y": "youth", "J": "youth", "GS": "youth", "C": "toddler", "K": "toddler",
    "T": "toddler", "TD": "toddler", "PS": "toddler", "KIDS": "kids", "KID": "kids",
    "YOUTH": "youth", "BIG KID": "youth", "BIG KIDS": "youth", "JUNIOR": "youth",
    "GRADE SCHOOL": "youth", "LITTLE KID": "toddler", "LITTLE KIDS": "toddler",
    "TODDLER": "toddler", "INFANT": "toddler", "PRESCHOOL": "toddler", "BABY": "toddler",
}  # fmt: skip
_AUDIENCE_WORDS = {
    "women": "w womens women woman wmns wmn female damen damenschuh frauen ladies lady femme girl",
    "youth": "gs youth grade junior juniors juniorenschuh big",
    "toddler": "td ps toddler infant infants preschool crib baby little bebe kleinkinder",
    "kids": "kids kid children childrens child kinder jungen madchen maedchen boys boy girls",
    "men": "men mens man male herren herrenschuh homme maenner manner",
    "unisex": "unisex adult adults erwachsene",
}
_PRESCHOOL = frozenset("ps preschool little".split())
_CHILDREN = frozenset(_AUDIENCE_WORDS["toddler"].split())
_WORD_AUDIENCE = {
    word: audience for audience, words in _AUDIENCE_WORDS.items() for word in words.split()
}


def audience_of(text: str | None) -> str:
    """Whom a gender field or a title speaks of: men, women, youth, toddler, kids, unisex or blank.

    Of several the first stands, save that unisex yields to any other.
    """
    if is_blank(text):
        return ""
    found = [_WORD_AUDIENCE[word] for word in tokens(text or "") if word in _WORD_AUDIENCE]
    return next((a for a in found if a != "unisex"), found[0] if found else "")


def is_other_child(one: str, other: str) -> bool:
    """Whether one title is for preschoolers and the other for toddlers: two products."""
    first, second = (_CHILDREN & set(tokens(title)) for title in (one, other))
    return bool(first and second) and (first <= _PRESCHOOL) != (second <= _PRESCHOOL)


def us_text(audience: str, value: str) -> str:
    """A US number as the marketplace writes it: `10` for men, `9.5W`, `6Y`, `7C`."""
    return value + {"women": "W", "youth": "Y", "toddler": "C"}.get(audience, "")
