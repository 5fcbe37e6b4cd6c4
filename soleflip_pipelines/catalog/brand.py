"""The brand of a title: which names and models stand in it, and which of them made the thing.

A title may name several brands. The maker of a shoe comes before a fashion label, a label before
an artist, and among equals the first named; a marketplace's brand field and the maker's codes are
further witnesses. Where nothing is sure enough the answer is no brand.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from soleflip_pipelines.catalog.brand_facts import (
    THINGS,
    TIER_RANK,
    BrandFacts,
    Found,
)
from soleflip_pipelines.catalog.brand_words import (
    CONTEXT,
    JOINERS,
    LEADERS,
    TELLING,
    Nouns,
    begins,
    may_stand,
)
from soleflip_pipelines.catalog.phrases import Hit, PhraseIndex, phrase_words
from soleflip_pipelines.catalog.rules import BrandRule, Rules
from soleflip_pipelines.catalog.style_code import CodeWitness
from soleflip_pipelines.catalog.text import is_blank, normalise, tokens

FLOOR = 0.6
CACHE_SIZE = 200_000

# Patterns that name nobody by themselves.
SILENT = frozenset({"evidence", "nowhere"})


@dataclass(frozen=True, slots=True)
class BrandResult:
    """The brand of one title; `brand` is None where no witness is sure enough.

    `sub_brand` is a line that is published under its house (Yeezy under adidas); `parent_brand`
    the house of a brand that stands for itself (Nike of Jordan). `category` is what the models of
    this brand in the title say, or what the brand mostly makes (`is_model_category` tells which).
    """

    brand: str | None
    parent_brand: str | None = None
    sub_brand: str | None = None
    collaborators: tuple[str, ...] = ()
    rule: str | None = None
    evidence: str | None = None
    confidence: float = 0.0
    category: str | None = None
    product_type: str | None = None
    is_model_category: bool = False
    tier: str | None = None

    def __hash__(self) -> int:
        """Of the fields that differ most; results are keys of memories asked for each title."""
        return hash((self.brand, self.rule, self.category))


NOTHING = BrandResult(brand=None)


@dataclass(slots=True)
class _Choice:
    hit: Hit[BrandRule]
    confidence: float


class BrandDetector:
    """Detects brands by one set of rules; equal titles are answered from memory."""

    def __init__(self, rules: Rules) -> None:
        """Index the patterns; `rules` decide everything else too."""
        self._facts = BrandFacts(rules)
        self._info, self._parents = self._facts.info, self._facts.parents
        self._index = PhraseIndex((rule.pattern, rule) for rule in rules.brand_rules)
        self._owner = PhraseIndex((r.pattern, r) for r in rules.brand_rules if r.is_owner)
        self._has_owner_rules = any(rule.is_owner for rule in rules.brand_rules)
        self._aliases = {
            normalise(rule.pattern): rule.brand
            for rule in reversed(rules.brand_rules)
            if rule.kind != "model" and rule.scope != "nowhere"
        } | {normalise(brand): brand for brand in rules.brand_info}
        self._nouns = Nouns(rules.category_rules)
        self._naming = frozenset(_models_that_name(rules.brand_rules))
        self._memory: dict[str | tuple[str, str, tuple[CodeWitness, ...]], BrandResult] = {}
        self._alike: dict[tuple[object, ...], BrandResult] = {}

    def detect(
        self, title: str, brand_hint: str | None = None, codes: Sequence[CodeWitness] = ()
    ) -> BrandResult:
        """The brand of a title.

        Args:
            title: any text a shop calls the product by.
            brand_hint: the marketplace's own brand field, as it came.
            codes: what the product's style codes say of its maker (`StyleCodes.witnesses`).
        """
        hint, witnesses = brand_hint or "", tuple(codes)
        key = (title, hint, witnesses) if hint or codes else title
        result = self._memory.get(key)
        if result is None:
            if len(self._memory) >= CACHE_SIZE:
                self._memory.clear()
            result = self._memory[key] = self._detect(title, hint, witnesses)
        return result

    def canonical(self, name: str | None) -> str | None:
        """The brand that a name or alias stands for, or None for a name no rule knows."""
        return None if is_blank(name) else self._aliases.get(normalise(name or ""))

    def _detect(self, title: str, hint: str, codes: tuple[CodeWitness, ...]) -> BrandResult:
        words = tokens(title)
        hits = self._index.find(words)
        if self._has_owner_rules and (owned := self._owner.find(words)):
            best = max(owned, key=lambda hit: (hit.payload.priority, hit.end - hit.start))
            found = self._sorted(words, hits)
            return self._result(found, _Choice(best, 1.0), owned_by=best.payload.brand)
        if hint or codes or not hits:
            return self._decided(words, hits, hint, codes)
        # Titles that begin alike and go on with the same names and models have one answer, unless
        # words around a later name decide whether it counts.
        first = hits[0]
        start = words[: first.end]
        is_plain = CONTEXT.isdisjoint(words[first.end - 1 :]) and not LEADERS.issuperset(start)
        after = words[first.end] if first.end < len(words) else ""
        alike = (
            start,
            is_plain or (after in TELLING and after),
            first.payload.scope == "formula" and after,
            *[id(hit.payload) for hit in hits],
        )
        result = self._alike.get(alike)
        if result is None:
            result = self._decided(words, hits, hint, codes)
            is_certain = is_plain or not any(self._may_name(hit.payload) for hit in hits[1:])
            if is_certain and result.rule in (None, first.payload.name):
                if len(self._alike) >= CACHE_SIZE:
                    self._alike.clear()
                self._alike[alike] = result
        return result

    def _may_name(self, rule: BrandRule) -> bool:
        """Whether a rule may name somebody, which depends on the words around it."""
        return rule.kind != "model" or rule.pattern in self._naming

    def _decided(
        self,
        words: tuple[str, ...],
        hits: list[Hit[BrandRule]],
        hint: str,
        codes: tuple[CodeWitness, ...],
    ) -> BrandResult:
        found = self._sorted(words, hits)
        choice = self._choose(found, self.canonical(hint) if hint else None)
        if choice is None:
            return self._from_witnesses(found, hint, codes)
        return self._with_witnesses(self._result(found, choice), hint, codes)

    def _sorted(self, words: tuple[str, ...], hits: list[Hit[BrandRule]]) -> Found:
        found = Found(words, [], [], [], [])
        for hit in hits:
            rule = hit.payload
            if rule.kind != "model":
                if may_stand(rule.scope, words, hit):
                    found.named.append(hit)
            elif rule.pattern in self._naming:
                found.named.append(hit)
                found.models.append(hit)
            elif rule.scope == "weak":
                found.weak.append(hit)
            elif rule.scope == "evidence":
                found.numbers.append(hit)
            else:
                found.models.append(hit)
        if hits and not found.named and self._nouns.show_a_name(words, hits[0]):
            found.named.append(hits[0])
        return found

    # --- one brand of many ----------------------------------------------------------------

    def _choose(self, found: Found, hint: str | None) -> _Choice | None:
        if len(found.named) == 1 and not self._facts.rank(found.named[0]) and found.words[0] != "x":
            only = found.named[0]  # most titles: a maker and its shoe
            starts = begins(found.words, only.start)
            return _Choice(only, self._named_confidence(only, starts))
        # A title that begins with the joiner comes from a shop that leaves its own name out.
        is_partner_first = found.words[:1] == ("x",)
        brands = [
            hit
            for hit in found.named
            if self._facts.rank(hit) < TIER_RANK["partner"]
            and not (is_partner_first and hit.start == 1)
        ]
        if not brands:
            return self._by_model(found)
        by_hint = [
            hit for hit in brands if hint and self._facts.same_house(hit.payload.brand, hint)
        ]
        if by_hint and len({self._facts.house(hit.payload.brand) for hit in brands}) > 1:
            return _Choice(self._most_special(brands, by_hint[0]), 0.96)
        first = self._first_of_best(brands, found)
        if self._facts.rank(first) > 0 and (other := self._maker_by_model(first, found)):
            return _Choice(other, 0.9)
        chosen = self._most_special(brands, first)
        starts = begins(found.words, chosen.start)
        return _Choice(chosen, self._named_confidence(chosen, starts))

    def _named_confidence(self, hit: Hit[BrandRule], starts: bool) -> float:
        if self._facts.rank(hit) == TIER_RANK["artist"]:
            return 0.75 if starts else 0.65
        if hit.payload.scope == "start":
            return 0.85  # an ordinary word may only look like a brand
        return 0.97 if starts else 0.92

    def _first_of_best(self, brands: list[Hit[BrandRule]], found: Found) -> Hit[BrandRule]:
        """The first named, unless a maker follows an artist, or a label in partnership."""
        first = brands[0]
        for hit in brands[1:]:
            if self._facts.rank(hit) > 0:
                continue
            if self._facts.rank(first) == 0:
                if self._lends_its_name(found, first, hit):
                    first = hit
                continue
            is_artist = self._facts.rank(first) == TIER_RANK["artist"]
            if is_artist or (self._facts.makes_it(hit) and self._is_partnership(found, first, hit)):
                first = hit
        return first

    def _lends_its_name(self, found: Found, first: Hit[BrandRule], hit: Hit[BrandRule]) -> bool:
        """Whether a maker of things stands on the shoe of the maker named after: Barbie x Crocs."""
        info = self._info.get(first.payload.brand)
        if info is None or info.default_category not in THINGS:
            return False
        if not any(word in JOINERS for word in found.words[first.end : hit.start]):
            return False
        house = self._facts.house(hit.payload.brand)
        models = (*found.models, *found.weak)
        return any(
            self._facts.is_shoe(m) and self._facts.house(m.payload.brand) == house for m in models
        )

    def _is_partnership(self, found: Found, first: Hit[BrandRule], hit: Hit[BrandRule]) -> bool:
        if any(word in JOINERS for word in found.words[first.end : hit.start]):
            return True
        house = self._facts.house(hit.payload.brand)
        models = (*found.models, *found.weak, *found.numbers)
        return any(
            self._facts.is_shoe(m) and self._facts.house(m.payload.brand) == house for m in models
        )

    def _maker_by_model(self, first: Hit[BrandRule], found: Found) -> Hit[BrandRule] | None:
        """A shoe of a maker that the title does not name, made with the label it names.

        Against a name that is an ordinary word any model of a brand not named counts.
        """
        is_doubtful = first.payload.scope == "start"
        named = {self._facts.house(hit.payload.brand) for hit in found.named}
        for model in found.models:
            house = self._facts.house(model.payload.brand)
            if house == self._facts.house(first.payload.brand):
                continue
            if self._facts.is_shoe(model) or (is_doubtful and house not in named):
                return model
        return None

    def _most_special(self, brands: list[Hit[BrandRule]], chosen: Hit[BrandRule]) -> Hit[BrandRule]:
        """A sub-brand named beside its house stands for both."""
        for hit in brands:
            if self._parents.get(hit.payload.brand) == chosen.payload.brand:
                return hit
        return chosen

    def _by_model(self, found: Found) -> _Choice | None:
        if found.models:
            makers = [hit for hit in found.models if self._facts.rank(hit) == 0]
            subs = [h for h in found.models if h.payload.brand in self._parents]
            return _Choice((subs or makers or found.models)[0], 0.9)
        if found.weak:
            houses = {self._facts.house(hit.payload.brand) for hit in found.weak}
            return _Choice(found.weak[0], 0.7 if len(houses) == 1 else 0.5)
        return None

    # --- further witnesses ----------------------------------------------------------------

    def _from_witnesses(
        self, found: Found, hint: str, codes: tuple[CodeWitness, ...]
    ) -> BrandResult:
        """No name and no model in the title: the marketplace's field, then the maker's code."""
        known = self.canonical(hint)
        if known is not None:
            return self._plain(found, known, "hint", f"brand field {hint!r}", 0.88)
        if not is_blank(hint):
            name = " ".join(hint.split())
            return self._plain(found, name, "hint:unknown", f"brand field {hint!r}", 0.65)
        makers = {code.brand for code in codes}
        if len(makers) != 1:
            return replace(NOTHING, collaborators=self._partners(found, None))
        code = codes[0]
        numbered = any(hit.payload.brand == code.brand for hit in found.numbers)
        confidence = 0.8 if code.is_strong or numbered else 0.4
        result = self._plain(found, code.brand, "style_code", f"code {code.key}", confidence)
        return result if confidence >= FLOOR else replace(result, brand=None)

    def _with_witnesses(
        self, result: BrandResult, hint: str, codes: tuple[CodeWitness, ...]
    ) -> BrandResult:
        """Raise or lower the confidence of a brand that the title itself shows."""
        if result.brand is None or result.confidence >= 1 or not (hint or codes):
            return result
        confidence, evidence = result.confidence, result.evidence or ""
        known = self.canonical(hint)
        if known and self._facts.same_house(known, result.brand):
            confidence, evidence = max(confidence, 0.99), f"{evidence}; brand field {hint!r}"
        elif known and confidence < 0.9:
            return self._plain(
                Found((), [], [], [], []), known, "hint", f"brand field {hint!r}", 0.75
            )
        elif known:
            confidence, evidence = confidence - 0.15, f"{evidence}; against brand field {hint!r}"
        if any(self._facts.same_house(code.brand, result.brand) for code in codes):
            confidence, evidence = min(0.99, confidence + 0.03), f"{evidence}; style code"
        if confidence < FLOOR:
            return replace(result, brand=None, confidence=confidence, evidence=evidence)
        return replace(result, confidence=round(confidence, 3), evidence=evidence)

    # --- results --------------------------------------------------------------------------

    def _result(self, found: Found, choice: _Choice, owned_by: str | None = None) -> BrandResult:
        rule = choice.hit.payload
        matched = " ".join(found.words[choice.hit.start : choice.hit.end])
        evidence = f"{matched!r} names {rule.brand}"
        if rule.kind == "model":
            evidence = f"{matched!r} is made by {rule.brand}"
        result = self._plain(found, owned_by or rule.brand, rule.name, evidence, choice.confidence)
        return result if choice.confidence >= FLOOR else replace(result, brand=None)

    def _plain(
        self, found: Found, brand: str, rule: str, evidence: str, confidence: float
    ) -> BrandResult:
        info = self._info.get(brand)
        parent = self._parents.get(brand)
        rolls_up = info is not None and info.rolls_up and parent is not None
        category, product_type, is_model = self._facts.category(found, brand, info)
        return _result(
            parent if rolls_up else brand,
            None if rolls_up else parent,
            brand if rolls_up else None,
            self._partners(found, brand),
            rule,
            evidence,
            confidence,
            category,
            product_type,
            is_model,
            info.tier if info else None,
        )

    def _partners(self, found: Found, brand: str | None) -> tuple[str, ...]:
        """Everyone else whom the title names, in order, each once."""
        if not found.named or (len(found.named) == 1 and found.named[0].payload.brand == brand):
            return ()
        own = self._facts.house(brand) if brand else None
        names = dict.fromkeys(
            hit.payload.brand for hit in found.named if self._facts.house(hit.payload.brand) != own
        )
        return tuple(names)


# Equal answers are one object: millions of titles share few of them.
_result = lru_cache(maxsize=100_000)(BrandResult)


def _models_that_name(rules: Iterable[BrandRule]) -> Iterable[str]:
    """Models whose words begin with their brand's own name: `nintendo switch` names Nintendo."""
    known = list(rules)
    names = {(r.brand, normalise(r.pattern)) for r in known if r.kind in ("brand", "subbrand")}
    for rule in known:
        words = phrase_words(rule.pattern)
        starts = (" ".join(words[:end]) for end in range(1, len(words)))
        if rule.kind == "model" and any((rule.brand, start) in names for start in starts):
            yield rule.pattern
