"""Which known product and variant an article of a partner means, by the surest evidence it has.

Barcode, then the marketplace's own id, then style code with brand and type, then the title itself,
then a title that is only misspelt. Pure: the catalogue comes in as rows. Every answer has exactly
one product; where several remain the answer is none, with the candidates for a person to choose
from, since a silent guess would put a cost on the wrong sale.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from soleflip_pipelines.catalog.audience import audience_of, is_other_child
from soleflip_pipelines.catalog.rules import Rules
from soleflip_pipelines.catalog.similarity import TitleIndex, overlap
from soleflip_pipelines.catalog.size_result import SizeResult
from soleflip_pipelines.catalog.text import normalise
from soleflip_pipelines.catalog.variant_finder import Product, Variant, VariantFinder

# With these hardly a title finds a wrong product; `python -m bench.identity` measures them.
SIMILAR = 0.88
MARGIN = 0.04
WORTH_A_LOOK = 0.85
# A code on an article of another brand or type, whose title shares less than this, is chance.
LEAST_OVERLAP = 0.5
MOST_CANDIDATES = 5
ADULT = frozenset({"", "men", "unisex"})
# StockX tells products of one name apart by the year of their release.
YEAR = re.compile(r"\s*\((?:19|20)\d\d\)\s*$")


@dataclass(frozen=True, slots=True)
class Line:
    """What a partner wrote of an article, with the keys of the codes in it and its label.

    `names_year` is whether its name has the year where StockX's title has one.
    """

    name: str
    size_raw: str | None
    brand: str | None
    style_keys: tuple[str, ...]
    category: str | None = None
    audience: str = ""
    gtin: str | None = None
    partner_id: str | None = None
    names_year: bool = True


@dataclass(frozen=True, slots=True)
class Candidate:
    """A product that an article may be: what speaks for it, and how much (0 to 1)."""

    product: Product
    why: str
    score: float


@dataclass(frozen=True, slots=True)
class Match:
    """The product and variant of an article, either None where not exactly one fits."""

    method: str
    score: float
    product: Product | None = None
    variant: Variant | None = None
    size: SizeResult | None = None
    candidates: tuple[Candidate, ...] = ()


NO_MATCH = Match("none", 0.0)


class ProductFinder:
    """Finds articles in one catalogue."""

    def __init__(
        self, products: Iterable[Product], rules: Rules, *, similar: float = SIMILAR
    ) -> None:
        """Index the products by their ids, barcodes, codes and titles.

        Args:
            products: what is known.
            rules: sizes, and which brands are of one house.
            similar: how alike (0 to 1) a title must be to count; `bench.identity` measures it.
        """
        self._similar_enough = similar
        self._variants = VariantFinder(rules)
        self._parents = {r.brand: r.parent_brand for r in rules.brand_rules if r.parent_brand}
        self._by_id: dict[str, tuple[Product, Variant | None]] = {}
        self._by_gtin: dict[str, list[tuple[Product, Variant]]] = {}
        self._by_code: dict[str, list[Product]] = {}
        self._by_title: dict[str, list[Product]] = {}
        self._by_name: dict[str, list[Product]] = {}
        titled: list[tuple[str | None, str, Product]] = []
        for product in products:
            self._by_id[product.partner_product_id] = product, None
            for variant in product.variants:
                self._by_id[variant.partner_variant_id] = product, variant
                for gtin in variant.gtins:
                    self._by_gtin.setdefault(gtin, []).append((product, variant))
            for key in product.style_keys:
                self._by_code.setdefault(key, []).append(product)
            for title in dict.fromkeys((product.title, *product.other_titles)):
                self._by_title.setdefault(normalise(title), []).append(product)
                titled.append((self._house(product.brand), title, product))
            self._by_name.setdefault(normalise(YEAR.sub("", product.title)), []).append(product)
        self._titles = TitleIndex(titled)

    def knows(self, key: str, brand: str | None = None) -> bool:
        """Whether a product (of the brand's house) has this code (a key: capitals and digits)."""
        house = self._house(brand)
        found = self._by_code.get(key, ())
        return any(house in (None, self._house(product.brand)) for product in found)

    def product(self, partner_product_id: str) -> Product | None:
        """The product of this id."""
        found = self._by_id.get(partner_product_id)
        return found[0] if found else None

    def decided(self, line: Line, partner_product_id: str | None) -> Match:
        """What an article is of which the owner said which product it is (None: none of ours)."""
        product = self.product(partner_product_id) if partner_product_id else None
        if product is None:
            return Match("owner", 1.0)
        return self._with_variant(line, product, "owner", 1.0)

    def find(self, line: Line) -> Match:
        """The product and variant that an article is."""
        coded = self._coded(line)
        by_number = self._numbered(line, coded)
        if by_number is not None:
            return by_number
        product, variant = self._by_id.get(line.partner_id or "", (None, None))
        if product is not None:
            if variant is not None:
                return Match("partner_id", 1.0, product, variant)
            return self._with_variant(line, product, "partner_id", 1.0)
        if coded:
            fitting = [product for product in coded if not self._is_chance(line, product)]
            if not fitting:
                return _undecided(coded, "style_code of another brand or type", 0.3)
            return self._decided(line, fitting, "style_code", 1.0)
        titled = self._by_title.get(normalise(line.name), []) if line.name else []
        if titled:
            agreeing = [product for product in titled if not _codes_differ(line, product)]
            if not agreeing:
                return _undecided(titled, "title with another style code", 0.5)
            if editions := self._editions(line, agreeing):
                return _undecided([*agreeing, *editions], "title of several years", 0.5)
            return _unless_numbered(line, self._decided(line, agreeing, "title", 0.95))
        return _unless_numbered(line, self._similar(line))

    # --- evidence -------------------------------------------------------------------------

    def _numbered(self, line: Line, coded: list[Product]) -> Match | None:
        """What the barcode names; one that two products claim proves neither."""
        found = self._by_gtin.get(line.gtin or "", [])
        if len({product.partner_product_id for product, _ in found}) != 1:
            return None
        product = found[0][0]
        if coded and not any(product is other for other in coded):
            candidates = (Candidate(product, "gtin", 0.5), *_candidates(coded, "style_code", 0.5))
            return Match("none", 0.0, candidates=candidates[:MOST_CANDIDATES])
        if len(found) == 1:
            return Match("gtin", 0.99, product, found[0][1])
        return self._with_variant(line, product, "gtin", 0.95)

    def _coded(self, line: Line) -> list[Product]:
        found = {
            product.partner_product_id: product
            for key in line.style_keys
            for product in self._by_code.get(key, ())
        }
        return list(found.values())

    def _editions(self, line: Line, found: list[Product]) -> list[Product]:
        """What else a name means that says no year: the same shoe of other years, in its size."""
        if line.names_year:
            return []
        return [
            product
            for product in self._by_name.get(normalise(line.name), [])
            if all(product is not other for other in found)
            and not _codes_differ(line, product)
            and self._variants.find(line.size_raw, product)[0] is not None
        ]

    def _is_chance(self, line: Line, product: Product) -> bool:
        """Whether only the code speaks for the product, and brand or type against it."""
        brands = self._house(line.brand), self._house(product.brand)
        is_other = any(
            all(pair) and pair[0] != pair[1]
            for pair in (brands, (line.category, product.category))
        )  # fmt: skip
        return is_other and overlap(line.name, product.title) < LEAST_OVERLAP

    def _decided(self, line: Line, candidates: list[Product], method: str, score: float) -> Match:
        """The one candidate that the size, the codes, the brand and the title leave over."""
        tests: tuple[Callable[[Product], bool], ...] = (
            lambda product: self._variants.find(line.size_raw, product)[0] is not None,
            lambda product: set(product.style_keys) == set(line.style_keys),
            lambda product: self._house(product.brand) == self._house(line.brand),
            lambda product: normalise(product.title) == normalise(line.name),
        )
        left = candidates
        for test in tests:
            if len(left) > 1:
                left = [product for product in left if test(product)] or left
        if len(left) != 1:
            return _undecided(left, method, score / 2)
        if len(candidates) > 1:
            score -= 0.05
        return self._with_variant(line, left[0], method, score)

    def _similar(self, line: Line) -> Match:
        audience = line.audience or audience_of(line.name)
        near = [
            found
            for found in self._titles.nearest(line.name, self._house(line.brand))
            if not _codes_differ(line, found.entry)
            and _may_be_for(audience, found.entry.named_audience)
            and not is_other_child(line.name, found.entry.title)
        ]
        best = near[0] if near else None
        if best is not None and best.same >= self._similar_enough:
            rivals = [n for n in near if n.entry is not best.entry and n.same > best.same - MARGIN]
            if not rivals:
                return self._with_variant(line, best.entry, "title_fuzzy", best.same * 0.9)
        worth = {
            found.entry.partner_product_id: Candidate(
                found.entry, "title", round(max(found.same, found.alike) / 2, 3)
            )
            for found in reversed(near)
            if max(found.same, found.alike) >= WORTH_A_LOOK
        }
        best_first = sorted(worth.values(), key=lambda candidate: -candidate.score)
        return Match("none", 0.0, candidates=tuple(best_first[:MOST_CANDIDATES]))

    def _with_variant(self, line: Line, product: Product, method: str, score: float) -> Match:
        variant, size = self._variants.find(line.size_raw, product)
        return Match(method, round(score if variant else score / 2, 3), product, variant, size)

    def _house(self, brand: str | None) -> str | None:
        return self._parents.get(brand or "") or brand


def _codes_differ(line: Line, product: Product) -> bool:
    """Whether both have style codes, and none in common: then a like title is another colour."""
    both = line.style_keys and product.style_keys
    return bool(both) and not set(line.style_keys) & set(product.style_keys)


def _unless_numbered(line: Line, match: Match) -> Match:
    """What the title found, unless the size has barcodes and the article another one."""
    gtins = match.variant.gtins if match.variant else ()
    if match.product is None or not line.gtin or not gtins or line.gtin in gtins:
        return match
    return _undecided([match.product], "title with another barcode", match.score / 2)


def _may_be_for(one: str, other: str) -> bool:
    """Whether two audiences may be one; a shoe that names none is not taken for a woman's."""
    return one == other or (one in ADULT and other in ADULT)


def _candidates(products: Iterable[Product], why: str, score: float) -> tuple[Candidate, ...]:
    return tuple(Candidate(product, why, score) for product in products)[:MOST_CANDIDATES]


def _undecided(products: Iterable[Product], why: str, score: float) -> Match:
    return Match("none", 0.0, candidates=_candidates(products, why, score))
