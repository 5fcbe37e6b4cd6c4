"""Which known product and variant a supplier's line means: by code, by title, by size.

Pure: the catalogue comes in as rows. Every answer has exactly one product; where two remain the
answer is none, since a silent guess would put a cost on the wrong sale.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from soleflip_pipelines.catalog.audience import audience_of
from soleflip_pipelines.catalog.rules import Rules
from soleflip_pipelines.catalog.size import SizeParser
from soleflip_pipelines.catalog.size_result import SizeResult
from soleflip_pipelines.catalog.text import normalise, tokens

SIMILAR = 0.88
MARGIN = 0.04
# Words that shops add or drop without meaning another product.
IDLE = frozenset(
    "the a of and x by in shoe shoes sneaker sneakers schuh schuhe mens men herren unisex new neu "
    "og retro release edition nike air adidas originals".split()
)
CONVERTED = ("UK", "EU", "CM", "KR")
_BARE = re.compile(r"(?:US )?(\d{1,2}(?:\.5)?)(?:\.0)?")


@dataclass(frozen=True, slots=True)
class Variant:
    """A size of a product; `sizes` are the marketplace's conversions by type (`eu`: `42.5`)."""

    partner_variant_id: str
    size_raw: str | None
    sizes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Product:
    """A known product with its label and variants."""

    partner_product_id: str
    title: str
    brand: str | None
    category: str | None
    gender: str | None
    style_keys: tuple[str, ...]
    variants: tuple[Variant, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """What a supplier wrote, with the keys of the codes in it and its brand where detected."""

    name: str
    size_raw: str | None
    brand: str | None
    style_keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """The product and variant of a line, either None where not exactly one fits."""

    method: str
    score: float
    product: Product | None = None
    variant: Variant | None = None
    size: SizeResult | None = None


NO_MATCH = Match("none", 0.0)


class ProductFinder:
    """Finds lines in one catalogue."""

    def __init__(self, products: Iterable[Product], rules: Rules) -> None:
        """Index the products by code, by title and by the words of their titles."""
        self._sizes = SizeParser(rules)
        self._parents = {r.brand: r.parent_brand for r in rules.brand_rules if r.parent_brand}
        self._by_code: dict[str, list[Product]] = {}
        self._by_title: dict[str, list[Product]] = {}
        self._by_word: dict[str, list[Product]] = {}
        self._keys_of: dict[str, dict[str, frozenset[str]]] = {}
        for product in products:
            for key in product.style_keys:
                self._by_code.setdefault(key, []).append(product)
            self._by_title.setdefault(normalise(product.title), []).append(product)
            for word in _core(product.title):
                self._by_word.setdefault(word, []).append(product)

    def knows(self, key: str) -> bool:
        """Whether a product has this code (a key: capitals and digits alone)."""
        return key in self._by_code

    def find(self, line: Line, *, allow_similar: bool = True) -> Match:
        """The product and variant that a line means.

        Args:
            line: what was written.
            allow_similar: also a title that is only much like a product's, where no code helps.
        """
        by_code = self._coded(line)
        if by_code:
            return self._decided(line, by_code, "style_code", 1.0)
        titled = self._by_title.get(normalise(line.name), []) if line.name else []
        if titled:
            return self._decided(line, titled, "title", 0.95)
        return self._similar(line) if allow_similar else NO_MATCH

    def _coded(self, line: Line) -> list[Product]:
        found = {
            product.partner_product_id: product
            for key in line.style_keys
            for product in self._by_code.get(key, ())
        }
        return list(found.values())

    def _decided(self, line: Line, candidates: list[Product], method: str, score: float) -> Match:
        """The one candidate that the size, the codes, the brand and the title leave over."""
        tests: tuple[Callable[[Product], bool], ...] = (
            lambda product: self._variant(line, product)[0] is not None,
            lambda product: set(product.style_keys) == set(line.style_keys),
            lambda product: self._house(product.brand) == self._house(line.brand),
            lambda product: normalise(product.title) == normalise(line.name),
        )
        left = candidates
        for test in tests:
            if len(left) > 1:
                left = [product for product in left if test(product)] or left
        if len(left) != 1:
            return NO_MATCH
        if len(candidates) > 1:
            score -= 0.05
        return self._with_variant(line, left[0], method, score)

    def _similar(self, line: Line) -> Match:
        words = _core(line.name)
        if len(words) < 3:
            return NO_MATCH
        rarest = sorted(words, key=lambda word: len(self._by_word.get(word, ())))
        near = {
            product.partner_product_id: product
            for word in [w for w in rarest if w in self._by_word][:2]
            for product in self._by_word[word]
        }
        scored = sorted(
            ((_similarity(words, _core(product.title)), key) for key, product in near.items()),
            reverse=True,
        )
        if not scored or scored[0][0] < SIMILAR:
            return NO_MATCH
        if len(scored) > 1 and scored[0][0] - scored[1][0] < MARGIN:
            return NO_MATCH
        return self._with_variant(line, near[scored[0][1]], "title_fuzzy", scored[0][0] * 0.9)

    def _with_variant(self, line: Line, product: Product, method: str, score: float) -> Match:
        variant, size = self._variant(line, product)
        return Match(method, round(score if variant else score / 2, 3), product, variant, size)

    # --- sizes ----------------------------------------------------------------------------

    def _variant(self, line: Line, product: Product) -> tuple[Variant | None, SizeResult]:
        """The one variant of a product that has the line's size; conversions of its own first."""
        wanted = self._parse(line.size_raw, product)
        known = self._variant_keys(product)
        exact = f"{wanted.system} {wanted.value}" if wanted.system in CONVERTED else ""
        for key in (exact, wanted.size_key, *wanted.also):
            having = [v for v in product.variants if key and key in known[v.partner_variant_id]]
            if len(having) == 1:
                return having[0], wanted
        return self._bare(line.size_raw, product), wanted

    def _bare(self, size_raw: str | None, product: Product) -> Variant | None:
        """The one variant whose number is the line's, where the line leaves the letter out.

        A pre-school pair's `11` is its `11C`: the same product has no other 11.
        """
        number = _BARE.fullmatch((size_raw or "").strip().replace(",", "."))
        if number is None:
            return None
        lettered = re.compile(rf"{re.escape(number[1])}[CYKW]")
        having = [v for v in product.variants if lettered.fullmatch(v.size_raw or "")]
        return having[0] if len(having) == 1 else None

    def _variant_keys(self, product: Product) -> dict[str, frozenset[str]]:
        keys = self._keys_of.get(product.partner_product_id)
        if keys is None:
            keys = {v.partner_variant_id: self._keys(v, product) for v in product.variants}
            self._keys_of[product.partner_product_id] = keys
        return keys

    def _keys(self, variant: Variant, product: Product) -> frozenset[str]:
        own = self._parse(variant.size_raw, product)
        keys = {own.size_key}
        for kind, value in variant.sizes.items():
            told = self._sizes.parse(f"{kind} {value}", category="sneakers")
            if told.system in CONVERTED:
                keys.add(f"{told.system} {told.value}")
            elif kind in ("us m", "us w"):
                keys.add(told.size_key)
        if own.system in CONVERTED:
            keys.add(f"{own.system} {own.value}")
        return frozenset(keys)

    def _parse(self, size_raw: str | None, product: Product) -> SizeResult:
        return self._sizes.parse(
            size_raw,
            brand=product.brand,
            audience=audience_of(product.gender) or audience_of(product.title),
            category=product.category,
        )

    def _house(self, brand: str | None) -> str | None:
        return self._parents.get(brand or "") or brand


def _core(title: str) -> frozenset[str]:
    return frozenset(word for word in tokens(title) if word not in IDLE)


def _similarity(one: frozenset[str], other: frozenset[str]) -> float:
    """How alike two titles are: 1 for equal words, less for misspelt ones, 0 for other words.

    A word more, a height or a colour, is another product, however many words agree.
    """
    left, right = one - other, set(other - one)
    if len(left) != len(right):
        return 0.0
    shared = float(len(one & other))
    for word in sorted(left):
        best, twin = max((_alike(word, candidate), candidate) for candidate in right)
        if best == 0:
            return 0.0
        right.remove(twin)
        shared += best
    return shared / len(one) if one else 0.0


def _alike(one: str, other: str) -> float:
    if min(len(one), len(other)) < 5 or not (one.isalpha() and other.isalpha()):
        return 0.0
    ratio = SequenceMatcher(None, one, other).ratio()
    return ratio if ratio >= 0.8 else 0.0
