"""What a reading of a size starts from and ends in: the context of a text, and the size it names.

No reading is done here: the grammar is in `size_text` and `size_number`, conversion in `size`.
"""

from __future__ import annotations

from dataclasses import dataclass

from soleflip_pipelines.catalog.brand_facts import FOOTWEAR


@dataclass(frozen=True, slots=True)
class SizeResult:
    """One size; `us_size` as the marketplace writes it (`9.5W`, `6Y`), `eu_size` as the maker does.

    `also` holds the keys of equal sizes that the text itself names (`9.5W / 8M`).
    """

    system: str
    audience: str
    value: str | None
    size_key: str
    us_size: str | None = None
    eu_size: str | None = None
    confidence: float = 0.0
    also: tuple[str, ...] = ()


NO_SIZE = SizeResult("NONE", "", None, "ONE", confidence=0.9)
ONE_SIZE = SizeResult("ONE", "", None, "ONE", confidence=0.97)


@dataclass(frozen=True, slots=True)
class SizeContext:
    """Whose size it is: brand, audience (blank if unknown) and category (blank if unknown)."""

    brand: str | None
    audience: str
    category: str

    @property
    def is_shoe(self) -> bool:
        """Whether bare numbers are read as shoe sizes; what has no category counts as a shoe."""
        return self.category in FOOTWEAR or not self.category
