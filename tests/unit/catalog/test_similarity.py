"""Titles near titles: misspelt is the same, another word or another order is another product."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soleflip_pipelines.catalog.finder import Line, ProductFinder
from soleflip_pipelines.catalog.rules import SizeCorrection, default_rules, size_text_key
from soleflip_pipelines.catalog.similarity import TitleIndex, without_colour
from soleflip_pipelines.catalog.size import SizeParser
from soleflip_pipelines.catalog.variant_finder import Product, Variant

pytestmark = pytest.mark.unit

WORDS = st.lists(
    st.sampled_from(
        "quilted bomber panda chicago lobster orchid harvest thunder glacier mocha velvet 550 1130 "
        "low high mid 2000".split()
    ),
    min_size=4, max_size=7, unique=True,
)  # fmt: skip


def product(key: str, title: str, code: str = "", brand: str = "Nike", **more: object) -> Product:
    known = Product(
        key, title, brand, "sneakers", "men", (code,) if code else (),
        (Variant(f"{key}-9", "9", {"us m": "9", "eu": "42.5"}),),
    )  # fmt: skip
    return replace(known, **more)  # type: ignore[arg-type]


@given(WORDS, st.randoms(use_true_random=False))
def test_equal_words_are_near_and_swapped_ones_are_another(
    words: list[str], rng: random.Random
) -> None:
    index = TitleIndex([("Nike", " ".join(words), "known")])
    noisy = " ".join(word.upper() if rng.random() < 0.5 else f"{word} –" for word in words)
    assert index.nearest(noisy, "Nike")[0].same == 1
    assert index.nearest(f"The {noisy} Schuh", None)[0].same == 1
    at = rng.randrange(len(words) - 1)
    swapped = [*words[:at], words[at + 1], words[at], *words[at + 2 :]]
    assert all(near.same == 0 for near in index.nearest(" ".join(swapped), "Nike"))
    more = [*words[:at], "sapphire", *words[at:]]
    assert all(near.same == 0 for near in index.nearest(" ".join(more), "Nike"))
    assert index.nearest(noisy, "Puma") == []


@given(st.permutations(["a", "b", "c", "d"]))
def test_an_answer_never_depends_on_the_order_of_products(order: list[str]) -> None:
    known = {
        "a": product("a", "Nike Dunk Low Harvest Moon", "AA1111100"),
        "b": product("b", "Nike Dunk Low Harvest Noon", "BB1111100"),
        "c": product("c", "Nike Dunk Low Thunder Blue", "CC1111100"),
        "d": product("d", "Nike Dunk Low Thunder Blue", "DD1111100"),
    }
    finder = ProductFinder([known[key] for key in order], default_rules())
    close = finder.find(Line("Nike Dunk Low Harvest Moonn", "US 9", "Nike", ()))
    assert close.product is None
    assert {c.product.partner_product_id for c in close.candidates} == {"a", "b"}
    tie = finder.find(Line("Nike Dunk Low Thunder Blue", "US 9", "Nike", ()))
    assert {c.product.partner_product_id for c in tie.candidates} == {"c", "d"}
    sure = finder.find(Line("Nike Dunk Low Thunder Blue", "US 9", "Nike", ("DD1111100",)))
    assert sure.variant is not None
    assert (sure.method, sure.variant.partner_variant_id) == ("style_code", "d-9")


def test_evidence_goes_by_its_strength_and_contradictions_are_undecided() -> None:
    gtin = "00190000058405"
    numbered = product("n", "Nike Dunk Low Mocha", "NN1111100")
    numbered = replace(numbered, variants=(replace(numbered.variants[0], gtins=(gtin,)),))
    other = product("o", "Puma Suede Classic Velvet", "OO1111100", "Puma")
    finder = ProductFinder([numbered, other], default_rules())

    def find(name: str = "", code: str = "", **more: str) -> tuple[str, str | None, list[str]]:
        line = Line(name, "9", more.pop("brand", None), (code,) if code else (), **more)
        match = finder.find(line)
        key = match.product.partner_product_id if match.product else None
        return match.method, key, [c.product.partner_product_id for c in match.candidates]

    assert find("Anything", gtin=gtin) == ("gtin", "n", [])
    assert find("Anything", "XX9999999", gtin=gtin) == ("gtin", "n", [])
    assert find("Anything", "OO1111100", gtin=gtin) == ("none", None, ["n", "o"])
    assert find(partner_id="n-9") == ("partner_id", "n", [])
    assert find(code="OO1111100") == ("style_code", "o", [])
    assert find("Air Force", "OO1111100", brand="Nike") == ("none", None, ["o"])
    assert find("Suede Velvet", "OO1111100", brand="Nike") == ("style_code", "o", [])
    assert find("Nike Dunk Low Mocha", "XX9999999", brand="Nike") == ("none", None, ["n"])
    assert find("Nike Dunk Low Mochaa", "XX9999999", brand="Nike") == ("none", None, [])
    assert finder.decided(Line("Anything", "9", None, ()), "o").method == "owner"
    assert finder.decided(Line("Anything", "9", None, ()), None).product is None


def test_a_merged_title_is_a_title_of_the_kept_product() -> None:
    kept = product("k", "Nike Dunk Low Mocha", other_titles=("Nike Dunk Low Dark Mocha",))
    finder = ProductFinder([kept], default_rules())
    found = finder.find(Line("nike dunk low dark mocha", "EU 42.5", "Nike", ()))
    assert (found.method, found.product) == ("title", kept)


@pytest.mark.parametrize(
    ("name", "colour", "left"),
    [
        ("Nike Dunk Low Mocha, weiß", "weiß", "nike dunk low mocha"),
        ('adidas Samba "Core Black/White"', "Core Black/White", "adidas samba"),
        ("Beanie Black", "Black", "Beanie Black"),
        ("Beanie Black", None, "Beanie Black"),
        ("Black", "Black", "Black"),
    ],
)
def test_a_colour_that_a_shop_appends_is_no_part_of_the_title(
    name: str, colour: str | None, left: str
) -> None:
    assert without_colour(name, colour) == left


@given(st.sampled_from(["7", "9.5", "10", "12.5"]), st.sampled_from(["men", "women"]))
def test_the_owners_size_is_read_like_any_other(value: str, audience: str) -> None:
    told = SizeCorrection("US", audience, value)
    key = size_text_key(" T 42 ")
    rules = replace(default_rules(), size_corrections={(key, "", ""): told})
    plain, parser = SizeParser(default_rules()), SizeParser(rules)
    letter = {"men": "M", "women": "W"}[audience]
    expected = plain.parse(f"US {letter} {value}", brand="Nike", category="sneakers")
    found = parser.parse("t42", brand="Nike", category="sneakers")
    assert (found.size_key, found.eu_size) == (expected.size_key, expected.eu_size)
    assert found.confidence == 1
    assert parser.parse("T 43", brand="Nike") == plain.parse("T 43", brand="Nike")
