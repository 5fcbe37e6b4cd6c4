"""Sizes that are no number in a system: letters, waists, ages, grades, and one size for all.

Each reader gets a cleaned text and answers with a size, or None if the text is not of its kind.
Numbers with or without a system belong to `size_number`.
"""

from __future__ import annotations

import re

from soleflip_pipelines.catalog.brand_facts import FOOTWEAR
from soleflip_pipelines.catalog.size_result import ONE_SIZE, SizeContext, SizeResult
from soleflip_pipelines.catalog.text import fold

# What is measured by its content or not at all: 1TB, 35L, 400%.
UNSIZED = frozenset({"bags", "collectibles", "electronics"})
_FRACTIONS = str.maketrans(
    {"½": " 1/2", "⅓": " 1/3", "⅔": " 2/3", "¼": " 1/4", "¾": " 3/4", "⅛": " 1/8", "⅜": " 3/8",
     "⅝": " 5/8", "⅞": " 7/8"}
)  # fmt: skip
_LABELS = re.compile(
    r"^(?:(?:SHOE )?SIZE|SIZES|(?:SCHUH|KLEIDER)?GR(?:OSSE|OESSE)?|SZ|TAILLE|TALLA|TAGLIA|TGL?|MAAT"
    r"|ROZMIAR|ROZM?|POINTURE|NUMERO|N°|N[RO](?=[. ]*\d)|T(?=\. ?\d| \d|[3-5]\d)|STORLEK|STR"
    r"|KOKO|MT(?= ?\d)|R(?=\. ?\d))(?=[. :\d]|$)[.:]*"
)
_ONE = re.compile(
    r"(?:ONE|ONE ?-?SIZE(?: FITS (?:ALL|MOST))?|O/?S|OSFA|OSFM|OSZ|1 ?SIZE|NO ?SIZE|UNI|UNIVERSAL"
    r"|TU|EINHEITSGROSSE|EINHEITSGROESSE|ONESIZE|UNIQUE|UNICA|UNICO|NOSIZE|FREE(?: ?SIZE)?|SINGLE"
    r"|UNISIZE|UNIWERSALNY|EENHEIDSMAAT|ONE-SIZE-FITS-(?:ALL|MOST)|REGOLABILE|AJUSTABLE|REGLABLE"
    r"|ADJUSTABLE|SNAPBACK|STRAPBACK|VERSTELLBAR|U|1SZ)"
)
_ALPHA_NAMES = {
    "EXTRA SMALL": "XS", "X-SMALL": "XS", "X SMALL": "XS", "XSMALL": "XS", "SMALL": "S",
    "MEDIUM": "M", "LARGE": "L", "X-LARGE": "XL", "X LARGE": "XL", "XLARGE": "XL",
    "EXTRA LARGE": "XL", "XX-LARGE": "XXL", "XX LARGE": "XXL", "XXLARGE": "XXL",
    "XX-SMALL": "XXS", "SM": "S", "MD": "M", "LG": "L", "MED": "M", "LRG": "L", "SML": "S",
    "2X-LARGE": "2XL", "3X-LARGE": "3XL", "4X-LARGE": "4XL", "2X LARGE": "2XL", "XXX-LARGE": "3XL",
    "2XLARGE": "2XL", "3XLARGE": "3XL", "XXLG": "XXL",
    "XLG": "XL", "XSM": "XS", "1X": "XL", "2X": "2XL", "3X": "3XL", "4X": "4XL", "S/P": "S",
    "L/G": "L",
}  # fmt: skip
_ALPHA_WORD = re.compile(rf"\b(?:{'|'.join(sorted(_ALPHA_NAMES, key=len, reverse=True))})\b")
_ALPHA = r"(?:\d{1,2}X[SL]|X{0,5}[SL]|M)"
_ALPHA_ONE = re.compile(_ALPHA)
_ALPHA_TWO = re.compile(rf"({_ALPHA}) ?[/-] ?({_ALPHA})")
_ALPHA_NOTED = re.compile(
    rf"({_ALPHA}) ?(?:/|-|\(| (?=\d\d[-/]|\d \d/)) ?(?:MEN|WOMEN|KIDS|US|EU|UK|W|\d).*"
    rf"|({_ALPHA}) ?= ?\d+"
)
_ALPHA_AFTER = re.compile(
    rf"[3-6]\d ?/ ?({_ALPHA})|[3-6]\d ?[-/] ?[3-6]\d ?\(?({_ALPHA})\)?|\d ?\(({_ALPHA})\)"
)
_WHOM = "MENS?|WOMENS?|WMNS|KIDS?|BOYS?|GIRLS?|YOUTH|UNISEX"
_REGION = "US|EUR?|UK|IT|FR|DE|ASIAN?|JP|CN|CA|KR|INT"
_ALPHA_REGION = re.compile(
    rf"(?:(?:{_REGION}|{_WHOM}|[WY]) ?)({_ALPHA})"
    rf"|({_ALPHA}) ?(?:T|TALL|SHORT|LONG|(?:REGULAR|SLIM|RELAXED|LOOSE)(?: FIT)?|{_REGION}|{_WHOM})"
)
_WAIST = (
    re.compile(r"W ?(\d{2})(?: ?[/X,-]? ?L ?(\d{2}))?"),
    re.compile(r"(\d{2}) ?W(?:AIST)?(?: ?[/X,-]? ?(\d{2}) ?L(?:ENGTH)?)?"),
    re.compile(r"([2-5]\d) ?[/X] ?([23]\d)"),
    re.compile(r"([2-5]\d)(?: ?IN(?:CH|CHES)?(?: WAIST)?| WAIST)()?"),
    re.compile(r"WAIST ?([2-5]\d)()?"),
    re.compile(r"(?:WEITE|BUNDWEITE) ?([2-5]\d)(?: ?[/,]? ?(?:LANGE|LAENGE) ?([23]\d))?"),
)
PARTS = re.compile(r" ?[/|] ?")
_MONTHS = "M|MONTHS?|MTHS|MONATE?|MOIS|MESI|MESES|MIESIECY|MAANDEN|MDR"
_AGE = re.compile(
    rf"([0-3]?\d(?:(?: ?[-/] ?|-)[0-3]?\d)?) ?(?:({_MONTHS})"
    r"|T|Y|YEARS?(?: OLD)?|YRS?|JAHRE?|ANS?|ANNI|ANOS|LAT|LATA|JAAR|AR)"
)
_TAILORED = re.compile(r"(\d{2,3}) ?(R|S|L|AA?|B|C|DD?|E|F|G)")
_GRADE = re.compile(r"(PSA|BGS|CGC|SGC) ?(\d{1,2}(?:\.5)?)")


