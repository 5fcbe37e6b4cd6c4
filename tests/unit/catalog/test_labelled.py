"""The labelled set that ships: its size, the floors the rules keep, and what never matters."""

from __future__ import annotations

import csv
import random
from functools import lru_cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soleflip_pipelines.catalog.category import CATEGORIES, CategoryDetector
from soleflip_pipelines.catalog.evaluation import Kind, evaluate_shipped, shipped_file
from soleflip_pipelines.catalog.labeller import ProductLabeller
from soleflip_pipelines.catalog.labels import code_keys
from soleflip_pipelines.catalog.rules import (
    SEEDS,
    TABLES,
    Rules,
    build_rules,
    default_rules,
    read_csv,
)
from soleflip_pipelines.catalog.text import normalise, tokens
from tests.unit.catalog.detectors import LABELLER

pytestmark = pytest.mark.unit

CATEGORIES_ANEW = CategoryDetector(default_rules())
# coverage, accuracy, macro accuracy, recall
FLOORS: dict[Kind, tuple[float, float, float, float]] = {
    "brand": (0.98, 0.98, 0.98, 0.97),
    "category": (0.98, 0.98, 0.98, 0.97),
    "style-code": (0.0, 0.98, 0.98, 0.97),
    "size": (0.98, 0.99, 0.99, 0.98),
}
DASHES = "-\u2010\u2011\u2013\u2014\u2212"


@lru_cache
def rows(kind: Kind) -> list[dict[str, str]]:
    with shipped_file(kind).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


TITLES = [row["title"] for row in rows("brand")]


def answer(title: str, labeller: ProductLabeller = LABELLER) -> tuple[str | None, str | None]:
    brand = labeller.brands.detect(title)
    return brand.brand, labeller.categories.detect(title, brand=brand).category


def test_the_set_is_large_distinct_and_complete(rules: Rules) -> None:
    assert len(TITLES) >= 600
    assert len({normalise(title) for title in TITLES}) == len(TITLES)
    assert {row["category"] for row in rows("brand")} == set(CATEGORIES)
    assert len({row["brand"] for row in rows("brand")}) > 150
    codes = [row["style_code"] for row in rows("style-code")]
    assert len(codes) >= 150
    assert codes.count("") >= 50
    assert len(rows("size")) >= 250
    assert {row["system"] for row in rows("size")} >= {"US", "UK", "EU", "CM", "KR", "ALPHA"}
    assert rules.version == default_rules().version


def test_the_rules_keep_their_floors(rules: Rules) -> None:
    for kind, result in evaluate_shipped(rules).items():
        shares = (result.coverage, result.accuracy, result.macro_accuracy, result.recall)
        for share, floor in zip(shares, FLOORS[kind], strict=True):
            assert share is not None
            assert share >= floor, (kind, shares, result.worst)


def test_ordinary_words_get_no_brand() -> None:
    plain = [row["title"] for row in rows("brand") if row["source"] == "no brand"]
    found = [title for title in plain if LABELLER.brands.detect(title).brand]
    assert len(plain) >= 50
    assert len(found) <= 0.05 * len(plain), found


def test_every_hard_case_of_the_words_is_right() -> None:
    """Words inside words, themes, and names that are ordinary words."""
    for row in rows("brand"):
        if row["source"] == "hard":
            fitting = {row["brand"], *row["brand_also_ok"].split("|")}
            brand, category = answer(row["title"])
            assert brand in fitting, row
            assert category in {row["category"], row["category_also_ok"]}, row


@settings(max_examples=150, deadline=None)
@given(
    title=st.sampled_from(TITLES),
    change=st.sampled_from([str.upper, str.lower, str.title, str.swapcase]),
    dash=st.sampled_from(DASHES),
    noise=st.sampled_from(["", " (2024)", " \u2122", "  ", " !!", " \u00ae", "\u00a0"]),
)
def test_case_dashes_and_noise_never_matter(
    title: str, change: object, dash: str, noise: str
) -> None:
    assert callable(change)
    assert answer(str(change(title)).replace("-", dash) + noise) == answer(title)


@settings(max_examples=60, deadline=None)
@given(title=st.sampled_from(TITLES), mark=st.sampled_from("\u0301\u0300\u0302"))
def test_accents_never_matter(title: str, mark: str) -> None:
    assert answer("".join(c + mark if c in "aeiou" else c for c in title)) == answer(title)


@settings(max_examples=300, deadline=None)
@given(
    title=st.sampled_from(TITLES),
    word=st.sampled_from(["x", "by", "of", "men", "with", "og", "damen", "w"]),
    at=st.integers(0, 8),
)
def test_what_was_asked_before_never_matters(title: str, word: str, at: int) -> None:
    """Answers remembered for titles alike are those that a title gets by itself."""
    words = title.split()
    for asked in (title, " ".join([*words[:at], word, *words[at:]])):
        first = LABELLER.brands.detect(asked)
        found = LABELLER.brands._index.find(tokens(asked))
        assert first == LABELLER.brands._decided(tokens(asked), found, "", ())
        CATEGORIES_ANEW._alike.clear()
        fresh = CATEGORIES_ANEW._detect(asked, "", first, ())
        assert LABELLER.categories.detect(asked, brand=first) == fresh


def test_the_order_of_equal_patterns_never_matters() -> None:
    tables = {table: list(read_csv(SEEDS / f"{table}.csv")) for table in TABLES}
    for seed in range(3):
        for found in tables.values():
            random.Random(seed).shuffle(found)
        labeller = ProductLabeller(build_rules(tables, ()))
        assert [answer(title, labeller) for title in TITLES] == [answer(t) for t in TITLES]


@settings(max_examples=80, deadline=None)
@given(
    row=st.sampled_from([r for r in rows("style-code") if " " in r["text"]]),
    change=st.sampled_from([str.upper, str.lower]),
    dash=st.sampled_from(DASHES),
)
def test_codes_are_found_in_any_case_and_dash(
    row: dict[str, str], change: object, dash: str
) -> None:
    assert callable(change)
    found = LABELLER.codes.extract(str(change(row["text"])).replace("-", dash), row["brand"]).first
    expected = code_keys(row["style_code"])
    assert (found.key in expected) if found else not expected
