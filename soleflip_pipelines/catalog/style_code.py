"""Makers' style codes: finding them in any text and writing each in one way.

Every maker has its grammar, kept as rows. A code is evidence of a brand, and with brand and kind of
product it points to a product; on its own it is no key, since makers use one code twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from soleflip_pipelines.catalog.rules import Rules, StyleCodeRule, default_rules
from soleflip_pipelines.catalog.text import BLANKS, fold, tokens

_NOT_ALNUM = re.compile(r"[^A-Z0-9]")
_NOTE = re.compile(r"^\s*\([^)]*\)\s*|\s*\([^)]*\)\s*$")
_SAMPLE = re.compile(r"(?<=[A-Z0-9])\s+(?:S|SMP|SAMPLE)$")
_SEASON = re.compile(r"(?:SS|FW|AW|FA|SP|SU|HO)(?:\d\d|20[12]\d)")
_YEAR = re.compile(r"(?:19|20)\d\d")
_PARTS = re.compile(r"\s*[/|;,]\s*")
_CODE_LIKE = re.compile(r"(?=.*\d)[A-Z0-9][A-Z0-9 ._*-]{3,29}|[A-Z0-9]{2,}(?:-[A-Z0-9]+){2,}")


@dataclass(frozen=True, slots=True)
class CodeWitness:
    """What a code says of its maker; strong where no other maker writes codes of that form."""

    key: str
    brand: str
    is_strong: bool


@dataclass(frozen=True, slots=True)
class StyleCode:
    """One code as its maker writes it, its key for comparing, and the grammar that knew it."""

    code: str
    key: str
    brand: str | None
    rule: str
    evidence: str
    priority: int
    start: int


@dataclass(frozen=True, slots=True)
class StyleCodes:
    """The codes of one text, the surest first."""

    codes: tuple[StyleCode, ...] = ()

    @property
    def first(self) -> StyleCode | None:
        """The code to show, or None."""
        return self.codes[0] if self.codes else None

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of all codes, each once."""
        return tuple(dict.fromkeys(code.key for code in self.codes))

    @property
    def witnesses(self) -> tuple[CodeWitness, ...]:
        """What the codes say of the maker; nothing where the grammar is shared by strangers."""
        return tuple(
            dict.fromkeys(
                CodeWitness(code.key, code.brand, code.evidence == "strong")
                for code in self.codes
                if code.brand and code.evidence != "none"
            )
        )


def code_key(code: str) -> str:
    """The form in which codes compare: capitals and digits alone."""
    return _NOT_ALNUM.sub("", fold(code).upper())


@dataclass(frozen=True, slots=True)
class _Grammar:
    rule: StyleCodeRule
    pattern: re.Pattern[str]


class StyleCodeExtractor:
    """Finds codes by one set of rules."""

    def __init__(self, rules: Rules) -> None:
        """Compile the grammars; the brands' names serve as their context."""
        names: dict[str, set[str]] = {}
        parents: dict[str, str] = {}
        for rule in rules.brand_rules:
            if rule.kind in ("brand", "subbrand"):
                names.setdefault(rule.brand, set()).add(" ".join(tokens(rule.pattern)))
            if rule.parent_brand:
                parents[rule.brand] = rule.parent_brand
        for brand, parent in parents.items():
            names.setdefault(parent, set()).update(names.get(brand, ()))
        self._parents = parents
        self._grammars = [
            _Grammar(rule, re.compile(rf"(?<![A-Z0-9]){rule.regex}(?![A-Z0-9])"))
            for rule in rules.style_code_rules
        ]
        # The makers' names by their first words, each with the places of its maker's grammars.
        self._named: dict[str, list[tuple[str, int]]] = {}
        for at, grammar in enumerate(self._grammars):
            for name in (
                n for brand in grammar.rule.brand.split("|") for n in names.get(brand, ())
            ):
                self._named.setdefault(name.split()[0], []).append((f" {name} ", at))

    def extract(self, text: str, brand: str | None = None) -> StyleCodes:
        """The codes in a title, slug, description or supplier's name.

        Args:
            text: any text; years, scales, sizes and model numbers in it are no codes.
            brand: the product's brand where it is known: grammars of others then count less.
        """
        folded = fold(text).upper().replace("_", "-")
        if not any(char.isdigit() for char in folded):
            return StyleCodes()
        words = tokens(text)
        line = f" {' '.join(words)} "
        named = {
            at for word in set(words) for name, at in self._named.get(word, ()) if name in line
        }
        is_cell = len(words) <= 3 and brand is None
        found: list[StyleCode] = []
        for at, grammar in enumerate(self._grammars):
            context = grammar.rule.context
            if (
                context == "none"
                or at in named
                or (is_cell and context == "cell")
                or self._is_of(grammar.rule, brand)
            ):
                found.extend(self._codes(grammar, folded, brand))
        return StyleCodes(tuple(_without_overlaps(found)))

    def parse_field(self, field: str | None, brand: str | None = None) -> StyleCodes:
        """The codes of a cell that is meant to hold them (StockX `styleId`, a supplier's column).

        Several codes stand between slashes; notes in brackets and sample marks are dropped. A part
        that no grammar knows counts as it is, if it could be a code at all.
        """
        codes: list[StyleCode] = []
        for at, part in enumerate(_PARTS.split(fold(field or "").upper())):
            cleaned = _SAMPLE.sub("", _NOTE.sub("", part)).strip()
            if cleaned.casefold() in BLANKS or _SEASON.fullmatch(cleaned):
                continue
            known = self.extract(cleaned, brand).codes
            if known:
                codes.extend(known)
            elif _CODE_LIKE.fullmatch(cleaned) and not _YEAR.fullmatch(cleaned):
                codes.append(StyleCode(cleaned, code_key(cleaned), None, "as_given", "none", 0, at))
        return StyleCodes(tuple({code.key: code for code in reversed(codes)}.values())[::-1])

    def _codes(self, grammar: _Grammar, folded: str, brand: str | None) -> Iterable[StyleCode]:
        rule = grammar.rule
        makers = rule.brand.split("|")
        is_own = self._is_of(rule, brand)
        for match in grammar.pattern.finditer(folded):
            code = match.expand(rule.template) if rule.template else match[0]
            yield StyleCode(
                code=code,
                key=code_key(code),
                brand=brand if is_own else makers[0],
                rule=f"{rule.brand}:{rule.regex}",
                evidence=rule.evidence,
                priority=rule.priority + (1000 if is_own else 0),
                start=match.start(),
            )

    def _is_of(self, rule: StyleCodeRule, brand: str | None) -> bool:
        if brand is None:
            return False
        makers = rule.brand.split("|")
        return brand in makers or self._parents.get(brand) in makers


def _without_overlaps(found: list[StyleCode]) -> list[StyleCode]:
    """The surest codes first; of two grammars that meet at one place only the surer counts."""
    kept: list[StyleCode] = []
    taken: set[int] = set()
    for code in sorted(found, key=lambda c: (-c.priority, -len(c.key), c.start, c.code)):
        span = set(range(code.start, code.start + len(code.code)))
        if not span & taken:
            taken |= span
            kept.append(code)
    return kept


@lru_cache(maxsize=1)
def _default() -> StyleCodeExtractor:
    return StyleCodeExtractor(default_rules())


def extract(text: str, brand: str | None = None) -> StyleCodes:
    """The codes in a text by the project's own grammars; see `StyleCodeExtractor.extract`."""
    return _default().extract(text, brand)
