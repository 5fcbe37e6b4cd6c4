"""Sizes that are numbers: with a system (`EU 42 2/3`), several (`9.5W / 8M`), spans, bare ones.

Each reader gets a cleaned text and answers with a size, or None if the text is not of its kind.
Nothing is converted here: a UK size stays one until `size` asks the maker's chart.
"""

from __future__ import annotations

import re
from dataclasses import replace

from soleflip_pipelines.catalog.audience import AUDIENCE_OF_LETTER, LETTERS, us_text
from soleflip_pipelines.catalog.size_result import SizeContext, SizeResult
from soleflip_pipelines.catalog.size_text import PARTS, UNSIZED

_NUMBER = r"\d{1,3}(?:\.\d+)?(?: \d/\d)?"
_SYSTEMS = {
    "US": "US", "USA": "US", "UK": "UK", "EU": "EU", "EUR": "EU", "EURO": "EU",
    "FR": "EU", "DE": "EU", "CM": "CM", "JP": "CM", "JPN": "CM", "KR": "KR", "MM": "KR",
    "IT": "IT", "AU": "AU", "BR": "BR", "CN": "CN", "CHN": "CN", "MONDO": "CM", "MP": "CM",
}  # fmt: skip
_SYSTEM = "|".join(sorted(_SYSTEMS, key=len, reverse=True))
_LETTER = "|".join(sorted(AUDIENCE_OF_LETTER, key=len, reverse=True))
_WIDTH = (
    r"(?: ?(?:[2-6]?E{1,4}|[DB]\(M\)|D|B"
    r"|\(?(?:WIDE|NARROW|MEDIUM(?: WIDTH)?|REGULAR|SCHMAL|NORMAL|WEIT|BREIT|LARGE|ETROIT)\)?))?"
)
_PREFIXED = re.compile(
    rf"(?:({_LETTER})(?=[ \d]) ?)?(?:({_SYSTEM})(?=[\d :-]) ?[:-]? ?)?(?:({_LETTER})(?=[ \d]) ?)?"
    rf"({_NUMBER}) ?({_LETTER})?{_WIDTH}(?: ?[MC]M)?"
)
_SUFFIXED = re.compile(rf"({_NUMBER}) ?({_LETTER})?{_WIDTH} ?({_SYSTEM}) ?({_LETTER})?")
_RANGE = re.compile(
    r"(?:(EU|UK|US|[CJ]) ?)?(\d{1,3}(?:\.5)?) ?[-/] ?(\d{1,3}(?:\.5)?)(?: ?(EU|UK|US|CM))?"
)
# Where one size ends and the next begins: `US 9 EU 43`, `M10W12`, `9M 10.5W`, `EU 42 - US 8.5`.
_APART = re.compile(
    rf"(?<=[\d½MWY]) ?-? ?(?=(?:{_SYSTEM}) ?[MW]? ?\d)|(?<=\d)[ -]?(?=[MW]\d)|(?<=\d[MW]) (?=\d)"
    r"|(?<=[A-Z]) - (?=\d)"
)
_EIGHTHS = {".125": " 1/8", ".25": " 1/4", ".375": " 3/8", ".5": " 1/2", ".625": " 5/8",
            ".75": " 3/4", ".875": " 7/8"}  # fmt: skip


def read_number(text: str, context: SizeContext) -> SizeResult | None:
    """`US 10.5`, `9 2E`, `7C`, `42.5`: one number, with or without its system."""
    if context.category in UNSIZED:
        return None
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


def read_several(text: str, context: SizeContext) -> SizeResult | None:
    """`9.5W / 8M`, `EU 42 / US 8.5`: one size in several countings, each named."""
    parts = [read_number(part, context) for part in PARTS.split(_APART.sub("/", text))]
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


def read_range(text: str, context: SizeContext) -> SizeResult | None:
    """`EU 36/38`, `39-42`: one size that spans two numbers."""
    match = _RANGE.fullmatch(text)
    if match is None or float(match[2]) >= float(match[3]):
        return None
    low, high = float(match[2]), float(match[3])
    if low < 19 and high >= 33:
        return None  # 10 / 44: no span
    letter = match[1] if match[1] in AUDIENCE_OF_LETTER else None
    system = "US" if letter else match[1] or match[4] or _range_system(low, context)
    value = f"{match[2]}-{match[3]}"
    audience = AUDIENCE_OF_LETTER[letter] if letter else context.audience
    return SizeResult(system, audience, value, f"{system} {value}", confidence=0.85)


def _range_system(lowest: float, context: SizeContext) -> str:
    if context.category == "headwear" and lowest >= 40:
        return "CM"
    if _is_height(lowest, context):
        return "HEIGHT"
    return "EU" if lowest >= 16 else "US"


def _is_height(amount: float, context: SizeContext) -> bool:
    """Whether a number of clothes is a child's height in cm; the smallest wear 44."""
    is_child = context.audience in ("kids", "youth", "toddler")
    return amount >= (44 if is_child else 80) and not context.is_shoe


def _in_system(
    system: str, number: str, letter: str | None, context: SizeContext, confidence: float
) -> SizeResult:
    value = _value(number, system)
    audience = AUDIENCE_OF_LETTER.get(letter or "", "")
    is_clothes = context.category == "apparel"
    if system == "CM" and is_clothes and _is_height(float(value.split(" ")[0]), context):
        return SizeResult("HEIGHT", "kids", value, f"HEIGHT {value}", confidence=0.85)
    if system == "KR" and not context.is_shoe:
        system = "MM"  # a watch's case
    if system != "US":
        shown = audience or context.audience
        eu = value if system == "EU" else None
        return SizeResult(system, shown, value, f"{system} {value}", None, eu, confidence)
    if not context.is_shoe and not audience:
        return SizeResult("US", context.audience, value, f"US {value}", value, None, confidence)
    shown_kids = audience == "kids"
    if shown_kids:
        audience = "youth" if float(value.split(" ")[0]) <= 7 else "toddler"
    audience = audience or _default_audience(context)
    if audience != (context.audience or audience) and not letter:
        confidence = 0.7
    key = f"US {LETTERS[audience]} {value}"
    is_open = not letter and context.audience in ("", "unisex")
    shown = context.audience if is_open else "kids" if shown_kids else audience
    return SizeResult("US", shown, value, key, us_text(audience, value), None, confidence)


def _default_audience(context: SizeContext) -> str:
    if context.audience == "kids":
        return "youth"
    return context.audience if context.audience in LETTERS else "men"


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
    # "9.5 1/2" is no number that anybody means: it stays as it is written.
    return number if " " in number else f"{float(number):g}"


def _bare(number: str, context: SizeContext) -> SizeResult:
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


def _bare_clothes(number: str, amount: float, context: SizeContext) -> SizeResult:
    if context.category != "apparel":
        value = _value(number, "US")
        return SizeResult("OTHER", context.audience, value, f"OTHER {value}", confidence=0.5)
    if _is_height(amount, context):
        return SizeResult("HEIGHT", "kids", number, f"HEIGHT {number}", confidence=0.8)
    if amount >= 40:
        return _in_system("EU", number, None, context, 0.7)
    if amount >= 23:
        return SizeResult("WAIST", context.audience, number, f"W{number}", confidence=0.7)
    return _in_system("US", number, None, context, 0.6)
