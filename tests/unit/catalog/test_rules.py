"""The reviewed rule files: whole, consistent, and versioned by what they say."""

from __future__ import annotations

import re

import pytest

from soleflip_pipelines.catalog.category import CATEGORIES
from soleflip_pipelines.catalog.phrases import PhraseIndex, phrase_words
from soleflip_pipelines.catalog.rules import SEEDS, TABLES, Rules, build_rules, read_csv
from soleflip_pipelines.catalog.text import normalise, spellings, tokens

pytestmark = pytest.mark.unit


def test_well_over_a_hundred_brands_in_every_segment(rules: Rules) -> None:
    brands = [info for info in rules.brand_info.values() if info.tier != "partner"]
    assert len(brands) > 300
    assert {info.default_category for info in brands} >= set(CATEGORIES)


def test_every_brand_is_known_and_has_a_pattern(rules: Rules) -> None:
    assert {rule.brand for rule in rules.brand_rules} == set(rules.brand_info)
    assert {rule.parent_brand for rule in rules.brand_rules} <= {None, *rules.brand_info}


def test_a_brand_has_one_house(rules: Rules) -> None:
    houses = {(rule.brand, rule.parent_brand) for rule in rules.brand_rules}
    assert len(houses) == len({brand for brand, _ in houses})


def test_no_words_stand_for_two_brands(rules: Rules) -> None:
    words = [phrase_words(rule.pattern) for rule in rules.brand_rules]
    assert len(words) == len(set(words))


def test_names_of_categories_and_charts_exist(rules: Rules) -> None:
    named = {rule.category for rule in (*rules.brand_rules, *rules.category_rules)}
    named |= {info.default_category for info in rules.brand_info.values()}
    assert named - {None} <= set(CATEGORIES)
    charts = {row.brand for row in rules.size_chart}
    assert {"Nike", "adidas", "ASICS", "New Balance", "UGG", "Converse"} <= charts


def test_a_finer_type_is_of_one_category_and_says_what_the_word_is(rules: Rules) -> None:
    named = {(r.product_type, r.category) for r in rules.category_rules if r.product_type}
    of_brands = {
        (i.default_product_type, i.default_category)
        for i in rules.brand_info.values()
        if i.default_product_type
    }
    every = named | of_brands
    assert len({product_type for product_type, _ in every}) == len(every) > 60
    types = {(r.phrase, r.role): r.product_type for r in rules.category_rules}
    for phrase, expected in {
        "buch": "book", "perfume": "fragrance", "handschuhe": "gloves", "krawatte": "tie",
        "kuscheltier": "plush", "water bottle": "drinkware", "ssd": "storage", "boots": "boot",
        "loafers": "loafer", "heimtrikot": "jersey", "badehose": "swimwear", "fedora": "hat",
        "gummistiefel": "boot", "vinyl figure": "figure", "shoe laces": "shoe care",
    }.items():  # fmt: skip
        found = {types[key] for key in types if key[0] == phrase}
        assert found == {expected}, (phrase, found)


def test_grammars_compile_and_templates_fit(rules: Rules) -> None:
    for rule in rules.style_code_rules:
        groups = re.compile(rule.regex).groups
        assert rule.template.count("\\") <= groups, rule


def test_the_version_follows_the_rows_not_their_order() -> None:
    tables = {table: read_csv(SEEDS / f"{table}.csv") for table in TABLES}
    version = build_rules(tables, ()).version
    turned = {table: rows[::-1] for table, rows in tables.items()}
    assert build_rules(turned, ()).version == version
    own = [{"pattern": "abc", "brand": "Abc", "priority": "1000"}]
    assert build_rules(tables, own).version != version
    fewer = {**tables, "brand_rule": tables["brand_rule"][1:]}
    assert build_rules(fewer, ()).version != version


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Nike's Air Force 1 '07", "nikes air force 1 07"),
        ("A.P.C. x J.Crew", "apc x j crew"),
        ("D.O.N. Issue #5", "don issue 5"),
        ("Dolce & Gabbana", "dolce and gabbana"),
        ("NMD_R1 \u2013 Stüssy\u2122", "nmd r1 stussy"),
        ("BE@RBRICK 1000%", "bearbrick 1000"),
        ("A$AP Føroyar Groß", "asap foroyar gross"),
        ("Hotstep 2.0 (W)", "hotstep 2.0 w"),
        ("Carhartt\u00d7Nike", "carhartt x nike"),
    ],
)
def test_one_form_for_every_text(text: str, words: str) -> None:
    assert normalise(text) == words


def test_umlauts_have_two_spellings() -> None:
    assert spellings("Mütze") == ("Mütze", "Muetze")
    assert spellings("cap") == ("cap",)


def test_phrases_are_found_longest_first_and_numbers_by_sign() -> None:
    index = PhraseIndex([("air", 1), ("air max", 2), ("air max #", 3), ("zx #", 4)], [("jacke", 5)])
    found = [hit.payload for hit in index.find(tokens("Air Max 90, Air Max Plus, Air, ZX8000"))]
    assert found == [3, 2, 1, 4]
    assert [hit.payload for hit in index.find(tokens("Airline Lederjacke Jacke"))] == [5]
    assert index.find(tokens("Hairy Maximum ZXY")) == []
