"""The master size of a text: one key for every spelling, by the maker's chart where that decides.

The `size_key` is the master size. US shoe sizes carry their audience: `US M 10.5`, `US W 9.5`,
`US Y 6` (youth), `US C 3` (child). UK, EU and CM sizes become US ones where the maker's chart has
exactly one answer, else they stay `UK 6`, `EU 42 2/3`, `CM 27.5`. Clothes are `ALPHA XL`,
`W34 L32`, `W34`, `EU 36-38`; caps `CAP 7 1/4`; graded cards `PSA 10`; what has no size is `ONE`,
and what nobody understands `OTHER <text>`.

This module asks the readers of `size_text` and `size_number` in turn and converts what they found.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache

from soleflip_pipelines.catalog.audience import AUDIENCE_OF_LETTER, LETTERS, audience_of, us_text
from soleflip_pipelines.catalog.rules import (
    Rules,
    SizeCorrection,
    default_rules,
    size_text_key,
)
from soleflip_pipelines.catalog.size_chart import KIDS, SizeCharts
from soleflip_pipelines.catalog.size_number import read_number, read_range, read_several
from soleflip_pipelines.catalog.size_result import NO_SIZE, SizeContext, SizeResult
from soleflip_pipelines.catalog.size_text import (
    clean,
    read_age,
    read_alpha,
    read_grade,
    read_one_size,
    read_tailored,
    read_waist,
)
from soleflip_pipelines.catalog.text import fold, is_blank

CACHE_SIZE = 200_000
# The first answer stands, so the narrow grammars come before the wide ones.
READERS = (
    read_one_size,
    read_alpha,
    read_grade,
    read_waist,
    read_age,
    read_tailored,
    read_number,
    read_several,
    read_range,
)
# A number that a German shop calls a size is one of clothes, no waist in inches.
_GERMAN = re.compile(r"\s*(?:kleider)?gr(?:osse|oesse)?\b[.: ]*(?:3[468]|[45][02468])\s*$")
_NOTE = re.compile(r"^(.+?) ?[(\[]([^)\]]*)[)\]]$")


class SizeParser:
    """Reads sizes by one set of charts."""

    def __init__(self, rules: Rules) -> None:
        """Take the charts of `rules`, and the owner's corrections, which win over every reader."""
        self._charts = SizeCharts(rules)
        self._corrections = rules.size_corrections
        self._memory: dict[tuple[str, SizeContext], SizeResult] = {}

    def parse(
        self,
        raw: str | None,
        *,
        brand: str | None = None,
        audience: str | None = None,
        category: str | None = None,
        product: str | None = None,
    ) -> SizeResult:
        """What a size text means in its context.

        Args:
            raw: the text as the marketplace or supplier wrote it.
            brand: whose chart converts; None leaves UK, EU and CM sizes as they are.
            audience: a gender field or any text that names the audience.
            category: one of the eight; blank reads bare numbers as shoe sizes.
            product: StockX's id, for what the owner says of one product alone.
        """
        context = SizeContext(brand, audience_of(audience), category or "")
        if self._corrections and (told := self._correction(raw or "", brand, product)) is not None:
            return self.corrected(told, context)
        if raw is None or is_blank(raw):
            return NO_SIZE
        size = self._memory.get((raw, context))
        if size is None:
            if len(self._memory) >= CACHE_SIZE:
                self._memory.clear()
            text = clean(raw)
            if context.category == "apparel" and _GERMAN.match(fold(raw)):
                text = f"EU {text}"
            size = self._memory[raw, context] = self._parse(text, context)
        return size

    def corrected(self, told: SizeCorrection, context: SizeContext) -> SizeResult:
        """A size that the owner named, converted like any other."""
        letter = LETTERS.get(told.audience, "") if told.system == "US" else ""
        named = {
            "US": f"US {letter} {told.value}", "ALPHA": told.value, "ONE": "One Size",
            "CAP": told.value, "WAIST": f"W{told.value.upper().removeprefix('W')}",
        }  # fmt: skip
        text = named.get(told.system, f"{told.system} {told.value}")
        category = {"CAP": "headwear", "WAIST": "apparel"}.get(told.system, context.category)
        context = SizeContext(context.brand, told.audience or context.audience, category)
        size = self._parse(clean(text), context)
        return replace(size, audience=told.audience or size.audience, confidence=1.0)

    def _correction(
        self, raw: str, brand: str | None, product: str | None
    ) -> SizeCorrection | None:
        key = size_text_key(raw)
        places = ((brand or "", product or ""), ("", product or ""), (brand or "", ""), ("", ""))
        found = (self._corrections.get((key, *place)) for place in places)
        return next(filter(None, found), None)

    def _parse(self, text: str, context: SizeContext) -> SizeResult:
        for reader in READERS:
            result = reader(text, context)
            if result is not None:
                return self._converted(result, context)
        if (noted := _NOTE.fullmatch(text)) is not None:
            return self._noted(noted[1], noted[2], context)
        return SizeResult("OTHER", "", text, f"OTHER {text}", confidence=0.3)

    def _noted(self, main: str, note: str, context: SizeContext) -> SizeResult:
        """`CM 23.5 (US M 4.5)`: the note tells which of two sizes is meant."""
        if note in AUDIENCE_OF_LETTER and main[-1].isdigit():
            return self._parse(f"{main} {note}", context)
        result = self._parse(main, context)
        if result.size_key.startswith("US ") or result.system not in ("UK", "EU", "CM", "KR"):
            return result
        told = self._parse(note, context)
        if not told.size_key.startswith("US "):
            return result
        return replace(told, system=result.system, value=result.value, also=(result.size_key,))

    def _converted(self, size: SizeResult, context: SizeContext) -> SizeResult:
        if size.system == "US" and size.audience in LETTERS:
            eu = self._charts.to_eu(context.brand, size.audience, size.value or "")
            return replace(size, eu_size=size.eu_size or eu)
        if size.system not in ("UK", "EU", "CM", "KR") or not context.is_shoe or not size.value:
            return size
        system, value = size.system, size.value
        if system == "KR":
            if " " in value:
                return size  # millimetres have no fractions
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
            us_size=us_text(audience, us),
            eu_size=size.value
            if size.system == "EU"
            else self._charts.to_eu(context.brand, audience, us),
            confidence=min(size.confidence, 0.9),
            also=(*size.also, size.size_key),
        )


def _charts_for(context: SizeContext, size: SizeResult) -> tuple[str, ...]:
    audience = size.audience or context.audience
    if audience == "kids":
        return KIDS
    return (audience,) if audience in LETTERS else ("men",)


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
