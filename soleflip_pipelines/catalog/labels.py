"""How people who label data write categories, codes, sizes and audiences, made comparable.

Two spellings of one thing are equal here (`2XL`, `XXL`), two things never are. What the detectors
answer is theirs; how answers are counted is in `evaluation`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction

from soleflip_pipelines.catalog.audience import audience_of
from soleflip_pipelines.catalog.brand_facts import FOOTWEAR
from soleflip_pipelines.catalog.category import CATEGORIES
from soleflip_pipelines.catalog.size_result import SizeResult
from soleflip_pipelines.catalog.size_text import clean
from soleflip_pipelines.catalog.style_code import code_key
from soleflip_pipelines.catalog.text import is_blank

_CATEGORY_WORDS = {
    "footwear": "footwear shoe shoes schuhe",
    "sneakers": "sneaker trainers trainer",
    "apparel": "clothing clothes garment garments streetwear kleidung bekleidung",
    "headwear": "hat hats cap caps headgear",
    "bags": "bag luggage handbags backpacks taschen",
    "accessories": "accessory accessoires jewelry jewellery watches watch",
    "collectibles": "collectible collectables collectable toys toy cards trading_cards",
    "electronics": "electronic tech gaming console consoles",
}
_CATEGORY_OF = {
    word.replace("_", " "): category
    for category, words in _CATEGORY_WORDS.items()
    for word in words.split()
}
_OTHER_SHOES = frozenset("boots boot sandals sandal slides slippers clogs heels flats".split())

NO_SIZE = frozenset("NONE ONE ONESIZE OS OSFA OSFM NA NOSIZE".split())
_SYSTEM_WORDS = {
    "US": "USA", "UK": "GB", "EU": "EUR EURO FR DE", "CM": "JP JPN MONDO", "KR": "MM KOREA",
    "ALPHA": "LETTER LETTERS INT INTL LETTERSIZE ALPHANUMERIC",
    "WAIST": "W INCH INCHES JEANS WL WAISTLENGTH",
    "CAP": "HAT FITTED HEAD HEADWEAR", "AGE": "YEARS MONTHS TODDLERAGE", "HEIGHT": "BODYHEIGHT",
    "GRADE": "GRADED PSA BGS", "OTHER": "UNKNOWN",
}  # fmt: skip
_SYSTEM_OF = {word: system for system, words in _SYSTEM_WORDS.items() for word in words.split()}
# A fitted cap's size is a US one, a child's height is in centimetres and an EU size.
_ALSO_CALLED = {"CAP": frozenset({"US"}), "HEIGHT": frozenset({"CM", "EU"}),
                "AGE": frozenset({"US", "KIDS"}), "GRADE": frozenset(NO_SIZE)}  # fmt: skip
_AUDIENCE_LETTERS = {
    "m": "men", "w": "women", "y": "youth", "j": "youth", "gs": "youth", "c": "toddler",
    "td": "toddler", "t": "toddler", "i": "toddler", "k": "kids", "ps": "kids", "u": "unisex",
    "infant": "kids", "preschool": "kids", "child": "kids",
}  # fmt: skip
_KIDS = frozenset({"kids", "youth", "toddler"})
_NEAR = Fraction(7, 100)  # 42.6 and 42.7 are ways to write 42 2/3; 42.5 is none
_NUMBERS = re.compile(r"\d+ \d/\d|\d+(?:\.\d+)?")
_LETTERS = re.compile(r"(\d*)(X*)(S|M|L)")


def categories_of(names: Iterable[str]) -> frozenset[str]:
    """Our categories that labels hold: `footwear` is two of them, `Hats` is headwear."""
    found: set[str] = set()
    for name in names:
        folded = " ".join(name.casefold().replace("_", " ").split())
        category = _CATEGORY_OF.get(folded, folded)
        if category == "footwear":
            found |= FOOTWEAR
        else:
            found.add("other footwear" if category in _OTHER_SHOES else category)
    return frozenset(found & set(CATEGORIES))


def code_keys(label: str) -> frozenset[str]:
    """The keys of the codes in a label that may hold several; none for a blank."""
    if is_blank(label):
        return frozenset()
    return frozenset(filter(None, map(code_key, (label, *re.split(r"\s*[/|;,]\s*", label)))))


def audience_label(text: str) -> str:
    """The audience that a label means; blank where it means none."""
    folded = text.strip().casefold()
    return "" if is_blank(text) else _AUDIENCE_LETTERS.get(folded) or audience_of(text)


def system_label(text: str) -> str:
    """The system that a label means, `NONE` for every way to say that there is no size."""
    word = re.sub(r"[^A-Z]", "", text.upper())
    return "NONE" if word in NO_SIZE else _SYSTEM_OF.get(word, word)


def is_same_size(found: SizeResult, system: str, gender: str, value: str) -> bool:
    """Whether an answer says what the label says, or names it among equal sizes (`EU 43 / US 9`).

    Args:
        found: the answer.
        system: the label's system, as written.
        gender: the label's audience, as written; blank asks for none.
        value: the label's value, as written.
    """
    wanted, audience = system_label(system), audience_label(gender)
    given = system_label(found.system)
    if wanted == "NONE":
        return given in ("NONE", "GRADE")
    answers = [(given, found.audience, found.value or "")]
    answers += [_of_key(key) for key in found.also]
    return any(
        (name == wanted or wanted in _ALSO_CALLED.get(name, ()))
        and _meet(audience, whom)
        and _is_same_value(name, number, value, [v for _, _, v in answers])
        for name, whom, number in answers
    )


def _of_key(key: str) -> tuple[str, str, str]:
    system, _, rest = key.partition(" ")
    letter, _, number = rest.partition(" ")
    if system == "US" and number:
        return system, _AUDIENCE_LETTERS.get(letter.casefold(), ""), number
    return system, "", rest


def _is_same_value(system: str, given: str, label: str, every: list[str]) -> bool:
    if system == "ALPHA":
        return _letters(given) == _letters(label)
    numbers, wanted = _amounts(given), _amounts(label)
    if not wanted:
        return clean(given) == clean(label)
    if system == "WAIST" and len(wanted) == 1:
        return _near(numbers[:1], wanted)  # a label may leave the length out
    if len(wanted) > len(numbers):  # `M10/W12` as one value
        return all(any(_near(_amounts(one), [w]) for one in every) for w in wanted)
    return _near(numbers, wanted)


def _letters(text: str) -> tuple[str, ...]:
    parts = re.split(r"[/-]", re.sub(r"\s", "", clean(text)))
    return tuple(
        f"{(int(m[1]) if m[1] else len(m[2]))}{m[3]}" if (m := _LETTERS.fullmatch(part)) else part
        for part in parts
    )


def _amounts(text: str) -> list[Fraction]:
    parts = [number.split() for number in _NUMBERS.findall(clean(text))]
    return [Fraction(whole[0]) + sum(map(Fraction, whole[1:])) for whole in parts]


def _near(one: list[Fraction], other: list[Fraction]) -> bool:
    return len(one) == len(other) and all(
        abs(a - b) < _NEAR for a, b in zip(one, other, strict=True)
    )


def _meet(wanted: str, given: str) -> bool:
    """Whether two audiences can be the same people; kids are youth or toddlers."""
    if not wanted or not given or wanted == given:
        return True
    pair = {wanted, given}
    return ("kids" in pair and pair <= _KIDS) or ("unisex" in pair and not pair & _KIDS)