def clean(raw: str) -> str:
    """Upper case, one kind of fraction, comma and blank, no label such as `Gr.` before it."""
    text = fold(raw.translate(_FRACTIONS)).upper()
    text = re.sub(r"(?<=\d),(?=\d)", ".", text)
    text = re.sub(r"(?<=\d)[-.](?=[1-7]/[2348](?!\d))", " ", text)
    text = re.sub(r"[\s_]+", " ", text.replace("'", "").replace('"', "")).strip(" .:;")
    return re.sub(r"(?<=\d)\.0+(?!\d)", "", _LABELS.sub("", text).strip())


def read_one_size(text: str, _: SizeContext) -> SizeResult | None:
    """`One Size`, `O/S`: the thing comes in one size."""
    return ONE_SIZE if _ONE.fullmatch(text) else None


def read_alpha(text: str, context: SizeContext) -> SizeResult | None:
    """`XL`, `Small/Medium`, `US L`: sizes by letter."""
    named = _ALPHA_NAMES.get(text) or _ALPHA_WORD.sub(lambda word: _ALPHA_NAMES[word[0]], text)
    if _ALPHA_ONE.fullmatch(named):
        return _letters(named)
    spelt = "/".join(_ALPHA_NAMES.get(part, part) for part in PARTS.split(text))
    if match := _ALPHA_TWO.fullmatch(spelt):
        one, other = _letters(match[1]), _letters(match[2])
        if one == other:
            return one  # M/M: the letter and the regular length
        value = f"{one.value}/{other.value}"
        return SizeResult("ALPHA", "", value, f"ALPHA {value}", confidence=0.97)
    if match := _ALPHA_REGION.fullmatch(named):
        return _letters(match[1] or match[2])
    if match := _ALPHA_NOTED.fullmatch(named):
        return _letters(match[1] or match[2])
    if not context.is_shoe and (match := _ALPHA_AFTER.fullmatch(named)):
        return _letters(next(filter(None, match.groups())))
    return None


def _letters(letters: str) -> SizeResult:
    """`2XL` and `XXL` are one size, and so on up; from four on the number is the spelling."""
    match = re.fullmatch(r"(\d*)(X*)([SML])", letters)
    if match is None:
        raise ValueError(letters)
    count = int(match[1]) if match[1] else len(match[2])
    value = ("X" * count if count <= 3 else f"{count}X") + match[3]
    return SizeResult("ALPHA", "", value, f"ALPHA {value}", confidence=0.97)


def read_tailored(text: str, context: SizeContext) -> SizeResult | None:
    """`40R`, `34B`: jackets by chest and length, bras by band and cup."""
    is_other = context.is_shoe or context.category in UNSIZED
    match = None if is_other else _TAILORED.fullmatch(text)
    if match is None:
        return None
    system, value = "US" if match[2] in "RSL" else "BRA", f"{match[1]}{match[2]}"
    return SizeResult(system, context.audience, value, f"{system} {value}", confidence=0.85)


def read_grade(text: str, _: SizeContext) -> SizeResult | None:
    """`PSA 10`: the grade of a card stands where others have a size."""
    match = _GRADE.fullmatch(text)
    if match is None:
        return None
    return SizeResult("GRADE", "", match[2], f"{match[1]} {match[2]}", confidence=0.97)


def read_waist(text: str, context: SizeContext) -> SizeResult | None:
    """`W34 L32`, `34x32`, `34`: trousers by waist and length, in inches."""
    for pattern in _WAIST:
        match = pattern.fullmatch(text)
        if match is None:
            continue
        waist, length = match[1], match[2]
        if pattern is _WAIST[2] and "/" in text and _is_double_size(int(waist), int(length)):
            return None
        if pattern is _WAIST[2] and context.category in FOOTWEAR:
            return None
        if not length and int(waist) < 20:
            return None
        key = f"W{waist} L{length}" if length else f"W{waist}"
        value = f"{waist}/{length}" if length else waist
        return SizeResult("WAIST", context.audience, value, key, confidence=0.95)
    return None


def _is_double_size(one: int, other: int) -> bool:
    """36/38 is two EU sizes of clothes; they begin at 34."""
    return one >= 34 and one % 2 == 0 and other - one == 2


def read_age(text: str, context: SizeContext) -> SizeResult | None:
    """Ages of children's clothes; a shoe's `6Y` is a US size, and `12 M` never an age."""
    match = _AGE.fullmatch(text)
    if match is None or (context.is_shoe and text[-2:-1] in " 0123456789"):
        return None
    unit, age = "M" if match[2] else "Y", re.sub(r" ?[-/] ?", "-", match[1])
    return SizeResult("AGE", "kids", age, f"AGE {age}{unit}", confidence=0.85)
