"""The category of a title: one of eight, and a finer product type where a word gives it.

The marketplace's own product type bounds the answer. Within it an unmistakable noun comes first,
then the full name of a shoe, then nouns that also serve as themes, then the models and the habit of
the brand. The last noun counts, as heads of English and German compounds come last; a title that
begins with a noun of a language whose heads come first is about that noun.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from soleflip_pipelines.catalog.brand import NOTHING, BrandResult
from soleflip_pipelines.catalog.brand_facts import FOOTWEAR, THINGS
from soleflip_pipelines.catalog.phrases import Hit, PhraseIndex, phrase_words
from soleflip_pipelines.catalog.rules import CategoryRule, Rules
from soleflip_pipelines.catalog.seller_words import stated_systems
from soleflip_pipelines.catalog.size_text import UNSIZED
from soleflip_pipelines.catalog.text import tokens

CATEGORIES = (
    "sneakers",
    "other footwear",
    "apparel",
    "headwear",
    "bags",
    "accessories",
    "collectibles",
    "electronics",
)
_ALL = frozenset(CATEGORIES)
CACHE_SIZE = 200_000

# What may be in a marketplace's coarse type; what is not listed holds only itself.
FAMILIES: dict[str, frozenset[str]] = {
    "sneakers": FOOTWEAR,
    "other footwear": FOOTWEAR,
    "apparel": frozenset({"apparel", "headwear", "bags", "accessories", "collectibles"}),
    "accessories": frozenset({"accessories", "bags", "headwear"}),
}
# Words after which a title speaks of parts and company, no longer of the thing.
CUTS = frozenset({"with", "mit", "w", "for", "fur", "fuer", "featuring", "inkl", "incl", "plus"})
CLOTHES = frozenset({"apparel", "headwear", "bags"})
WORN = FOOTWEAR | CLOTHES | {"accessories"}
# A model of these is what it is, whatever chain or puzzle its name goes on with.
UNMISTAKABLE = FOOTWEAR | {"bags"}
# Pantalon cargo, plecak laptop: what stands behind the noun only describes it.
HEAD_FIRST = frozenset({"fr", "it", "es", "pl", "nl"})
# It tells the looks ('Trekky Crew'), and the thing only where all else is silent.
_NICKNAME = re.compile(r"(?<=\s)'[^']+'(?![A-Za-z0-9])")
SHOE_SYSTEMS = frozenset({"US", "UK", "EU", "CM", "KR"})
CLOTHES_SYSTEMS = frozenset({"ALPHA", "WAIST"})


@dataclass(frozen=True, slots=True)
class CategoryResult:
    """The category of one title; None where nothing speaks for one."""

    category: str | None
    product_type: str | None = None
    rule: str | None = None
    confidence: float = 0.0


UNKNOWN = CategoryResult(None)


class CategoryDetector:
    """Detects categories by one set of rules; equal questions are answered from memory."""

    def __init__(self, rules: Rules) -> None:
        """Index the words of the rules."""
        of_titles = [rule for rule in rules.category_rules if rule.role != "product_type"]
        whole = [(rule.phrase, rule) for rule in of_titles if rule.match == "word"]
        endings = [(rule.phrase, rule) for rule in of_titles if rule.match == "ending"]
        misread = _names_with_nouns(rules, PhraseIndex(whole, endings))
        self._index = PhraseIndex([*whole, *misread], endings)
        self._types = PhraseIndex(
            (rule.phrase, rule) for rule in rules.category_rules if rule.role == "product_type"
        )
        self._memory: dict[str, tuple[BrandResult, str, tuple[str, ...], CategoryResult]] = {}
        self._alike: dict[tuple[object, ...], CategoryResult] = {}

    def detect(
        self,
        title: str,
        *,
        brand: BrandResult = NOTHING,
        product_type: str | None = None,
        size_systems: Sequence[str] = (),
    ) -> CategoryResult:
        """The category of a title.

        Args:
            title: any text a shop calls the product by.
            brand: what `BrandDetector` said of the title.
            product_type: the marketplace's own type or category path, as it came.
            size_systems: the systems of the product's sizes, as `size.parse_size` names them.
        """
        systems = tuple(sorted(set(size_systems))) if size_systems else ()
        told = product_type or ""
        known = self._memory.get(title)
        if known and known[0] is brand and known[1] == told and known[2] == systems:
            return known[3]
        result = self._detect(title, told, brand, systems)
        if len(self._memory) >= CACHE_SIZE:
            self._memory.clear()
        self._memory[title] = (brand, told, systems, result)
        return result

    def _detect(
        self, title: str, product_type: str, brand: BrandResult, systems: tuple[str, ...]
    ) -> CategoryResult:
        hits = self._hits(title, brand)
        if product_type and (told := self._family(product_type)):
            return _agreed(told, self._best(hits, brand, systems, _family_of(told)))
        if systems:
            return self._best(hits, brand, systems, _ALL)
        # Titles of one brand with the same words that count have one answer.
        alike = (brand, bool(hits) and hits[0].start <= 1, *[id(hit.payload) for hit in hits])
        result = self._alike.get(alike)
        if result is None:
            if len(self._alike) >= CACHE_SIZE:
                self._alike.clear()
            result = self._alike[alike] = self._best(hits, brand, (), _ALL)
        # Where only the habit of the brand speaks, a size in the title knows better.
        if result.rule is None or result.rule.startswith("brand:"):
            stated = _by_size(stated_systems(title), brand)
            if stated and brand.category not in UNSIZED and stated.category != brand.category:
                return stated
        return result

    def _best(
        self,
        hits: list[Hit[CategoryRule]],
        brand: BrandResult,
        systems: tuple[str, ...],
        allowed: frozenset[str],
    ) -> CategoryResult:
        for candidate in self._candidates(hits, brand, systems):
            if candidate is not None and candidate.category in allowed:
                return candidate
        return UNKNOWN

    def _candidates(
        self, hits: list[Hit[CategoryRule]], brand: BrandResult, systems: tuple[str, ...]
    ) -> Iterator[CategoryResult | None]:
        """What speaks for a category, the surest first."""
        is_thing = brand.category in THINGS and brand.tier != "artist"
        if hits:
            yield _head(hits[0], brand)
            # A building set of a shoe is a building set, a shirt of a console maker a shirt.
            yield _last(hits, "noun", 0.97, brand, only=WORN if is_thing else None)
            yield _last(hits, "silhouette", 0.96, brand)
        if is_thing:
            yield _of_brand(brand, "brand", 0.93)
        is_known = brand.is_model_category and brand.category in UNMISTAKABLE
        if hits:
            # A theme (puzzle, chain) beside the model of a shoe or bag is its looks, no thing.
            yield _last(hits, "soft_noun", 0.92, brand, also=None if is_known else "theme")
        if brand.is_model_category:
            yield _of_brand(brand, "model", 0.9)
        if hits:
            # Brick and gum are colours of shoes; of others they may be the thing.
            makes_shoes = brand.tier == "maker" and brand.category in FOOTWEAR
            yield _last(hits, "material", 0.75, brand, only=CLOTHES if makes_shoes else None)
        yield _by_size(systems, brand)
        yield _of_brand(brand, "brand", 0.75)

    def _hits(self, title: str, brand: BrandResult) -> list[Hit[CategoryRule]]:
        words = tokens(title)
        hits = self._index.find(words)
        if not CUTS.isdisjoint(words):
            cut = next((i for i, word in enumerate(words) if i and word in CUTS), len(words))
            hits = [hit for hit in hits if hit.start < cut] or hits
        if hits and "'" in title and (nickname := _NICKNAME.search(title)):
            start, end = (len(tokens(title[:at])) for at in nickname.span())
            kept = [hit for hit in hits if not start <= hit.start < end]
            hits = kept if brand.is_model_category else kept or hits
        return hits

    def _family(self, product_type: str) -> CategoryRule | None:
        """The last known word of the type: paths go from the coarse to the fine."""
        hits = self._types.find(tokens(product_type))
        return hits[-1].payload if hits else None


def _names_with_nouns(
    rules: Rules, nouns: PhraseIndex[CategoryRule]
) -> list[tuple[str, CategoryRule]]:
    """Names that hold a noun that they are not: a Nite Jogger is no pair of trousers."""
    found: list[tuple[str, CategoryRule]] = []
    for rule in rules.brand_rules:
        if len(phrase_words(rule.pattern)) < 2:
            continue
        inner = [hit.payload for hit in nouns.find(phrase_words(rule.pattern))]
        info = rules.brand_info.get(rule.brand)
        if rule.kind != "model":
            # Calvin Klein Jeans makes more than jeans, Baby Jogger none; a Moon Boot is a boot.
            usual = info.default_category if info else None
            is_misread = usual == "apparel" or any(n.category not in (None, usual) for n in inner)
            if inner and usual and is_misread and rule.scope != "nowhere":
                named = CategoryRule(rule.pattern, "word", "ignore", None, None, "en")
                found.append((rule.pattern, named))
            continue
        category = rule.category or (info.default_category if info else None)
        roles = ("noun", "soft_noun") if category in THINGS else ("soft_noun",)
        if any(noun.role in roles and noun.category not in (None, category) for noun in inner):
            model = CategoryRule(rule.pattern, "word", "silhouette", category, None, "en")
            found.append((rule.pattern, model))
    return found


def _family_of(told: CategoryRule) -> frozenset[str]:
    """What a marketplace's type may hold; one without a category is footwear of either kind."""
    if told.category is None:
        return FOOTWEAR
    return FAMILIES.get(told.category, frozenset({told.category}))


