"""The label of one product: the detectors in the order in which they help one another.

Pure: texts in, label out. How a text is read belongs to the detectors; which products are labelled
and what is written, to `product_labelling`.
"""

from __future__ import annotations

from dataclasses import dataclass

from soleflip_pipelines.catalog.brand import BrandDetector, BrandResult
from soleflip_pipelines.catalog.category import CategoryDetector, CategoryResult
from soleflip_pipelines.catalog.rules import Rules
from soleflip_pipelines.catalog.style_code import StyleCodeExtractor, StyleCodes
from soleflip_pipelines.catalog.text import normalise

_Question = tuple[str, str | None, str | None, str | None, str | None, bool]


@dataclass(frozen=True, slots=True)
class ProductLabel:
    """Brand, category and codes of one product."""

    brand: BrandResult
    category: CategoryResult
    codes: StyleCodes


class ProductLabeller:
    """The three detectors in the order in which they help one another."""

    def __init__(self, rules: Rules) -> None:
        """Build the detectors of one set of rules."""
        self.brands = BrandDetector(rules)
        self.categories = CategoryDetector(rules)
        self.codes = StyleCodeExtractor(rules)
        self._rejected_names = rules.rejected_names
        self._memory: dict[_Question, ProductLabel] = {}

    def label(
        self,
        title: str,
        *,
        brand_raw: str | None = None,
        type_raw: str | None = None,
        code_raw: str | None = None,
        description: str | None = None,
        is_code_field_kept: bool = False,
    ) -> ProductLabel:
        """The label of one product; equal inputs (the sizes of an offer) are asked once.

        Args:
            title: the product's name.
            brand_raw: the partner's brand field.
            type_raw: the partner's product type or category path.
            code_raw: the partner's field for the maker's code.
            description: a longer text in which a code may stand.
            is_code_field_kept: the partner fills its code field wherever there is a code, so the
                texts are not searched for one.
        """
        key = (title, brand_raw, type_raw, code_raw, description, is_code_field_kept)
        label = self._memory.get(key)
        if label is None:
            label = self._memory[key] = self._label(*key)
        return label

    def _label(
        self,
        title: str,
        brand_raw: str | None,
        type_raw: str | None,
        code_raw: str | None,
        description: str | None,
        is_code_field_kept: bool,
    ) -> ProductLabel:
        if brand_raw and self._rejected_names and normalise(brand_raw) in self._rejected_names:
            brand_raw = None
        witnesses = self.codes.parse_field(code_raw).witnesses
        brand = self.brands.detect(title, brand_raw, witnesses)
        codes = self.codes.parse_field(code_raw, brand.brand)
        for text in () if is_code_field_kept else (title, description or ""):
            codes = codes if codes.codes else self.codes.extract(text, brand.brand)
        category = self.categories.detect(title, brand=brand, product_type=type_raw)
        return ProductLabel(brand, category, codes)
