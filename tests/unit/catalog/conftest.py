"""The project's own rules and the grammars of codes by them."""

from __future__ import annotations

import pytest

from soleflip_pipelines.catalog.rules import Rules, default_rules
from soleflip_pipelines.catalog.style_code import StyleCodeExtractor
from tests.unit.catalog.detectors import LABELLER


@pytest.fixture(scope="session")
def rules() -> Rules:
    return default_rules()


@pytest.fixture(scope="session")
def codes() -> StyleCodeExtractor:
    return LABELLER.codes
