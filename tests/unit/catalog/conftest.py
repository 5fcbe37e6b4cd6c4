"""The project's own rules and the detectors on them, built once."""

from __future__ import annotations

import pytest

from soleflip_pipelines.catalog.brand import BrandDetector
from soleflip_pipelines.catalog.category import CategoryDetector
from soleflip_pipelines.catalog.rules import Rules, load_rules_from_csv
from soleflip_pipelines.catalog.style_code import StyleCodeExtractor


@pytest.fixture(scope="session")
def rules() -> Rules:
    return load_rules_from_csv()


@pytest.fixture(scope="session")
def brands(rules: Rules) -> BrandDetector:
    return BrandDetector(rules)


@pytest.fixture(scope="session")
def categories(rules: Rules) -> CategoryDetector:
    return CategoryDetector(rules)


@pytest.fixture(scope="session")
def codes(rules: Rules) -> StyleCodeExtractor:
    return StyleCodeExtractor(rules)
