"""Which size of a known product a text means: the marketplace's own conversions before any chart.

Pure. Which product is meant belongs to `finder`, what a size text says to `size`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from soleflip_pipelines.catalog.audience import audience_of
from soleflip_pipelines.catalog.rules import Rules
from soleflip_pipelines.catalog.size import SizeParser
from soleflip_pipelines.catalog.size_result import SizeResult

CONVERTED = ("UK", "EU", "CM", "KR")
_BARE = re.compile(r"(?:US )?(\d{1,2}(?:\.5)?)(?:\.0)?")


@dataclass(frozen=True, slots=True)
class Variant:
    """A size of a product; `sizes` are the marketplace's conversions by type (`eu`: `42.5`)."""

    partner_variant_id: str
    size_raw: str | None
    sizes: Mapping[str, str] = field(default_factory=dict)
    gtins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Product:
    """A known product with its label, variants, and the titles of those merged into it."""

    partner_product_id: str
    title: str
    brand: str | None
    category: str | None
    gender: str | None
    style_keys: tuple[str, ...]
    variants: tuple[Variant, ...]
    other_titles: tuple[str, ...] = ()

    @property
    def audience(self) -> str:
        """Whom it is for; blank where nothing says so."""
        return audience_of(self.gender) or audience_of(self.title)

    @property
    def named_audience(self) -> str:
        """Likewise, where the title's own word is narrower: a `(PS)` shoe is not any child's."""
        return audience_of(self.title) or audience_of(self.gender)


class VariantFinder:
    """Finds sizes among the variants of products."""

    def __init__(self, rules: Rules) -> None:
        """Take the charts and the owner's corrections of `rules`."""
        self._sizes = SizeParser(rules)
        self._keys_of: dict[str, dict[str, frozenset[str]]] = {}

    def find(self, size_raw: str | None, product: Product) -> tuple[Variant | None, SizeResult]:
        """The one variant that has the size, None for none or several; and what the text says."""
        wanted = self._parse(size_raw, product)
        known = self._variant_keys(product)
        exact = f"{wanted.system} {wanted.value}" if wanted.system in CONVERTED else ""
        for key in (exact, wanted.size_key, *wanted.also):
            having = [v for v in product.variants if key and key in known[v.partner_variant_id]]
            if len(having) == 1:
                return having[0], wanted
        return self._bare(size_raw, product), wanted

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
            audience=product.audience,
            category=product.category,
            product=product.partner_product_id,
        )