def _footwear_of(brand: BrandResult) -> str:
    return brand.category if brand.category in FOOTWEAR else "sneakers"


@lru_cache(maxsize=10_000)
def _result(
    category: str, product_type: str | None, rule: str, confidence: float
) -> CategoryResult:
    """Equal answers are one object: millions of titles share few of them."""
    return CategoryResult(category, product_type, rule, confidence)


def _last(
    hits: list[Hit[CategoryRule]],
    role: str,
    confidence: float,
    brand: BrandResult,
    only: frozenset[str] | None = None,
    also: str | None = None,
) -> CategoryResult | None:
    """The last word of a role; one without a category (shoe) is what the brand makes of shoes."""
    for hit in reversed(hits):
        rule = hit.payload
        if rule.role in (role, also) and (only is None or rule.category in only):
            name = f"{rule.role}:{rule.phrase}"
            category = rule.category or _footwear_of(brand)
            return _result(category, rule.product_type, name, confidence)
    return None


def _head(first: Hit[CategoryRule], brand: BrandResult) -> CategoryResult | None:
    """What a title is about that begins with a noun of a language whose heads come first."""
    rule = first.payload
    is_head = first.start <= 1 and rule.language in HEAD_FIRST and rule.role.endswith("noun")
    return _last([first], rule.role, 0.95, brand) if is_head else None


def _of_brand(brand: BrandResult, kind: str, confidence: float) -> CategoryResult | None:
    if brand.category is None:
        return None
    return _result(
        brand.category, brand.product_type, f"{kind}:{brand.sub_brand or brand.brand}", confidence
    )


def _by_size(systems: tuple[str, ...], brand: BrandResult) -> CategoryResult | None:
    if any(system in CLOTHES_SYSTEMS for system in systems):
        return CategoryResult("apparel", None, "size:letters", 0.7)
    if any(system in SHOE_SYSTEMS for system in systems):
        return CategoryResult(_footwear_of(brand), None, "size:shoe", 0.7)
    return None


def _agreed(told: CategoryRule, best: CategoryResult) -> CategoryResult:
    """What the marketplace says, made finer by what the title says."""
    name = f"product_type:{told.phrase}"
    if best.category is None:
        return CategoryResult(told.category or "sneakers", told.product_type, name, 0.85)
    if told.category in (None, best.category):
        return CategoryResult(best.category, best.product_type, f"{name}; {best.rule}", 0.99)
    if best.confidence < 0.9:
        return CategoryResult(told.category, told.product_type, name, 0.9)
    return CategoryResult(best.category, best.product_type, f"{name}; {best.rule}", 0.95)
