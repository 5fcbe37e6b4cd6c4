"""What is known of the brands that a title names: their rank, their house, and what they make.

The brand of a title is chosen in `brand`; here nothing is chosen.
"""

from __future__ import annotations

from dataclasses import dataclass

from soleflip_pipelines.catalog.phrases import Hit
from soleflip_pipelines.catalog.rules import BrandInfo, BrandRule, Rules

FOOTWEAR = frozenset({"sneakers", "other footwear"})
THINGS = frozenset({"collectibles", "electronics"})
# What licences print on others' things, and makers of figures do not.
LICENCES = frozenset({"trading card", "doll", "toy", "console"})
TIER_RANK = {"maker": 0, "label": 1, "artist": 2, "partner": 3}


@dataclass(slots=True)
class Found:
    """The useful hits of one title, in their order."""

    words: tuple[str, ...]
    named: list[Hit[BrandRule]]
    models: list[Hit[BrandRule]]
    weak: list[Hit[BrandRule]]
    numbers: list[Hit[BrandRule]]


class BrandFacts:
    """Answers from the rules about the brands of a title."""

    def __init__(self, rules: Rules) -> None:
        """Look up houses and ranks once, since every title asks for them."""
        self.info = rules.brand_info
        self.parents = {r.brand: r.parent_brand for r in rules.brand_rules if r.parent_brand}
        self._ranks = {brand: TIER_RANK[info.tier] for brand, info in rules.brand_info.items()}

    def is_shoe(self, model: Hit[BrandRule]) -> bool:
        """Whether a model is a shoe of a maker of shoes."""
        info = self.info.get(model.payload.brand)
        return (
            info is not None
            and info.tier == "maker"
            and (model.payload.category or info.default_category) in FOOTWEAR
        )

    def makes_it(self, hit: Hit[BrandRule]) -> bool:
        """Whether a maker made what it made with a label; a licence only lends its name."""
        info = self.info.get(hit.payload.brand)
        if info is None or info.default_category not in THINGS:
            return True
        return info.default_product_type not in LICENCES

    def category(
        self, found: Found, brand: str, info: BrandInfo | None
    ) -> tuple[str | None, str | None, bool]:
        """Category and type of a title of this brand, and whether a model in it says so."""
        default = info.default_category if info else None
        default_type = info.default_product_type if info else None
        for hit in (*found.models, *found.weak, *found.numbers):
            if self.same_house(hit.payload.brand, brand):
                category = hit.payload.category or default
                return category, default_type if category == default else None, True
        named = {self.house(hit.payload.brand) for hit in found.named}
        is_label = info is not None and info.tier != "maker"
        for hit in found.models if is_label else ():
            # The partner's model is what the two made: Brain Dead x Oakley Factory Team.
            maker = self.info.get(hit.payload.brand)
            if maker is not None and self.house(hit.payload.brand) in named:
                category = hit.payload.category or maker.default_category
                is_usual = category == maker.default_category
                return category, maker.default_product_type if is_usual else None, True
        if is_label and default == "apparel":
            return *self.made_with(found, brand, (default, default_type)), False
        return default, default_type, False

    def made_with(
        self, found: Found, brand: str, usual: tuple[str | None, str | None]
    ) -> tuple[str | None, str | None]:
        """What a label of clothes most likely made with those named beside it: Supreme JBL."""
        own = self.house(brand)
        for hit in found.named:
            info = self.info.get(hit.payload.brand)
            if info is None or self.house(info.brand) == own or info.tier == "artist":
                continue
            if info.default_category not in (None, "apparel") and self.makes_it(hit):
                return info.default_category, info.default_product_type
        return usual

    def rank(self, hit: Hit[BrandRule]) -> int:
        """Who comes first where a title names several: the lowest."""
        return self._ranks.get(hit.payload.brand, 1)

    def house(self, brand: str) -> str:
        """The parent brand, or the brand itself."""
        return self.parents.get(brand, brand)

    def same_house(self, one: str, other: str) -> bool:
        """Whether two brands have one parent, or one is the other's."""
        return self.house(one) == self.house(other)
