"""Brands: names, models, partners and further witnesses, and what must not be a brand."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soleflip_pipelines.catalog.brand import FLOOR, BrandDetector
from soleflip_pipelines.catalog.rules import (
    SEEDS,
    TABLES,
    Rules,
    build_rules,
    default_rules,
    read_csv,
)
from soleflip_pipelines.catalog.style_code import CodeWitness
from tests.unit.catalog.detectors import LABELLER

pytestmark = pytest.mark.unit

DETECTOR = LABELLER.brands

NAMED = [
    # the names of makers, labels and things
    ("Nike Dunk Low Retro Panda", "Nike"),
    ("ADIDAS ORIGINALS GAZELLE INDOOR", "adidas"),
    ("new balance 990v6 grey", "New Balance"),
    ("Asics Gel-Kayano 14 Cream Black", "ASICS"),
    ("Comme des Garçons PLAY Heart Tee", "Comme des Garçons"),
    ("COMME DES GARCONS play heart tee", "Comme des Garçons"),
    ("A-COLD-WALL* Strand Tee", "A-COLD-WALL*"),
    ("C.P. Company Lens Beanie", "C.P. Company"),
    ("LEGO Icons Botanical Orchid Set 10311", "LEGO"),
    ("Apple AirPods Pro 2nd Generation", "Apple"),
    ("BE@RBRICK Sorayama 400%", "Bearbrick"),
    # lines, sub-brands and their houses
    ("Air Jordan 4 Retro Thunder", "Jordan"),
    ("Nike Air Jordan 9 Demo Colour", "Jordan"),
    ("Jordan Nike Flight Fleece Hoodie", "Jordan"),
    ("Yeezy Boost 350 V2", "adidas"),
    ("Fear of God Essentials Hoodie Jet Black", "Fear of God"),
    ("Nike x NOCTA Tech Fleece", "Nike"),
    # models without their maker's name
    ("Dunk High Spartan Green", "Nike"),
    ("Samba OG Collegiate Green", "adidas"),
    ("Gel-Kayano 20 Midnight", "ASICS"),
    ("Speedcat OG Rhubarb", "Puma"),
    ("Tasman Slipper Dune", "UGG"),
    ("Old Skool Pro Checkerboard", "Vans"),
    ("ZX8000 Aqua", "adidas"),
    ("Kyrie 3 Luxury", "Nike"),
    ("PlayStation 5 Slim Disc Edition", "Sony"),
    # partnerships
    ("Travis Scott x Jordan 1 Low", "Jordan"),
    ("Jordan 1 Low OG Travis Scott Canary", "Jordan"),
    ("Off-White x Nike Air Presto", "Nike"),
    ("Off-White Air Presto Black", "Nike"),
    ("Nike Air Presto Off-White", "Nike"),
    ("Sacai x Nike VaporWaffle", "Nike"),
    ("Supreme The North Face Nuptse Red", "Supreme"),
    ("Supreme Nike Half Zip Crewneck", "Supreme"),
    ("Supreme x Nike SB Dunk Low Stars", "Nike"),
    ("Vans Half Cab Supreme", "Vans"),
    ("Palace adidas Firebird Track Top", "Palace"),
    ("KAWS x Uniqlo UT Tee", "KAWS"),
    ("Aime Leon Dore 550 New Balance Green", "New Balance"),
    ("LEGO adidas Superstar Set", "LEGO"),
    ("adidas Superstar Lego Red", "adidas"),
    ("Converse Chuck 70 Hi Carhartt WIP", "Converse"),
    # artists and labels on their own
    ("Travis Scott Cactus Jack Airbrush Tee", "Travis Scott"),
    ("Off-White Diag Arrows Scarf", "Off-White"),
    ("KAWS Holiday Shanghai Vinyl Figure", "KAWS"),
    # ordinary words that are brands only in front
    ("Essentials Fear of God Sweatpants", "Fear of God"),
    ("Palace Tri-Ferg Hoodie", "Palace"),
    ("Market Smiley Tee", "Market"),
    # or behind the thing, or before it in a language that joins words, or behind a season
    ("Kurtka Columbia rozmiar L", "Columbia"),
    ("Chaqueta vaquera Lee azul", "Lee"),
    ("Comma Etuikleid mit Volant", "Comma"),
    ("1986 Fleer Sticker Card", "Fleer"),
]

NOT_NAMED = [
    "Operation Blue Rain",
    "Herren Ledergürtel Braun 110 cm",
    "Women Solid Red Kurta",
    "Cooperation Track Pants",
    "Steel Grey Bottle",
    "Supremely Soft Socks",
    "Grand Hotel Slippers",
    "White Crew Neck",
    "The Nikeland Poster",
    "Stanford Tee",
    "",
    "1234",
    "Cotton T-Shirt 3-Pack",
]


@pytest.mark.parametrize(("title", "brand"), NAMED)
def test_brand_of_title(title: str, brand: str) -> None:
    result = DETECTOR.detect(title)
    assert result.brand == brand, result
    assert result.confidence >= FLOOR
    assert result.rule
    assert result.evidence


@pytest.mark.parametrize("title", NOT_NAMED)
def test_ordinary_words_are_no_brand(title: str) -> None:
    assert DETECTOR.detect(title).brand is None


def test_words_inside_words_never_match() -> None:
    assert DETECTOR.detect("Operation Era Tee").brand is None
    assert DETECTOR.detect("Vans Operation Tee").brand == "Vans"
    assert DETECTOR.detect("Carhartt Detroit Jacket").brand == "Carhartt"


def test_collaborators_and_houses_are_told_apart() -> None:
    jordan = DETECTOR.detect("Travis Scott x Jordan 1 Low OG Olive")
    assert (jordan.brand, jordan.parent_brand) == ("Jordan", "Nike")
    assert jordan.collaborators == ("Travis Scott",)
    yeezy = DETECTOR.detect("adidas Yeezy Boost 700 Wave Runner")
    assert (yeezy.brand, yeezy.sub_brand, yeezy.parent_brand) == ("adidas", "Yeezy", None)
    dunk = DETECTOR.detect("Nike SB Dunk Low Sean Cliver")
    assert (dunk.brand, dunk.collaborators) == ("Nike", ("Sean Cliver",))


def test_a_leading_joiner_leaves_the_shop_unnamed() -> None:
    assert DETECTOR.detect("X OVO Socks").brand is None
    assert DETECTOR.detect("x Medicom Toy Busy Works Tee").brand == "BAPE"


@pytest.mark.parametrize(
    ("title", "brand"),
    [
        ("Turtle Men Check Formal Shirt", "Turtle"),
        ("Scout Kinder Schulranzen", "Scout"),
        ("Turtle Neck Sweater Women", None),
        ("Dark Safari Men Shirt", None),
        ("Barbie x Crocs Cozzzy Sandal", "Crocs"),  # the shoe's maker, not whose name it bears
        ("Supreme Court Tee", None),
        ("Champion of the World Mug", None),
        ("Women Off White Churidar", None),
        ("Off White Linen Shirt", None),
        ("Off-White Arrow Shirt", "Off-White"),
        ("Levi's Supreme Court Jacket", "Levi's"),
        ("LEGO x adidas ZX 8000", "adidas"),
        ("LEGO Star Wars x Wing", "LEGO"),
        ("BAPE x Pokemon Pikachu Tee", "BAPE"),
        ("Palace x Bearbrick 400%", "Bearbrick"),
    ],
)
def test_ordinary_words_and_lent_names(title: str, brand: str | None) -> None:
    assert DETECTOR.detect(title).brand == brand


def test_the_brand_field_is_a_witness() -> None:
    assert DETECTOR.detect("550 White Green", "New Balance").brand == "New Balance"
    agreed = DETECTOR.detect("Nike Dunk Low", "Nike")
    assert agreed.confidence > DETECTOR.detect("Nike Dunk Low").confidence
    # a field that says one of the brands in the title decides between them
    assert DETECTOR.detect("Palace adidas Track Top", "adidas").brand == "adidas"
    # a field against a plain title does not win
    assert DETECTOR.detect("Lacoste Logo Polo", "Amiri").brand == "Lacoste"
    # the house in the field does not hide the sub-brand in the title
    assert DETECTOR.detect("Air Jordan 3 Retro", "Nike").brand == "Jordan"


def test_an_unknown_brand_field_makes_a_new_brand_with_its_origin() -> None:
    result = DETECTOR.detect("Linen Overshirt", "  Atelier   Nord ")
    assert (result.brand, result.rule) == ("Atelier Nord", "hint:unknown")


def test_a_number_needs_another_witness() -> None:
    assert DETECTOR.detect("550 White Green").brand is None
    code = CodeWitness("BB550PB1", "New Balance", is_strong=False)
    assert DETECTOR.detect("550 White Green", codes=[code]).brand == "New Balance"


def test_a_code_shared_by_makers_is_not_enough() -> None:
    code = CodeWitness("GY6385", "adidas", is_strong=False)
    assert DETECTOR.detect("White Green", codes=[code]).brand is None


def test_the_owners_pattern_wins() -> None:
    tables = {table: read_csv(SEEDS / f"{table}.csv") for table in TABLES}
    own = [{"pattern": "dunk low", "brand": "My Label", "priority": "1000"}]
    detector = BrandDetector(build_rules(tables, own))
    result = detector.detect("Nike Dunk Low Panda", "Nike")
    assert (result.brand, result.rule, result.confidence) == ("My Label", "owner:dunk low", 1.0)
    assert detector.detect("Nike Dunk High", "Nike").brand == "Nike"


def test_every_pattern_fires(rules: Rules) -> None:
    """Each pattern, standing where it may, shows its brand, or at least its partner."""
    for rule in rules.brand_rules:
        words = rule.pattern.replace("#", "3")
        title = {"start": words, "formula": f"{words} Men Zzz"}.get(rule.scope, f"Zzz {words} Zzz")
        tier = rules.brand_info[rule.brand].tier
        if rule.scope == "nowhere":
            found = DETECTOR.detect(title)
            assert rule.brand not in (found.brand, found.sub_brand, *found.collaborators), rule
        elif tier == "partner":
            assert rule.brand in DETECTOR.detect(f"Nike Dunk Low {words}").collaborators, rule
        elif rule.scope == "evidence":
            code = CodeWitness("X", rule.brand, is_strong=False)
            assert DETECTOR.detect(title, codes=[code]).brand == rule.brand, rule
        else:
            result = DETECTOR.detect(title)
            assert rule.brand in (result.brand, result.sub_brand), (rule, result)


@settings(max_examples=150, deadline=None)
@given(
    title=st.sampled_from([title for title, _ in NAMED]),
    case=st.sampled_from([str.upper, str.lower, str.title, str.swapcase]),
    dash=st.sampled_from(["-", "\u2010", "\u2011", "\u2013", "\u2014", "\u2212"]),
    noise=st.sampled_from(["", " (GS)", " - 2023", " 'Nice'", " \u2122", "  ", " [new]", "!!!"]),
)
def test_case_dashes_and_noise_never_matter(
    title: str, case: object, dash: str, noise: str
) -> None:
    assert callable(case)
    changed = str(case(title)).replace("-", dash) + noise
    assert DETECTOR.detect(changed).brand == DETECTOR.detect(title).brand


@settings(max_examples=60, deadline=None)
@given(title=st.sampled_from([title for title, _ in NAMED]), marks=st.sampled_from("\u0301\u0308"))
def test_accents_never_matter(title: str, marks: str) -> None:
    accented = "".join(sign + marks if sign in "aeiou" else sign for sign in title)
    assert DETECTOR.detect(accented).brand == DETECTOR.detect(title).brand


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_order_of_the_rows_never_matters(seed: int) -> None:
    tables = {table: list(read_csv(SEEDS / f"{table}.csv")) for table in TABLES}
    for rows in tables.values():
        random.Random(seed).shuffle(rows)
    shuffled = build_rules(tables, ())
    assert shuffled.version == default_rules().version
    detector = BrandDetector(shuffled)
    for title, brand in NAMED:
        assert detector.detect(title).brand == brand


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_any_text_gets_an_answer(title: str) -> None:
    result = DETECTOR.detect(title)
    assert result.brand is None or result.confidence >= FLOOR
