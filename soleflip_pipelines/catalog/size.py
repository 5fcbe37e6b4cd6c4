"""What a size text means: system, audience, value, and one key for every spelling of a size.

The `size_key` is the master size. US shoe sizes carry their audience: `US M 10.5`, `US W 9.5`,
`US Y 6` (youth), `US C 3` (child). UK, EU and CM sizes become US ones where the maker's chart has
exactly one answer, else they stay `UK 6`, `EU 42 2/3`, `CM 27.5`. Clothes are `ALPHA XL`,
`W34 L32`, `W34`, `EU 36-38`; caps `CAP 7 1/4`; graded cards `PSA 10`; what has no size is `ONE`,
and what nobody understands `OTHER <text>`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from soleflip_pipelines.catalog.brand import FOOTWEAR
from soleflip_pipelines.catalog.rules import Rules, default_rules
from soleflip_pipelines.catalog.size_chart import KIDS, SizeCharts
from soleflip_pipelines.catalog.text import fold, is_blank, tokens

CACHE_SIZE = 200_000
LETTERS = {"men": "M", "women": "W", "youth": "Y", "toddler": "C"}
_AUDIENCE_OF_LETTER = {
    "M": "men", "MEN": "men", "MENS": "men", "W": "women", "WMNS": "women", "WOMEN": "women",
    "WOMENS": "women", "Y": "youth", "J": "youth", "GS": "youth", "C": "toddler", "K": "toddler",
    "T": "toddler", "TD": "toddler", "PS": "toddler",
}  # fmt: skip
_AUDIENCE_WORDS = {
    "women": "w womens women woman wmns wmn female damen damenschuh frauen ladies lady femme girl",
    "youth": "gs youth grade junior juniors juniorenschuh big",
    "toddler": "td ps toddler infant infants preschool crib baby little bebe kleinkinder",
    "kids": "kids kid children childrens child kinder jungen madchen maedchen boys boy girls",
    "men": "men mens man male herren herrenschuh homme maenner manner",
    "unisex": "unisex adult adults erwachsene",
}
_WORD_AUDIENCE = {
    word: audience for audience, words in _AUDIENCE_WORDS.items() for word in words.split()
}
_FRACTIONS = str.maketrans(
    {"½": " 1/2", "⅓": " 1/3", "⅔": " 2/3", "¼": " 1/4", "¾": " 3/4", "⅛": " 1/8", "⅜": " 3/8",
     "⅝": " 5/8", "⅞": " 7/8"}
)  # fmt: skip
_LABELS = re.compile(
    r"^(?:(?:SHOE )?SIZE|SIZES|(?:SCHUH)?GR(?:OSSE|OESSE)?|SZ|TAILLE|TALLA)\b[.:]?"
)
_ONE = re.compile(
    r"(?:ONE ?-?SIZE(?: FITS (?:ALL|MOST))?|O/?S|OSFA|OSFM|OSZ|1 ?SIZE|NO ?SIZE|UNI|UNIVERSAL|TU"
    r"|EINHEITSGROSSE|EINHEITSGROESSE|ONESIZE|TAILLE UNIQUE|UNICA|NOSIZE|FREE SIZE|SINGLE)"
)
_ALPHA_NAMES = {
    "EXTRA SMALL": "XS", "X-SMALL": "XS", "X SMALL": "XS", "XSMALL": "XS", "SMALL": "S",
    "MEDIUM": "M", "LARGE": "L", "X-LARGE": "XL", "X LARGE": "XL", "XLARGE": "XL",
    "EXTRA LARGE": "XL", "XX-LARGE": "XXL", "XX LARGE": "XXL", "XXLARGE": "XXL",
    "XX-SMALL": "XXS", "SM": "S", "MD": "M", "LG": "L", "MED": "M", "LRG": "L", "SML": "S",
    "XLG": "XL", "XSM": "XS",
}  # fmt: skip
_ALPHA = r"(?:\d{1,2}X[SL]|X{0,5}[SL]|M)"
_ALPHA_ONE = re.compile(_ALPHA)
_ALPHA_TWO = re.compile(rf"({_ALPHA}) ?[/-] ?({_ALPHA})")
_ALPHA_NOTED = re.compile(rf"({_ALPHA}) ?(?:/|-|\() ?(?:MEN|WOMEN|KIDS|US|EU|UK|W|\d).*")
_ALPHA_REGION = re.compile(
    rf"(?:US|EU|UK|ASIA|JP|INT|MEN|WOMEN)S? ({_ALPHA})|({_ALPHA}) ?(?:TALL|SHORT|LONG|REGULAR)"
)
_WAIST = (
    re.compile(r"W ?(\d{2})(?: ?[/X,-]? ?L ?(\d{2}))?"),
    re.compile(r"(\d{2}) ?W(?:AIST)?(?: ?[/X,-]? ?(\d{2}) ?L(?:ENGTH)?)?"),
    re.compile(r"([2-5]\d) ?[/X] ?([23]\d)"),
    re.compile(r"([2-5]\d)(?:\"| ?IN(?:CH|CHES)?)?(?: WAIST)()?"),
)
_NUMBER = r"\d{1,3}(?:\.\d+)?(?: \d/\d)?"
_SYSTEMS = {
    "US": "US", "USA": "US", "UK": "UK", "EU": "EU", "EUR": "EU", "EURO": "EU",
    "FR": "EU", "DE": "EU", "CM": "CM", "JP": "CM", "JPN": "CM", "KR": "KR", "MM": "KR",
    "IT": "IT", "AU": "AU", "BR": "BR", "CN": "CN",
}  # fmt: skip
_SYSTEM = "|".join(sorted(_SYSTEMS, key=len, reverse=True))
_LETTER = "WOMENS|WOMEN|WMNS|MENS|MEN|GS|PS|TD|[MWYCKJT]"
_WIDTH = r"(?: ?(?:[2-6]?E{1,4}|WIDE|[DB]\(M\)|D|B|NARROW|MEDIUM WIDTH))?"
_PREFIXED = re.compile(
    rf"(?:({_LETTER})(?=[ \d]) ?)?(?:({_SYSTEM})(?=[\d :]) ?:? ?)?(?:({_LETTER})(?=[ \d]) ?)?"
    rf"({_NUMBER}) ?({_LETTER})?{_WIDTH}"
)
_SUFFIXED = re.compile(rf"({_NUMBER}) ?({_LETTER})?{_WIDTH} ?({_SYSTEM}) ?({_LETTER})?")
_PARTS = re.compile(r" ?[/|] ?")
_RANGE = re.compile(
    r"(?:(EU|UK|US) ?)?(\d{1,3}(?:\.5)?) ?[-/] ?(\d{1,3}(?:\.5)?)(?: ?(EU|UK|US|CM))?"
)
_AGE = re.compile(r"(\d{1,2}(?:-\d{1,2})?) ?(T|M|MONTHS?|MONATE|Y|YEARS?|YRS|JAHRE)")
_GRADE = re.compile(r"(PSA|BGS|CGC|SGC) ?(\d{1,2}(?:\.5)?)")
_NOTE = re.compile(r"^(.+?) ?\(([^)]*)\)$")
_EIGHTHS = {".125": " 1/8", ".25": " 1/4", ".375": " 3/8", ".5": " 1/2", ".625": " 5/8",
            ".75": " 3/4", ".875": " 7/8"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SizeResult:
    """One size; `us_size` as the marketplace writes it (`9.5W`, `6Y`), `eu_size` as the maker does.

    `also` holds the keys of equal sizes that the text itself names (`9.5W / 8M`).
    """

    system: str
    audience: str
    value: str | None
    size_key: str
    us_size: str | None = None
    eu_size: str | None = None
    confidence: float = 0.0
    also: tuple[str, ...] = ()


NO_SIZE = SizeResult("NONE", "", None, "ONE", confidence=0.9)
ONE_SIZE = SizeResult("ONE", "", None, "ONE", confidence=0.97)


@dataclass(frozen=True, slots=True)
class _Context:
    brand: str | None
    audience: str
    category: str

    @property
    def is_shoe(self) -> bool:
        return self.category in FOOTWEAR or not self.category


def audience_of(text: str | None) -> str:
    """Whom a gender field or a title speaks of: men, women, youth, toddler, kids, unisex or blank.

    Of several the first stands, save that unisex yields to any other.
    """
    if is_blank(text):
        return ""
    found = [_WORD_AUDIENCE[word] for word in tokens(text or "") if word in _WORD_AUDIENCE]
    return next((a for a in found if a != "unisex"), found[0] if found else "")


class SizeParser:
    """Reads sizes by one set of charts."""

    def __init__(self, rules: Rules) -> None:
        """Take the charts of `rules`."""
        self._charts = SizeCharts(rules)
        self._memory: dict[tuple[str, _Context], SizeResult] = {}

    def parse(
        self,
        raw: str | None,
        *,
        brand: str | None = None,
        audience: str | None = None,
        category: str | None = None,
    ) -> SizeResult:
        """What a size text means in its context.

        Args:
            raw: the text as the marketplace or supplier wrote it.
            brand: whose chart converts; None leaves UK, EU and CM sizes as they are.
            audience: a gender field or any text that names the audience.
            category: one of the eight; blank reads bare numbers as shoe sizes.
        """
        if raw is None or is_blank(raw):
            return NO_SIZE
        context = _Context(brand, audience_of(audience), category or "")
        size = self._memory.get((raw, context))
        if size is None:
            if len(self._memory) >= CACHE_SIZE:
                self._memory.clear()
            size = self._memory[raw, context] = self._parse(_clean(raw), context)
        return size

    def _parse(self, text: str, context: _Context) -> SizeResult:
        for reader in (_one, _alpha, _grade, _waist, _age, _numbered, _several, _range):
            result = reader(text, context)
            if result is not None:
                return self._converted(result, context)
        if (noted := _NOTE.fullmatch(text)) is not None:
            return self._noted(noted[1], noted[2], context)
        return SizeResult("OTHER", "", text, f"OTHER {text}", confidence=0.3)

    def _noted(self, main: str, note: str, context: _Context) -> SizeResult:
        """`CM 23.5 (US M 4.5)`: the note tells which of two sizes is meant."""
        if note in _AUDIENCE_OF_LETTER:
            return self._parse(f"{main} {note}", context)
        result = self._parse(main, context)
        if result.size_key.startswith("US ") or result.system not in ("UK", "EU", "CM", "KR"):
            return result
        told = self._parse(note, context)
        if not told.size_key.startswith("US "):
            return result
        return replace(told, system=result.system, value=result.value, also=(result.size_key,))

    def _converted(self, size: SizeResult, context: _Context) -> SizeResult:
        if size.system == "US" and size.audience in LETTERS:
            eu = self._charts.to_eu(context.brand, size.audience, size.value or "")
            return replace(size, eu_size=size.eu_size or eu)
        if size.system not in ("UK", "EU", "CM", "KR") or not context.is_shoe or not size.value:
            return size
        system, value = size.system, size.value
        if system == "KR":
            system, value = "CM", f"{float(value) / 10:g}"
        found = self._charts.to_us(context.brand, _charts_for(context, size), system, value)
        if found is None:
            return size
        audience, us = found
        shown = size.audience or audience
        return replace(
            size,
            audience=shown,
            size_key=f"US {LETTERS[audience]} {us}",
            us_size=_us_text(audience, us),
            eu_size=size.value
            if size.system == "EU"
            else self._charts.to_eu(context.brand, audience, us),
            confidence=min(size.confidence, 0.9),
            also=(*size.also, size.size_key),
        )


def _charts_for(context: _Context, size: SizeResult) -> tuple[str, ...]:
    audience = size.audience or context.audience
    if audience == "kids":
        return KIDS
    return (audience,) if audience in LETTERS else ("men",)


def _clean(raw: str) -> str:
    text = fold(raw.translate(_FRACTIONS)).upper()
    text = re.sub(r"(?<=\d),(?=\d)", ".", text)
    text = re.sub(r"[\s_]+", " ", text.replace("'", "").replace('"', "")).strip(" .:;")
    return re.sub(r"(?<=\d)\.0+(?!\d)", "", _LABELS.sub("", text).strip())


def _value(number: str, system: str) -> str:
    """One spelling of a number: thirds for EU, eighths for caps, no idle zeros."""
    whole, dot, decimals = number.partition(".")
    if not dot:
        return re.sub(r" 1/2$", ".5", whole) if system != "CAP" else whole
    if system == "EU" and decimals[0] == "3":
        return f"{whole} 1/3"
    if system == "EU" and decimals[0] in "67" and decimals != "75":
        return f"{whole} 2/3"
    if system == "CAP":
        return whole + _EIGHTHS.get(f".{decimals.rstrip('0')}", f".{decimals}")
    return f"{float(number):g}"


def _us_text(audience: str, value: str) -> str:
    return value + {"women": "W", "youth": "Y", "toddler": "C"}.get(audience, "")


def _one(text: str, _: _Context) -> SizeResult | None:
    return ONE_SIZE if _ONE.fullmatch(text) else None


def _alpha(text: str, _: _Context) -> SizeResult | None:
    named = _ALPHA_NAMES.get(text, text)
    if _ALPHA_ONE.fullmatch(named):
        return _letters(named)
    spelt = "/".join(_ALPHA_NAMES.get(part, part) for part in _PARTS.split(text))
    if match := _ALPHA_TWO.fullmatch(spelt):
        one, other = _letters(match[1]), _letters(match[2])
        value = f"{one.value}/{other.value}"
        return SizeResult("ALPHA", "", value, f"ALPHA {value}", confidence=0.97)
    if match := _ALPHA_REGION.fullmatch(named):
        return _letters(match[1] or match[2])
    if match := _ALPHA_NOTED.fullmatch(named):
        return _letters(match[1])
    return None


def _letters(letters: str) -> SizeResult:
    """`2XL` and `XXL` are one size, and so on up; from four on the number is the spelling."""
    match = re.fullmatch(r"(\d*)(X*)([SML])", letters)
    if match is None:
        raise ValueError(letters)
    count = int(match[1]) if match[1] else len(match[2])
    value = ("X" * count if count <= 3 else f"{count}X") + match[3]
    return SizeResult("ALPHA", "", value, f"ALPHA {value}", confidence=0.97)


def _several(text: str, context: _Context) -> SizeResult | None:
    """`9.5W / 8M`, `EU 42 / US 8.5`: one size in several countings, each named."""
    parts = [_numbered(part, context) for part in _PARTS.split(text)]
    sizes = [size for size in parts if size is not None and size.confidence >= 0.95]
    if len(sizes) < 2 or len(sizes) < len(parts):
        return None
    keys = [size.size_key for size in sizes]
    wanted = "US W" if context.audience == "women" else "US M"
    main = next((size for size in sizes if size.size_key.startswith(wanted)), None)
    main = main or next((size for size in sizes if size.system == "US"), sizes[0])
    eu = next((size.value for size in sizes if size.system == "EU"), None)
    is_both = {key[:4] for key in keys} == {"US M", "US W"} and context.audience != "women"
    return replace(
        main,
        audience="unisex" if is_both else main.audience,
        eu_size=main.eu_size or eu,
        also=tuple(dict.fromkeys(key for key in keys if key != main.size_key)),
    )


def _grade(text: str, _: _Context) -> SizeResult | None:
    match = _GRADE.fullmatch(text)
    if match is None:
        return None
    return SizeResult("GRADE", "", match[2], f"{match[1]} {match[2]}", confidence=0.97)


def _waist(text: str, context: _Context) -> SizeResult | None:
    for pattern in _WAIST:
        match = pattern.fullmatch(text)
        if match is None:
            continue
        waist, length = match[1], match[2]
        if pattern is _WAIST[2] and int(waist) % 2 == 0 and int(length) - int(waist) == 2:
            return None  # 36/38 is two EU sizes, no trousers
        if not length and int(waist) < 20:
            return None
        key = f"W{waist} L{length}" if length else f"W{waist}"
        value = f"{waist}/{length}" if length else waist
        return SizeResult("WAIST", context.audience, value, key, confidence=0.95)
    return None


def _age(text: str, context: _Context) -> SizeResult | None:
    """Ages of children's clothes; a shoe's `6Y` is a US size, and `12 M` never an age."""
    match = _AGE.fullmatch(text)
    if match is None or (context.is_shoe and len(match[2]) == 1):
        return None
    unit = "M" if match[2].startswith("M") else "Y"
    if match[2] == "M" and "-" not in match[1] and context.audience not in ("kids", "toddler"):
        return None
    return SizeResult("AGE", "kids", match[1], f"AGE {match[1]}{unit}", confidence=0.85)


def _numbered(text: str, context: _Context) -> SizeResult | None:
    if match := _SUFFIXED.fullmatch(text):
        return _in_system(_SYSTEMS[match[3]], match[1], match[2] or match[4], context, 0.97)
    match = _PREFIXED.fullmatch(text)
    if match is None:
        return None
    letter = match[1] or match[3] or match[5]
    if match[2]:
        return _in_system(_SYSTEMS[match[2]], match[4], letter, context, 0.97)
    if letter is None:
        return _bare(match[4], context)
    system = "US" if float(match[4].split(" ")[0]) < 19 else "EU"
    return _in_system(system, match[4], letter, context, 0.95)


def _in_system(
    system: str, number: str, letter: str | None, context: _Context, confidence: float
) -> SizeResult:
    value = _value(number, system)
    audience = _AUDIENCE_OF_LETTER.get(letter or "", "")
    if system != "US":
        shown = audience or context.audience
        eu = value if system == "EU" else None
        return SizeResult(system, shown, value, f"{system} {value}", None, eu, confidence)
    if not context.is_shoe and not audience:
        return SizeResult("US", context.audience, value, f"US {value}", value, None, confidence)
    audience = audience or _default_audience(context)
    if audience != (context.audience or audience) and not letter:
        confidence = 0.7
    key = f"US {LETTERS[audience]} {value}"
    is_open = not letter and context.audience in ("", "unisex")
    shown = context.audience if is_open else audience
    return SizeResult("US", shown, value, key, _us_text(audience, value), None, confidence)


def _default_audience(context: _Context) -> str:
    if context.audience == "kids":
        return "youth"
    return context.audience if context.audience in LETTERS else "men"


def _bare(number: str, context: _Context) -> SizeResult:
    """A number without a system: which system has such numbers for such things."""
    amount = float(number.split(" ")[0]) + (0.5 if " " in number else 0)
    if context.category == "headwear":
        if amount < 9:
            value = _value(number, "CAP")
            return SizeResult("CAP", "", value, f"CAP {value}", confidence=0.95)
        return _in_system("CM", number, None, context, 0.85)
    if not context.is_shoe:
        return _bare_clothes(number, amount, context)
    if amount >= 200:
        return _in_system("KR", number, None, context, 0.85)
    is_child = context.audience in ("kids", "youth", "toddler")
    if amount >= 34 or (is_child and amount >= 15.5):
        return _in_system("EU", number, None, context, 0.85)
    if amount >= 19:
        return _in_system("CM", number, None, context, 0.65)
    return _in_system("US", number, None, context, 0.85 if context.audience != "kids" else 0.6)


def _bare_clothes(number: str, amount: float, context: _Context) -> SizeResult:
    if context.category != "apparel":
        value = _value(number, "US")
        return SizeResult("OTHER", context.audience, value, f"OTHER {value}", confidence=0.5)
    if amount >= 80:
        return SizeResult("HEIGHT", "kids", number, f"HEIGHT {number}", confidence=0.8)
    if amount >= 40:
        return _in_system("EU", number, None, context, 0.7)
    if amount >= 23:
        return SizeResult("WAIST", context.audience, number, f"W{number}", confidence=0.7)
    return _in_system("US", number, None, context, 0.6)


def _range(text: str, context: _Context) -> SizeResult | None:
    """`EU 36/38`, `39-42`: one size that spans two numbers."""
    match = _RANGE.fullmatch(text)
    if match is None or float(match[2]) >= float(match[3]):
        return None
    system = match[1] or match[4] or _range_system(float(match[2]))
    value = f"{match[2]}-{match[3]}"
    return SizeResult(system, context.audience, value, f"{system} {value}", confidence=0.85)


def _range_system(lowest: float) -> str:
    if lowest >= 80:
        return "HEIGHT"
    return "EU" if lowest >= 16 else "US"


@lru_cache(maxsize=1)
def _default() -> SizeParser:
    return SizeParser(default_rules())


def parse_size(
    raw: str | None,
    *,
    brand: str | None = None,
    audience: str | None = None,
    category: str | None = None,
) -> SizeResult:
    """What a size text means by the project's own charts; see `SizeParser.parse`."""
    return _default().parse(raw, brand=brand, audience=audience, category=category)
